"""The rows of one view in their order, and where the cursor goes when its row is gone."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, cast

from sockview.model.filter import Filter
from sockview.model.grouping import group_steps, members
from sockview.model.inet_socket import InetSocket
from sockview.model.order import is_standing, order_group_steps, order_steps, standing_steps
from sockview.model.query import GroupRow, Query
from sockview.model.socket_table import SocketTable

#: Sockets filtered between two yields: a few ms with a costly filter.
STEP: Final = 2500


class RowOrder:
    """The keys of all rows, from the first to the last: all that has to be kept of an earlier view."""

    def __init__(self, keys: Sequence[int] | Sequence[str]) -> None:
        """Cookies in the view of sockets, group keys in the others."""
        self._keys: Sequence[int | str] = keys
        self._where: dict[int | str, int] | None = None

    def __len__(self) -> int:
        return len(self._keys)

    def key(self, row: int) -> str:
        """The key of a row, as the screen knows it."""
        return str(self._keys[row])

    def find(self, key: str, hint: int = 0) -> int | None:
        """The row of a key, looked for at row `hint` first; None when it is not there."""
        keys = self._keys
        if not keys:
            return None
        wanted: int | str = key
        if isinstance(keys[0], int):
            try:
                wanted = int(key)
            except ValueError:
                return None
        if 0 <= hint < len(keys) and keys[hint] == wanted:
            return hint
        try:
            return keys.index(wanted)
        except ValueError:
            return None

    def neighbour(self, key: str, now: RowOrder) -> int | None:
        """The row of `now` that takes the place of `key`: the next key that still exists, else the one before.

        None when the key is not in this order, or none of its rows exists any more.
        """
        at = self.find(key)
        if at is None:
            return None
        where = now._rows_by_key()
        keys = self._keys
        for row in chain(range(at, len(keys)), range(at - 1, -1, -1)):
            found = where.get(keys[row])
            if found is not None:
                return found
        return None

    def _rows_by_key(self) -> dict[int | str, int]:
        if self._where is None:
            self._where = {key: row for row, key in enumerate(self._keys)}
        return self._where


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What one query makes of a table."""

    table: SocketTable
    filter: Filter
    group: str | None
    shape: tuple[str, str, bool]
    """View, sort column, reverse."""
    passing: Sequence[InetSocket]
    """The sockets that the filter lets through, of the group if there is one."""
    standing: bool
    """They are in the standing order: another order of the same sockets then costs half."""
    rows: Sequence[InetSocket] | Sequence[GroupRow]
    order: RowOrder

    def answers(self, table: SocketTable, chosen: Filter, query: Query) -> bool:
        """Whether it is the arrangement that the query needs."""
        return self.filters(table, chosen, query) and self.shape == shape_of(query)

    def filters(self, table: SocketTable, chosen: Filter, query: Query) -> bool:
        """Whether at least its sockets are those that the query needs."""
        return self.table is table and self.filter.text == chosen.text and self.group == query.group

    @property
    def is_whole(self) -> bool:
        """Whether it holds every socket of its table, in order: a filter then needs no sorting."""
        return self.filter.is_everything and self.group is None and self.standing


def shape_of(query: Query) -> tuple[str, str, bool]:
    """What the rows look like, apart from which sockets they are."""
    return (query.view, query.sort, query.reverse)


def arrange_steps(
    table: SocketTable, chosen: Filter, query: Query, earlier: Iterable[Arrangement] = ()
) -> Generator[None, None, Arrangement]:
    """Filter, group and sort in steps of a few milliseconds; earlier arrangements may save some of it."""
    whole = next((a for a in earlier if a.is_whole and a.table is table), None) if query.group is None else None
    same = next((a for a in earlier if a.filters(table, chosen, query)), None)
    if query.view == "sockets" and whole is not None and whole.shape == shape_of(query) and not chosen.is_everything:
        rows = yield from _filter_steps(table, chosen, cast("Sequence[InetSocket]", whole.rows))
        standing = is_standing(query.sort, query.reverse)
        return _of_sockets(table, chosen, query, rows, standing, rows)
    if same is not None and (same.standing or query.view != "sockets"):
        passing, standing = same.passing, same.standing
    elif whole is not None:
        passing, standing = (yield from _filter_steps(table, chosen, whole.passing)), True
    elif same is not None:
        passing, standing = same.passing, False
    else:
        sockets = table.snapshot.sockets if query.group is None else members(table, query.group)
        passing, standing = (yield from _filter_steps(table, chosen, sockets)), False
    if query.view == "sockets":
        in_order = passing if standing else (yield from standing_steps(passing, table))
        ordered = yield from order_steps(in_order, table, query.sort, query.reverse, standing=True)
        return _of_sockets(table, chosen, query, in_order, True, ordered)
    grouped = yield from group_steps(passing, table, query.view)
    groups = yield from order_group_steps(grouped, query.sort, query.reverse)
    order = RowOrder([row.key for row in groups])
    return Arrangement(table, chosen, query.group, shape_of(query), passing, standing, groups, order)


def _of_sockets(
    table: SocketTable,
    chosen: Filter,
    query: Query,
    passing: Sequence[InetSocket],
    standing: bool,
    rows: Sequence[InetSocket],
) -> Arrangement:
    order = RowOrder([s.cookie for s in rows])
    return Arrangement(table, chosen, query.group, shape_of(query), passing, standing, rows, order)


def _filter_steps(
    table: SocketTable, chosen: Filter, sockets: Sequence[InetSocket]
) -> Generator[None, None, Sequence[InetSocket]]:
    if chosen.is_everything:
        return sockets
    accepts = chosen.compile(table)
    passing: list[InetSocket] = []
    for start in range(0, len(sockets), STEP):
        passing += filter(accepts, sockets[start : start + STEP])
        yield
    return passing
