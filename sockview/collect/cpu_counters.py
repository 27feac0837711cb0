"""The counters of one tracepoint, one on each CPU that is online, and whether they still do."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Final

from sockview.collect.perf_event import Counter, online_cpus, ring_size

#: Seconds beyond which two readings tell that the machine has slept: two clocks are never read at once.
_SLEPT: Final = 0.5


def seconds_asleep() -> float:
    """For how long this machine has been suspended since it was started (``clock_gettime(2)``)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


class CpuCounters:
    """Opens the counters, and knows when they have to be opened anew.

    A counter whose CPU goes offline is dead, also when that CPU comes back (perf_event_exit_cpu,
    ``kernel/events/core.c``); and when the machine sleeps, all CPUs but one go and come back.
    """

    def __init__(
        self,
        open_counter: Callable[[int, int], Counter],
        size: int | None = None,
        *,
        cpus: Callable[[], list[int]] = online_cpus,
        asleep: Callable[[], float] = seconds_asleep,
    ) -> None:
        """`open_counter` takes a CPU and the size of its ring in bytes; `size`: None for as many as are sensible."""
        self._open_counter = open_counter
        self._size = size
        self._list_cpus = cpus
        self._asleep = asleep
        self._cpus: list[int] = []
        self._slept = 0.0

    def open(self) -> list[Counter]:
        """On every CPU, or OSError and on none."""
        self._cpus, self._slept = self._list_cpus(), self._asleep()
        counters: list[Counter] = []
        try:
            for cpu in self._cpus:
                self._open_one(cpu, counters)
        except OSError:
            for counter in counters:
                counter.close()
            raise
        return counters

    def renewed(self) -> list[Counter] | None:
        """New ones in place of those opened last; None as long as those do. Raises OSError."""
        slept = self._asleep() - self._slept > _SLEPT
        return self.open() if slept or self._list_cpus() != self._cpus else None

    def _open_one(self, cpu: int, counters: list[Counter]) -> None:
        try:
            counters.append(self._open_counter(cpu, self._size or ring_size(len(self._cpus))))
        except OSError as error:
            if error.errno != errno.ENODEV:  # the CPU has gone offline meanwhile
                raise
