"""Which socket of the table a report of the kernel was about: who closed it, and who opened it.

A report names both ends and a row of the table its cookie, so they are joined by the ends, which are used again later.
The join is certain for these reasons:

- Of all sockets with the same two ends only one is in the table at a time (__inet_check_established,
  ``net/ipv4/inet_hashtables.c``). A report is about the one that was there then.
- The kernel reports a change before it makes it (inet_sk_state_store, ``net/ipv4/af_inet.c``), and a socket is closed
  once. So one that was there, closing, at some moment was closed by the last report of its ends before that moment,
  unless a later one is missing.

When a row was read is known only as a moment within the look at the sockets. A report that came during the look may be
its own or that of the next socket with these ends: the next look tells.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sockview.model import tcp_state
from sockview.model.age import Since
from sockview.model.inet_socket import TCP, TIME_WAIT_SECONDS, TIMER_TIME_WAIT, InetSocket
from sockview.model.owner import Process
from sockview.model.snapshot import Snapshot
from sockview.model.trace import NOBODY, Trace, Transition
from sockview.model.trace_reports import TraceReports

#: State of a socket that a process has closed -> the state into which that took it (RFC 9293 3.3.2).
CLOSED_INTO: Final[dict[int, int]] = {
    tcp_state.FIN_WAIT1: tcp_state.FIN_WAIT1,
    tcp_state.FIN_WAIT2: tcp_state.FIN_WAIT1,
    tcp_state.CLOSING: tcp_state.FIN_WAIT1,
    tcp_state.TIME_WAIT: tcp_state.FIN_WAIT1,
    tcp_state.LAST_ACK: tcp_state.LAST_ACK,
}

#: Seconds by which two readings of the same clock may seem to be apart.
_TOLERANCE: Final = 0.001
#: The same for the kernel's timers, which count ticks of up to 10 ms.
_TIMER_TOLERANCE: Final = 0.1


class Traced(NamedTuple):
    """What was reported of one socket."""

    closers: tuple[Process, ...]
    """The process that closed it; where that is not certain those that may have, by PID. Empty: none was reported."""
    opener: Process | None = None
    """The one that connected it."""
    certain: bool = True
    """The one closer is the right one."""
    parent: int = 0
    """PID of the parent of the one closer; 0 where it is not known."""
    disbelieved: bool = False
    """The reports name one closer, but others are tied to the socket and it is not: that stays so."""

    @property
    def closer(self) -> Process | None:
        """Who closed it for certain."""
        return self.closers[0] if self.certain and len(self.closers) == 1 else None


class TraceMemory:
    """For each snapshot: `take` its trace, go the `steps`, `follow` all of its sockets, and `forget` at the end.

    A join that is given up before its end does no harm.
    """

    def __init__(self) -> None:
        self._reports = TraceReports()
        self._looks: deque[float] = deque(maxlen=2)
        """When the last two looks began, as far as they were complete."""

    def take(self, trace: Trace) -> None:
        """Keep what was reported. `trace` was drained after the look at the sockets had ended, and lacks nothing."""
        self._reports.take(trace)

    def steps(self) -> Generator[None, None, None]:
        """Make what was taken ready, a few milliseconds a step; what is not ready the first `match` makes so."""
        return self._reports.steps()

    def forget(self, snapshot: Snapshot) -> None:
        """Drop what can't be asked for any more: every socket of the snapshot has been followed."""
        self._reports.looked(snapshot)
        if snapshot.complete:
            self._looks.append(snapshot.clock)
        else:
            self._looks.clear()

    def follow(
        self,
        part: Sequence[InetSocket],
        snapshot: Snapshot,
        earlier: Mapping[int, Since],
        known: Mapping[int, Traced],
    ) -> dict[int, Traced]:
        """What is known of some sockets of the snapshot, by cookie; those of which nothing is are left out.

        `earlier` and `known` go by cookie too: in which state the looks before saw a socket, and what was known of it
        then; also of those that the last complete look may have passed over. Only sockets that are new, or in another
        state, or not certain yet are matched: the others cost two look-ups in a dictionary.
        """
        if not self._reports and not known:
            return {}
        found = {s.cookie: known[s.cookie] for s in part if s.cookie in known} if known else {}
        doubtful = (
            [s for s in part if (old := found.get(s.cookie)) and self._is_doubtful(old, s, earlier)] if found else []
        )
        fresh = [s for s in part if (was := earlier.get(s.cookie)) is None or was.state != s.state]
        for s in (*doubtful, *self._reports.about(fresh)):
            if s.cookie <= 0:
                continue
            old = found.get(s.cookie)
            if old is not None and old.closers and s.state not in CLOSED_INTO:  # it was connected once more
                del found[s.cookie]
                old = None
            if old is not None and (old.closer is not None or old.disbelieved):
                continue
            was = earlier.get(s.cookie)
            told = self.match(s, snapshot, was is None or (s.state in CLOSED_INTO and was.state not in CLOSED_INTO))
            if told is not None:
                found[s.cookie] = told if old is None else _joined(old, told)
        return found

    def _is_doubtful(self, known: Traced, s: InetSocket, earlier: Mapping[int, Since]) -> bool:
        """Whether what is known may change: no report is added to those of one that was there when they were kept."""
        if known.certain or known.disbelieved:
            return bool(known.closers) and s.state not in CLOSED_INTO
        was = earlier.get(s.cookie)
        return was is None or was.state != s.state or was.clock > self._reports.kept_from

    def match(self, s: InetSocket, snapshot: Snapshot, first: bool = False) -> Traced | None:
        """What the kept reports tell of a socket of the snapshot; None: nothing.

        `first`: the two looks before did not show it closing or, if it is not closing now, did not show it. If both
        were complete it was closed, or opened, after the earlier of them began: one may pass over a socket, not both.
        """
        start = snapshot.clock - _TOLERANCE
        end = snapshot.clock + snapshot.dump_seconds + _TOLERANCE
        reports = [report for report in self._reports.of(s) if report.clock <= end] if s.protocol == TCP else []
        if not reports:
            return None
        after = self._looks[0] if first and len(self._looks) == 2 else -math.inf
        last = next((report for report in reversed(reports) if report.clock <= start), None)
        possible, certain = self._closings_of(s, reports, last, after, end)
        if not possible:
            unknown = -math.inf if s.state in CLOSED_INTO else after
            told = Traced((), self._opener(reports, unknown if last is None else last.clock, end))
        elif certain and len({report.process.identity for report in possible}) == 1:
            before = [report.clock for report in reports if report.clock < possible[0].clock]
            opener = self._opener(reports, before[-1], possible[-1].clock) if before else None
            told = Traced(_named(possible), opener, parent=possible[-1].parent)
        else:
            told = Traced(_named(possible), certain=False)
        return told if told.closers or told.opener else None

    def _closings_of(
        self, s: InetSocket, reports: Sequence[Transition], last: Transition | None, after: float, end: float
    ) -> tuple[Sequence[Transition], bool]:
        """The reports one of which may be that of its closing, and whether one of them certainly is.

        `last` is the last of its ends before the look. It was closed after `after` and seen at `end` or before.
        """
        wanted, latest = CLOSED_INTO.get(s.state), closed_by(s, end)
        fitting = [report for report in reports if report.state == wanted and after < report.clock <= latest]
        if last is None or s.interface:  # the same ends may be in use on several interfaces
            return fitting, self._reports.is_whole(after, latest)
        if last.state == wanted and last.clock > latest:  # its timer says that this closed another socket, or is wrong
            return fitting[-1:], False
        return [r for r in fitting if r.clock >= last.clock], self._reports.is_whole(max(after, last.clock), latest)

    def _opener(self, reports: Sequence[Transition], low: float, high: float) -> Process | None:
        """The process that connected it, if none but one was reported to connect these ends from `low` to `high`."""
        opened = [r for r in reports if r.state == tcp_state.SYN_SENT and low <= r.clock <= high]
        single = len({report.process.identity for report in opened}) == 1 and self._reports.is_whole(low, high)
        return opened[-1].process if single and opened[-1].process != NOBODY else None


def closed_by(s: InetSocket, end: float) -> float:
    """Monotonic seconds at which it was closed at the latest, having been seen at `end` at the latest.

    The timer of TIME_WAIT has run for so long at least: it starts anew when the peer sends its FIN again.
    """
    if s.state != tcp_state.TIME_WAIT or s.timer != TIMER_TIME_WAIT:
        return end
    read_by = end if s.read_at is None else min(end, s.read_at)
    return min(end, read_by - (TIME_WAIT_SECONDS - s.expires_ms / 1000) + _TIMER_TOLERANCE)


def _joined(old: Traced, new: Traced) -> Traced:
    """What is known of a socket that was asked about again; of two doubts the first, which had the more reports."""
    better = new if new.closer is not None or not old.closers else old
    return better._replace(opener=new.opener or old.opener)


def _named(reports: Iterable[Transition]) -> tuple[Process, ...]:
    """Each process that can be named once, by PID, as it was reported last."""
    found = {report.process.identity: report.process for report in reports if report.process != NOBODY}
    return tuple(found[identity] for identity in sorted(found))
