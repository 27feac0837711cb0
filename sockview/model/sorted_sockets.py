"""All sockets of a table in the order of their keys: sorted from nothing, or the last order with the change worked in.

Both ways give the same order. A busy server has 60,000 sockets, of which a few hundred change from one refresh to the
next: their places are found by their keys, and the rest is copied in slices.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple

from sockview.model.inet_socket import TIMER_TIME_WAIT, InetSocket
from sockview.model.owner import Process
from sockview.model.selection import Selection
from sockview.model.snapshot import Change
from sockview.model.socket_table import SocketTable
from sockview.model.sort_keys import fin_timeout_of, keys_of
from sockview.model.sorting import picked, sorted_indexes
from sockview.model.steps import parts
from sockview.model.tcp_state import CLOSE_WAIT

#: Sockets whose keys are made between two yields: about 2 ms.
STEP: Final = 4000
#: Sockets copied between two yields.
COPIED: Final = 50_000
#: A change of more than this share of the sockets is not worked in: sorting them all costs no more then.
LARGEST_CHANGE: Final = 0.25

_cookie = attrgetter("cookie")


@dataclass(frozen=True, slots=True)
class SortedSockets:
    """Every socket of the table."""

    table: SocketTable
    column: str
    """One of KEYED, or that of STANDING."""
    descending: bool
    sockets: Sequence[InetSocket]
    keys: Sequence[bytes]
    """The key of each socket, from the smallest to the largest."""
    holders: Sequence[Process | None] | None = None
    """`SocketTable.sole_holders` of the sockets, from the second table on: to look all of them up takes 25 ms for
    100,000, and what follows from it knows them too.
    """

    @property
    def selection(self) -> Selection:
        return Selection(self.table, self.sockets, self.holders)

    def with_holders_steps(self) -> Generator[None, None, SortedSockets]:
        """The same with its holders."""
        if self.holders is not None:
            return self
        holders: list[Process | None] = []
        for part in parts(self.sockets, STEP):
            holders += self.table.sole_holders(part)
            yield
        return replace(self, holders=holders)

    def place_of(self, s: InetSocket) -> int | None:
        """Where this very value of the table stands."""
        (key,) = keys_of((s,), self.table, self.column, self.descending)
        return self.place(key, s)

    def place(self, key: bytes, s: InetSocket) -> int | None:
        """The same by its key. Twins, which no key tells apart, stand side by side."""
        at = bisect_left(self.keys, key)
        while at < len(self.keys) and self.keys[at] == key:
            if self.sockets[at] is s:
                return at
            at += 1
        return None


def sort_steps(
    table: SocketTable, column: str, descending: bool, earlier: Iterable[SortedSockets] = ()
) -> Generator[None, None, SortedSockets]:
    """The sockets of the table in order; one of the earlier orders may save nearly all of the work."""
    for known in earlier:
        if (known.column, known.descending) == (column, descending):
            followed = yield from follow_steps(known, table)
            if followed is not None:
                return followed
    sockets, keys = yield from sort_some_steps(table.snapshot.sockets, table, column, descending)
    return SortedSockets(table, column, descending, sockets, keys)


def sort_some_steps(
    sockets: Sequence[InetSocket], table: SocketTable, column: str, descending: bool
) -> Generator[None, None, tuple[list[InetSocket], list[bytes]]]:
    """Some sockets of the table in order, and the key of each."""
    keys: list[bytes] = []
    for part in parts(sockets, STEP):
        keys += keys_of(part, table, column, descending)
        yield
    order = yield from sorted_indexes(keys)
    in_order = yield from picked(sockets, order)
    sorted_keys = yield from picked(keys, order)
    return in_order, sorted_keys


# ------------------------------------------------------------------ the last order, and what has changed since
class _Edit(NamedTuple):
    """A change of a sorted list; edits of one place sort with what is put there before what is taken away."""

    at: int
    """An index of the list as it was."""
    taken: bool
    """What is at the index goes; else the socket is put before it."""
    key: bytes
    socket: InetSocket
    holder: Process | None = None


def follow_steps(last: SortedSockets, table: SocketTable) -> Generator[None, None, SortedSockets | None]:
    """The order of `table` from that of the table before; None where it has to be sorted from nothing."""
    if last.table is table:
        return last
    change = table.snapshot.change
    if change is None or not change.since or change.since != last.table.snapshot.serial:
        return None
    if last.column == "age" and fin_timeout_of(last.table) != fin_timeout_of(table):
        return None
    moved = yield from _moved_steps(last, table, change)
    if len(change.come) + len(change.gone) + 2 * len(moved) > LARGEST_CHANGE * len(last.sockets):
        return None
    edits: list[_Edit] = []
    for part in parts([*change.gone, *moved], STEP):
        for key, s in zip(keys_of(part, last.table, last.column, last.descending), part, strict=True):
            at = last.place(key, s)
            if at is None:
                return None
            edits.append(_Edit(at, True, key, s))
        yield
    for part in parts([*change.come, *moved], STEP):
        keys, holders = keys_of(part, table, last.column, last.descending), table.sole_holders(part)
        for key, s, holder in zip(keys, part, holders, strict=True):
            edits.append(_Edit(bisect_left(last.keys, key), False, key, s, holder))
        yield
    edits.sort(key=itemgetter(0, 1, 2))
    edited = yield from _edited_steps(last, table, edits)
    if len(edited.sockets) != len(table.snapshot.sockets):  # a join has left some out
        return None
    if edited.holders is None:
        return edited
    return (yield from _reheld_steps(edited, change.reheld))


def _edited_steps(
    last: SortedSockets, table: SocketTable, edits: Sequence[_Edit]
) -> Generator[None, None, SortedSockets]:
    sockets: list[InetSocket] = []
    keys: list[bytes] = []
    holders: list[Process | None] = []
    start = copied = 0
    for edit in [*edits, None]:
        end = len(last.sockets) if edit is None else edit.at
        while start < end:
            part = slice(start, min(end, start + COPIED - copied))
            sockets += last.sockets[part]
            keys += last.keys[part]
            holders += () if last.holders is None else last.holders[part]
            start, copied = part.stop, copied + part.stop - part.start
            if copied == COPIED:
                copied = 0
                yield
        if edit is not None and edit.taken:
            start += 1
        elif edit is not None:
            sockets.append(edit.socket)
            keys.append(edit.key)
            holders.append(edit.holder)
    return replace(last, table=table, sockets=sockets, keys=keys, holders=None if last.holders is None else holders)


def _reheld_steps(order: SortedSockets, reheld: Sequence[InetSocket]) -> Generator[None, None, SortedSockets]:
    """The order with the holders of sockets that have others now, though nothing about themselves has changed."""
    if not reheld or order.holders is None:
        return order
    holders = list(order.holders)
    for part in parts(reheld, STEP):
        keys = keys_of(part, order.table, order.column, order.descending)
        for s, key, holder in zip(part, keys, order.table.sole_holders(part), strict=True):
            at = order.place(key, s)
            if at is not None:  # a twin of it may be there in its place
                holders[at] = holder
        yield
    return replace(order, holders=holders)


def _moved_steps(
    last: SortedSockets, table: SocketTable, change: Change
) -> Generator[None, None, Sequence[InetSocket]]:
    """The sockets of both tables that did not change, but of whose past something new is known: of a CLOSE_WAIT the
    kernel may tell later and closer since when it is one.
    """
    dated = last.sockets if last.column == "age" else table.of_state(CLOSE_WAIT)
    before, now = last.table.dates, table.dates
    changed = set(map(id, change.come)) | set(map(id, change.gone))
    moved: list[InetSocket] = []
    for part in parts(dated, 2 * STEP):
        cookies = list(map(_cookie, part))
        was, since = list(map(before.get, cookies)), list(map(now.get, cookies))
        told: dict[int, InetSocket] = {}
        if was != since:  # quick: nearly all of them are the same objects
            told = {id(s): s for s, old, new in zip(part, was, since, strict=True) if old != new}
        if last.column == "age":  # what runs from the moment of each snapshot
            told |= {id(s): s for s in part if s.timer == TIMER_TIME_WAIT and s.read_at is None}
        moved += [s for identity, s in told.items() if identity not in changed]
        yield
    return moved
