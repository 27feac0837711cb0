"""Answers queries from the current table: the window of rows around the cursor, and the counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, cast

from sockview.model.arrangement import Arrangement, arrange_steps
from sockview.model.filter import Filter, FilterError, parse_filter
from sockview.model.group import OwnerGroup
from sockview.model.grouping import group_name
from sockview.model.inet_socket import InetSocket
from sockview.model.pid_choice import pids_of_keys, pids_of_view
from sockview.model.query import MAX_WINDOW, PidQuery, Pids, Query, Summary, View
from sockview.model.row_order import RowOrder
from sockview.model.socket_row import socket_row
from sockview.model.socket_table import SocketTable
from sockview.model.sorted_sockets import SortedSockets
from sockview.model.steps import finish

#: Earlier orders kept. A screen may ask from an order that a refresh has just replaced.
ORDERS_KEPT: Final = 3
#: Orders of all sockets kept, of the current table only: going back to the last sort then costs nothing.
WHOLES_KEPT: Final = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """How the reader is getting on."""

    interval: float
    """Seconds between refreshes as asked for."""
    actual_interval: float
    """Seconds between refreshes as it is."""
    collect_seconds: float
    refreshes: int
    paused: bool


class ViewMaker:
    """Holds the current table and what the last query made of it, so that moving the cursor costs a window."""

    def __init__(self) -> None:
        self._table: SocketTable | None = None
        self._arrangement: Arrangement | None = None
        self._wholes: tuple[SortedSockets, ...] = ()
        """Orders of all sockets of the current table, the last one first: typing a filter need not sort."""
        self._good_filter = parse_filter("")
        self._orders: deque[RowOrder] = deque(maxlen=ORDERS_KEPT)
        self._asked: str | None = None
        self._landed: str | None = None
        self._group: tuple[str, str] | None = None

    def show(self, table: SocketTable, query: Query) -> Generator[None, None, None]:
        """Prepare the new table for the query, a few milliseconds a step; the old one answers until the end."""
        chosen, _error = self._choose(query)
        arrangement = yield from arrange_steps(
            table, chosen, query, None, self._wholes, lasting=self._table is not None
        )
        for order in tuple(self._orders):
            # Where the source tells changes, nearly all rows of the earlier orders are those of this table.
            order.let_go(rows=table.snapshot.change is None)
            yield
        self._table, self._wholes = table, ()
        self._keep(arrangement)

    def prepare(self, query: Query) -> Generator[None, None, None]:
        """Arrange the current table for a query, a few milliseconds a step; its answer then costs a window.

        It may be given up at any step.
        """
        if self._table is None:
            return
        self._good_filter, _error = self._choose(query)
        yield from self._arrange_steps(self._table, self._good_filter, query)

    def answer(self, query: Query, pace: Pace) -> View | None:
        """The view from the current table; None before the first one.

        A filter that is refused leaves the rows of the last good one and says why.
        """
        if self._table is None:
            return None
        self._good_filter, error = self._choose(query)
        arrangement = finish(self._arrange_steps(self._table, self._good_filter, query))
        cursor = self._follow(query, arrangement.order)
        first, end = _window(query, cursor, len(arrangement.order))
        rows = arrangement.rows[first:end]
        of_sockets = query.view == "sockets"
        return View(
            serial=query.serial,
            summary=_summary(self._table, len(arrangement.passing), pace),
            histogram=self._table.lines,
            first=first,
            length=len(arrangement.order),
            cursor=cursor,
            rows=tuple(socket_row(self._table, s) for s in cast("list[InetSocket]", rows)) if of_sockets else (),
            groups=() if of_sockets else tuple(group.row() for group in cast("list[OwnerGroup]", rows)),
            filter_error=error,
            group_name=self._name_group(arrangement),
            findings=self._table.findings,
            parameters=tuple(self._table.snapshot.limits.parameters.items()),
        )

    def pids(self, request: PidQuery) -> Pids:
        """The PIDs of the asked rows, over the current table and the last query answered."""
        arrangement = self._arrangement
        if arrangement is None:
            return Pids(request.serial, (), (), 0)
        if request.keys is None:
            return pids_of_view(arrangement, request.serial)
        return pids_of_keys(arrangement, request.keys, request.serial)

    def _choose(self, query: Query) -> tuple[Filter, str | None]:
        if query.filter == self._good_filter.text:
            return self._good_filter, None
        try:
            return parse_filter(query.filter), None
        except FilterError as error:
            return self._good_filter, str(error)

    def _arrange_steps(self, table: SocketTable, chosen: Filter, query: Query) -> Generator[None, None, Arrangement]:
        last = self._arrangement
        if last is not None and last.answers(table, chosen, query):
            return last
        arrangement = yield from arrange_steps(table, chosen, query, last, self._wholes)
        if table is self._table:  # else a newer one has been shown meanwhile
            self._keep(arrangement)
        return arrangement

    def _keep(self, arrangement: Arrangement) -> None:
        self._arrangement = arrangement
        used = arrangement.whole
        if used is not None:
            others = [one for one in self._wholes if (one.column, one.descending) != (used.column, used.descending)]
            self._wholes = (used, *others)[:WHOLES_KEPT]

    def _follow(self, query: Query, order: RowOrder) -> int:
        """The row of the cursor in the new order: its own, else its neighbour in the newest order that had it."""
        if not self._orders or self._orders[-1] is not order:
            for earlier in self._orders:
                earlier.let_go(rows=False)
            self._orders.append(order)
        row = self._locate(query, order)
        row = max(0, min(row, len(order) - 1))
        self._asked = query.cursor
        self._landed = order.key(row) if len(order) and query.cursor is not None else None
        return row

    def _locate(self, query: Query, order: RowOrder) -> int:
        if query.cursor is None:
            return query.position
        row = order.find(query.cursor, query.position)
        if row is not None:
            return row
        # The screen may ask again for a row that went earlier: then its stand-in goes on from where it was.
        key = self._landed if query.cursor == self._asked and self._landed is not None else query.cursor
        for earlier in reversed(self._orders):
            row = earlier.neighbour(key, order, query.position)
            if row is not None:
                return row
        return query.position

    def _name_group(self, arrangement: Arrangement) -> str | None:
        """A process keeps its name when its last socket goes."""
        key, inside = arrangement.group, arrangement.inside
        if key is None:
            return None
        name = group_name(arrangement.table, key, () if inside is None else (inside,))
        if name is None:
            if self._group and self._group[0] == key:
                return self._group[1]
            return f"PID {key.removeprefix('pid:').partition(':')[0]}"
        self._group = (key, name)
        return name


def _window(query: Query, cursor: int, length: int) -> tuple[int, int]:
    """First row and end of the window: around the cursor, or from `first` when the screen has none."""
    count = max(1, min(query.count, MAX_WINDOW))
    wanted = query.first if query.cursor is None else cursor - count // 2
    first = max(0, min(wanted, length - count))
    return first, min(length, first + count)


def _summary(table: SocketTable, matched: int, pace: Pace) -> Summary:
    snapshot = table.snapshot
    return Summary(
        host=snapshot.host,
        source=snapshot.source,
        privileged=snapshot.privileged,
        taken_at=snapshot.taken_at,
        total=len(snapshot.sockets),
        matched=matched,
        complete=snapshot.complete,
        warnings=table.warnings,
        hidden=table.hidden,
        interval=pace.interval,
        actual_interval=pace.actual_interval,
        collect_seconds=pace.collect_seconds,
        refreshes=pace.refreshes,
        paused=pace.paused,
        tracing=snapshot.trace.on,
        why_not_tracing=snapshot.trace.why_not,
        lost_reports=snapshot.trace.lost,
    )
