"""Opens the trace of closed sockets, or says in a few words why there can be none."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass
from typing import Final, Protocol

from sockview.collect.close_trace import CONDITION, CloseTrace
from sockview.collect.cpu_counters import CpuCounters
from sockview.collect.perf_event import Counter
from sockview.collect.perf_records import Decoder, FormatError
from sockview.collect.process_stat import read_file
from sockview.collect.traced_processes import TracedProcesses
from sockview.collect.tracefs import TracefsError, read_tracepoint
from sockview.collect.tracepoint_format import parse_format
from sockview.model.trace import Trace

TRACEPOINT: Final = "sock/inet_sock_set_state"
#: Nanoseconds of one of the clock ticks in which /proc tells when a process started.
TICK: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

_REASONS: Final[dict[int, str]] = {
    errno.EPERM: "not permitted",
    errno.EACCES: "not permitted",
    errno.ENOSYS: "not possible here",
    errno.EINVAL: "kernel too old",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
    errno.ENOMEM: "no memory for it",
}


class Tracer(Protocol):
    """A CloseTrace, or what stands in its place."""

    @property
    def on(self) -> bool: ...

    def drain(self) -> None: ...

    def take(self) -> Trace: ...


@dataclass(frozen=True, slots=True)
class NotTracing:
    """Stands where a CloseTrace would."""

    why_not: str
    on: bool = False

    def drain(self) -> None:
        """There is nothing to take in."""

    def take(self) -> Trace:
        return Trace(why_not=self.why_not)

    def close(self) -> None:
        """There is nothing to close."""


def open_trace(proc: str = "/proc", *, size: int | None = None, onlooker: int | None = None) -> CloseTrace | NotTracing:
    """The trace, at work from now on; NotTracing where there can be none. Never raises.

    `size`: bytes of the ring of each CPU, a power of two of pages; None: as many as are sensible. `onlooker`: as in
    CloseTrace.
    """
    try:
        # The reports name processes as this one's PID namespace does; so must /proc.
        if os.readlink(f"{proc}/self") != str(os.getpid()):
            return NotTracing("foreign /proc")
        net = os.stat(f"{proc}/self/ns/net").st_ino
        if not _has_the_kernels_clock(proc):
            return NotTracing("time namespace")
        number, layout = read_tracepoint(TRACEPOINT)
        decoder = Decoder(parse_format(layout))
        counters = CpuCounters(lambda cpu, room: Counter(number, cpu, CONDITION, room), size)
        rings = counters.open()
    except (TracefsError, FormatError) as error:
        return NotTracing(str(error))
    except OSError as error:
        return NotTracing(_REASONS.get(error.errno or 0) or os.strerror(error.errno or 0))
    processes = TracedProcesses(proc, net, start_time, TICK)
    return CloseTrace(rings, decoder, processes, onlooker=onlooker, renewed=counters.renewed)


def _has_the_kernels_clock(proc: str) -> bool:
    """Whether CLOCK_MONOTONIC, which the reports tell, is not another one here (``time_namespaces(7)``)."""
    try:
        offsets = read_file(f"{proc}/self/timens_offsets", 1024)
    except FileNotFoundError:
        return True
    return not any(
        int(field) for line in offsets.splitlines() if line.startswith(b"mono") for field in line.split()[1:]
    )


def start_time(ticks: int) -> int:
    """Clock ticks after boot (``/proc/PID/stat`` field 22) as nanoseconds of CLOCK_MONOTONIC, rounded down.

    The one clock goes on while the machine is suspended, the other does not: a start before the last
    suspension comes out too early.
    """
    monotonic = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    suspended = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - monotonic
    return ticks * TICK - suspended
