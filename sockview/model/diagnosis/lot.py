"""Sockets with what is asked of each of them at every look, side by side."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from sockview.model.age import TOLERANCE, oldest
from sockview.model.format_text import MINUTE
from sockview.model.inet_socket import TIMER_TIME_WAIT, InetSocket
from sockview.model.query import Age
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts

Column = TypeVar("Column", list[InetSocket], "array[float]")

#: Sockets looked at between two yields: about 2 ms.
STEP: Final = 10_000
#: Those whose age is asked for: the same.
AGE_STEP: Final = 1000


@dataclass(slots=True)
class Lot:
    """To ask sockets that lie far apart in memory takes a microsecond for each; of these numbers a twentieth."""

    sockets: list[InetSocket] = field(default_factory=list)
    clocks: array[float] = field(default_factory=lambda: array("d"))
    """`Since.clock` of each."""
    slacks: array[float] = field(default_factory=lambda: array("d"))
    """`Since.slack` of each; inf where no bound is known."""

    @classmethod
    def of(cls, sockets: Sequence[InetSocket], table: SocketTable) -> Lot:
        lot = cls()
        lot.add(sockets, table)
        return lot

    def __len__(self) -> int:
        return len(self.sockets)

    def add(self, sockets: Sequence[InetSocket], table: SocketTable) -> None:
        """Sockets of that table."""
        sinces = table.sinces(sockets)
        self.sockets += sockets
        self.clocks.extend([since.clock for since in sinces])
        self.slacks.extend([math.inf if since.slack is None else since.slack for since in sinces])

    def take_away(self, sockets: Iterable[InetSocket]) -> Generator[None, None, None]:
        """These very objects; in steps of a few milliseconds."""
        gone = set(map(id, sockets))
        at = [place for place, number in enumerate(map(id, self.sockets)) if number in gone]
        yield
        self.sockets = _without(self.sockets, at)
        self.clocks, self.slacks = _without(self.clocks, at), _without(self.slacks, at)

    def part(self, start: int, end: int) -> Lot:
        """Some of them."""
        at = slice(start, end)
        return Lot(self.sockets[at], self.clocks[at], self.slacks[at])


def _without(column: Column, at: Sequence[int]) -> Column:
    """What is left without these places, which ascend."""
    if not at:
        return column
    left = column[: at[0]]
    for place, end in zip(at, (*at[1:], len(column)), strict=True):
        left += column[place + 1 : end]
    return left


class Ages(NamedTuple):
    """Of a number of sockets."""

    old: int
    """How many are at least as old as was asked, for certain."""
    eldest: Age | None
    minutes: Counter[int]
    """Whole minutes of age, as far as that is certain -> sockets; of those that are younger than was asked."""


def ages_of(lots: Iterable[Lot], clock: float, seconds: float = 0.0, minutes: int = 0) -> Ages:
    """Their ages at `clock`, as seen: no timer of the kernel tells more of a socket that a process can hold.

    Those of at least so many seconds are counted as old, those below so many minutes by the minute.
    """
    old, eldest, limit = 0, None, minutes * MINUTE
    young: Counter[int] = Counter()
    for lot in lots:
        if lot:
            ages = [clock - since if since < clock else 0.0 for since in lot.clocks]
            old += len([age for age in ages if age >= seconds])
            young.update([int(age // MINUTE) for age in ages if age < limit])
            eldest = oldest((eldest, _eldest(lot, clock)))
    return Ages(old, eldest, young)


def _eldest(lot: Lot, clock: float) -> Age:
    """Of those that were first seen so, the one that may have been so for longest."""
    first = min(lot.clocks)
    if lot.clocks.count(first) == 1:
        slack = lot.slacks[lot.clocks.index(first)]
    else:
        slack = max([slack for since, slack in zip(lot.clocks, lot.slacks, strict=True) if since == first])
    return Age(max(0.0, clock - first), None if slack == math.inf else max(0.0, clock - first + slack))


def older(table: SocketTable, lot: Lot, seconds: float) -> Generator[None, None, list[InetSocket]]:
    """Those that have been in their state for at least so many seconds, for certain; in steps of a few milliseconds."""
    found: list[InetSocket] = []
    for start in range(0, len(lot), STEP):
        found += yield from _older(table, lot.part(start, start + STEP), seconds)
    return found


def older_of(
    table: SocketTable, sockets: Sequence[InetSocket], seconds: float
) -> Generator[None, None, list[InetSocket]]:
    """As `older`, of sockets that are in no lot."""
    found: list[InetSocket] = []
    for part in parts(sockets, STEP):
        found += yield from _older(table, Lot.of(part, table), seconds)
    return found


def _older(table: SocketTable, lot: Lot, seconds: float) -> Generator[None, None, list[InetSocket]]:
    latest = table.snapshot.clock - seconds
    # What the kernel's timer tells differs by no more than the tolerance from what was seen: only where that may decide
    # is it asked.
    found = [s for s, since in zip(lot.sockets, lot.clocks, strict=True) if since <= latest - TOLERANCE]
    yield
    close = [
        (s, since)
        for s, since, slack in zip(lot.sockets, lot.clocks, lot.slacks, strict=True)
        if latest - TOLERANCE < since and since - slack <= latest + TOLERANCE
    ]
    found += [s for s, since in close if s.timer != TIMER_TIME_WAIT and since <= latest]
    for part in parts([s for s, _since in close if s.timer == TIMER_TIME_WAIT], AGE_STEP):
        found += [s for s in part if (age := table.age(s)) is not None and age.at_least >= seconds]
        yield
    return found
