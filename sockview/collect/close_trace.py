"""Listens to the kernel's reports of TCP sockets that are opened and closed: who did it.

The tracepoint ``sock:inet_sock_set_state`` (``include/trace/events/sock.h``) fires in the context of
the process whose connect(), close(), shutdown() or exit takes a socket into another state. It tells
the addresses but not the network namespace, so that is told by the process: a process that uses a
socket of another namespace than its own is taken to use one of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final

from sockview.collect.perf_event import Ring
from sockview.collect.perf_records import (
    FORK,
    IN_INTERRUPT,
    Comm,
    Decoder,
    Fork,
    Namespaces,
    Record,
    Sample,
    time_of,
)
from sockview.collect.traced_processes import TracedProcesses
from sockview.model.inet_socket import fold_mapped
from sockview.model.owner import Process
from sockview.model.tcp_state import CLOSE, FIN_WAIT1, LAST_ACK, SYN_SENT
from sockview.model.trace import NOBODY, Trace, Transition

#: What the kernel is to report at all; 6 is TCP. A connection that leaves SYN_SENT has a local port at last. A close()
#: after shutdown() may "change" FIN_WAIT1 to FIN_WAIT1 once more (tcp_close_state, ``net/ipv4/tcp.c``): not who did it.
CONDITION: Final = (
    f"protocol==6 && (oldstate=={SYN_SENT} || newstate=={SYN_SENT}"
    f" || (newstate=={FIN_WAIT1} && oldstate!={FIN_WAIT1}) || (newstate=={LAST_ACK} && oldstate!={LAST_ACK}))"
)
#: Transitions kept until they are taken, some 300 bytes each; then the oldest are given up.
MOST: Final = 200_000
#: Connections that are being opened, and gaps, kept at most.
MOST_OPENING: Final = 50_000
MOST_GAPS: Final = 1_000
#: Nanoseconds between two looks at whether the rings are still at work.
CHECK_EVERY: Final = 1_000_000_000
#: Nanoseconds beyond which the time of a record can't be right.
_SKEW: Final = 1_000_000_000
_NS: Final = 1_000_000_000
_AF_INET: Final = 2

_clock_of = itemgetter(Transition._fields.index("clock"))


class CloseTrace:
    """Gathers what the rings report between one `take` and the next."""

    def __init__(
        self,
        rings: Sequence[Ring],
        decoder: Decoder,
        processes: TracedProcesses,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        most: int = MOST,
        onlooker: int | None = None,
        renewed: Callable[[], Sequence[Ring] | None] = lambda: None,
    ) -> None:
        """The rings are at work already; `close` closes them. `clock`: nanoseconds of CLOCK_MONOTONIC.

        `onlooker`: PID of a process without TCP sockets of its own, which looks at the descriptors of others. The
        kernel lends it each for a moment; what is closed in that moment, it is not the one who closed it.
        `renewed`: new rings in place of those there are, which report nothing any more; None as long as they do.
        """
        self._rings = list(rings)
        self._decoder = decoder
        self._processes = processes
        self._clock = clock
        self._most = most
        self._onlooker = onlooker
        self._renewed = renewed
        self._since = self._drained = self._checked = clock()
        self._held: list[Record] = []
        """Of a time after the last drain began: another ring may still have something earlier."""
        self._opening: dict[int, Process] = {}
        """The kernel's name of a socket in SYN_SENT -> who opened it."""
        self._transitions: list[Transition] = []
        self._gaps: list[tuple[float, float]] = []
        self._lost = 0
        self._doubtful = False
        self._why_not = ""

    @property
    def on(self) -> bool:
        """False once it was closed."""
        return bool(self._rings)

    def close(self) -> None:
        """Stop listening; may be called twice."""
        for ring in self._rings:
            ring.close()
        self._rings = []

    def take(self) -> Trace:
        """All that is new since the last time, in the order in which it happened."""
        self.drain()
        self._check(self._drained)
        if not self._rings:
            return Trace(why_not=self._why_not)
        transitions, self._transitions = self._transitions, []
        gaps, self._gaps = self._gaps, []
        transitions.sort(key=_clock_of)  # in order already, but for a record that came late from another CPU
        return Trace(True, "", self._since / _NS, transitions, gaps, self._lost)

    def drain(self) -> None:
        """Empty the rings; to be called several times a second, so that they never fill up."""
        now = self._clock()
        try:
            self._empty(now)
            self._processes.look_around(now)
        except Exception:
            # Nobody knows what had been read already and is lost now.
            self._lose(1, self._drained, now)
            self._drained = now
            raise
        self._drained = now
        if now - self._checked >= CHECK_EVERY:
            self._check(now)

    def _empty(self, now: int) -> None:
        records, self._held = self._held, []
        for ring in self._rings:
            self._read(ring, records, now)
        records.sort(key=time_of)
        self._set_aside(records, now)
        doubtful, self._doubtful = self._doubtful, False
        if doubtful:
            self._doubt()
        self._take_in(records)
        if doubtful:
            self._doubt()

    def _check(self, now: int) -> None:
        """See that the rings are still at work, or take new ones."""
        before, self._checked = self._checked, now
        try:
            rings = self._renewed()
        except OSError as error:
            self._why_not = f"CPUs have changed: {os.strerror(error.errno or 0)}"
            self.close()
            return
        if rings is not None:
            self.close()
            self._rings = list(rings)
            self._lose(0, before, self._clock())

    # ------------------------------------------------------------ what comes
    def _read(self, ring: Ring, records: list[Record], now: int) -> None:
        """Append a ring's new records."""
        was_full = ring.was_full
        data = ring.read()
        if not data:
            return
        last = self._since if ring.last is None else ring.last
        first = len(records)
        decoded = self._decoder.decode(data, records)
        for before, loss in decoded.losses:
            # A ring that was found full has its gap from then on; this tells how many they were.
            known = before is None and was_full
            self._lose(loss.records, last if before is None else before, None if known else loss.time)
        if decoded.damaged:
            self._lose(decoded.damaged, last, now)
        if len(records) > first:
            ring.last = min(time_of(records[-1]), now)
        if ring.was_full:
            self._lose(0, last if ring.last is None else ring.last, self._clock())

    def _set_aside(self, records: list[Record], now: int) -> None:
        """Leave only records of a time up to `now`: those after it are kept for later, impossible ones are dropped."""
        wrong = 0
        while records and time_of(records[-1]) > now:
            record = records.pop()
            if time_of(record) <= now + _SKEW:
                self._held.append(record)
            else:
                wrong += 1
        earliest = self._since - _SKEW
        if records and time_of(records[0]) < earliest:
            kept = [record for record in records if time_of(record) >= earliest]
            wrong += len(records) - len(kept)
            records[:] = kept
        if wrong:
            self._lose(wrong, self._drained, now)

    def _lose(self, count: int, start: int, end: int | None) -> None:
        """So many were lost between these times; no end: the gap is known already."""
        self._lost += count
        self._doubtful = True
        if end is None:
            return
        self._add_gap(start / _NS, max(start, end) / _NS)

    def _add_gap(self, start: float, end: float) -> None:
        self._gaps.append((start, end))
        if len(self._gaps) > MOST_GAPS:
            self._gaps = [(min(gap[0] for gap in self._gaps), max(gap[1] for gap in self._gaps))]

    def _doubt(self) -> None:
        """What follows may not be the end of what was begun before."""
        self._opening.clear()
        self._processes.doubt()

    # ------------------------------------------------------------ what it means
    def _take_in(self, records: list[Record]) -> None:
        """Make transitions of the records, which are in the order of their times. Runs 40,000 times a second."""
        opening, who, parent_of = self._opening, self._processes.who, self._processes.parent_of
        append, new = self._transitions.append, tuple.__new__
        for record in records:
            if not isinstance(record, Sample):
                self._take_in_other(record)
                continue
            _, _, _, pid, tid, at, _, flags, name, old, state, local_port, remote_port, family, *addresses = record
            if old == SYN_SENT:
                # Whoever runs now may have nothing to do with it: the network's answer has come.
                process = opening.pop(name, None)
                if process is None or state == CLOSE:
                    continue
                state = SYN_SENT
            else:
                process = NOBODY if flags & IN_INTERRUPT or pid == self._onlooker else who(pid, tid, at)
                if state == SYN_SENT:
                    self._remember_opening(name, process)
                    continue
                if process is None:
                    continue
            if family == _AF_INET:
                local, remote = addresses[0], addresses[1]
            else:
                local, remote = fold_mapped(addresses[2]), fold_mapped(addresses[3])
            parent = 0 if process is NOBODY else parent_of(pid)
            append(new(Transition, (at / _NS, state, process, local, local_port, remote, remote_port, parent)))
        surplus = len(self._transitions) - self._most
        if surplus > 0:
            self._give_up(surplus + self._most // 10)

    def _take_in_other(self, record: Fork | Comm | Namespaces) -> None:
        if isinstance(record, Comm):
            self._processes.renamed(record)
        elif isinstance(record, Namespaces):
            self._processes.moved(record)
        elif record.kind == FORK:
            self._processes.forked(record)
        else:
            self._processes.ended(record)

    def _remember_opening(self, name: int, process: Process | None) -> None:
        """None: it is in another network namespace."""
        self._opening.pop(name, None)
        if process is not None:
            self._opening[name] = process
            if len(self._opening) > MOST_OPENING:
                del self._opening[next(iter(self._opening))]

    def _give_up(self, surplus: int) -> None:
        """Forget the oldest transitions: nobody takes them."""
        given_up, self._transitions = self._transitions[:surplus], self._transitions[surplus:]
        self._lost += len(given_up)
        self._add_gap(given_up[0].clock, given_up[-1].clock)
