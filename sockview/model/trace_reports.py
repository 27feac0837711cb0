"""The kernel's reports of the last few looks, by the two ends that they name, in bounded memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from sockview.model.inet_socket import InetSocket
from sockview.model.snapshot import Snapshot
from sockview.model.steps import finish
from sockview.model.trace import Trace, Transition

#: Reports kept; beyond these the oldest are given up.
MOST: Final = 200_000
#: Traces and gaps kept; only looks that were not complete let them come to more than a few.
MOST_BATCHES: Final = 12
MOST_GAPS: Final = 100
#: Complete looks after which a report is of no use: all that were closed before these began have been asked about.
LOOKS_KEPT: Final = 3
#: Reports entered between two yields: about 2 ms.
STEP: Final = 5000

Ends = tuple[bytes, int, bytes, int]
"""Local address and port, remote address and port, as in InetSocket and Transition."""

_clock_of = attrgetter("clock")


@dataclass(slots=True)
class _Batch:
    """The reports of one trace."""

    reports: Sequence[Transition]
    by_ends: dict[Ends, tuple[Transition, ...]] = field(default_factory=dict)
    entered: int = 0
    looks: int = 0
    """Complete looks joined since, its own among them."""


class TraceReports:
    """Take the trace of every snapshot, and `looked` when its sockets have been joined.

    Without the second nothing that a later join may need is dropped, so a join can be given up.
    """

    def __init__(self) -> None:
        self._batches: deque[_Batch] = deque()
        self._from = math.inf
        """All that was reported after this is kept, but for what was lost in the gaps."""
        self._gaps: list[tuple[float, float]] = []

    @property
    def kept_from(self) -> float:
        """Monotonic seconds: what was reported before this is not kept."""
        return self._from

    def __bool__(self) -> bool:
        return bool(self._batches)

    def take(self, trace: Trace) -> None:
        """Keep what was reported since the trace before."""
        if not trace.on:
            self._start_anew(math.inf)
            return
        if math.isinf(self._from):
            # Another memory may have taken what came before the first of these.
            self._from = trace.transitions[0].clock if trace.transitions else math.inf
        elif trace.since > self._from:
            self._start_anew(trace.since)
        self._gaps += trace.gaps
        for _start, end in self._gaps[:-MOST_GAPS]:
            self._from = max(self._from, end)
        if len(trace.transitions) > MOST:
            self._from = max(self._from, trace.transitions[-MOST - 1].clock)
        if trace.transitions:
            self._batches.append(_Batch(trace.transitions[-MOST:]))
        while len(self._batches) > MOST_BATCHES or sum(len(batch.reports) for batch in self._batches) > MOST:
            self._drop_oldest()
        self._drop_gaps()

    def steps(self) -> Generator[None, None, None]:
        """Enter what was taken under its ends, a few milliseconds a step."""
        for batch in tuple(self._batches):
            while batch.entered < len(batch.reports):
                _enter(batch, batch.entered + STEP)
                yield

    def looked(self, snapshot: Snapshot) -> None:
        """Every socket of the snapshot was joined: drop what no later one can need."""
        if math.isinf(self._from) and snapshot.trace.on:
            self._from = snapshot.clock + snapshot.dump_seconds
        if snapshot.complete:
            for batch in self._batches:
                batch.looks += 1
        while self._batches and self._batches[0].looks >= LOOKS_KEPT:
            self._drop_oldest()
        self._drop_gaps()

    def about(self, sockets: Sequence[InetSocket]) -> Sequence[InetSocket]:
        """Those of whose ends anything is kept. Of many that are new, as at the first look, they are few."""
        finish(self.steps())
        tables = [batch.by_ends for batch in self._batches]
        return [s for s in sockets if any(s[3:7] in table for table in tables)] if tables else ()

    def of(self, s: InetSocket) -> Sequence[Transition]:
        """All that is kept of its ends, by clock."""
        ends = s[3:7]
        found: list[Transition] = []
        for batch in self._batches:
            if batch.entered < len(batch.reports):
                finish(self.steps())
            found += batch.by_ends.get(ends, ())
        if len(found) > 1:  # what two CPUs report at nearly the same time may come in two traces, in either order
            found.sort(key=_clock_of)
        return found

    def is_whole(self, start: float, end: float) -> bool:
        """Whether every report that came after `start` and before `end` is kept."""
        return start >= self._from and not any(first < end and last > start for first, last in self._gaps)

    def _start_anew(self, since: float) -> None:
        self._batches.clear()
        self._gaps.clear()
        self._from = since

    def _drop_oldest(self) -> None:
        self._from = max(self._from, self._batches.popleft().reports[-1].clock)

    def _drop_gaps(self) -> None:
        self._gaps = [gap for gap in self._gaps if gap[1] > self._from]


def _enter(batch: _Batch, end: int) -> None:
    by_ends = batch.by_ends
    for report in batch.reports[batch.entered : end]:
        ends = report[3:7]
        others = by_ends.get(ends)
        by_ends[ends] = (report,) if others is None else (*others, report)
    batch.entered = min(end, len(batch.reports))
