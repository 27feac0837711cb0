"""The rows of one view in their order: filtered, grouped, sorted, in steps of a few milliseconds."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from sockview.model.filter import Filter
from sockview.model.group_counts import group_steps
from sockview.model.group_order import order_group_steps
from sockview.model.group_sieve import sieve_group_steps
from sockview.model.inet_socket import InetSocket
from sockview.model.order import key_order, spread_steps
from sockview.model.query import Query
from sockview.model.row_order import RowOrder, Rows
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable
from sockview.model.sorted_sockets import SortedSockets, follow_steps, sort_some_steps, sort_steps


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What one query makes of a table."""

    table: SocketTable
    filter: Filter
    group: str | None
    shape: tuple[str, str, bool]
    """View, sort column, reverse."""
    whole: SortedSockets | None
    """The order of all sockets that it was made from, if it needed one."""
    inside: InetSocket | None
    """A socket of the group, whether or not the filter lets it through."""
    passing: Selection
    """The sockets that the filter lets through, of the group if there is one."""
    passing_order: tuple[str, bool] | None
    """The `key_order` in which those are; None: in the snapshot's."""
    rows: Rows
    order: RowOrder

    def answers(self, table: SocketTable, chosen: Filter, query: Query) -> bool:
        """Whether it is the arrangement that the query needs."""
        same = self.table is table and self.filter.text == chosen.text and self.group == query.group
        return same and self.shape == shape_of(query)

    def holds(self, table: SocketTable, chosen: Filter, query: Query) -> bool:
        """Whether all sockets that the query needs are among those that pass here."""
        return self.table is table and self.group == query.group and chosen.narrows(self.filter)


def shape_of(query: Query) -> tuple[str, str, bool]:
    """What the rows look like, apart from which sockets they are."""
    return (query.view, query.sort, query.reverse)


def arrange_steps(
    table: SocketTable,
    chosen: Filter,
    query: Query,
    last: Arrangement | None = None,
    wholes: Sequence[SortedSockets] = (),
    *,
    lasting: bool = False,
) -> Generator[None, None, Arrangement]:
    """Filter, group and sort. What is known may save most of the work: the arrangement before this one, and orders of
    all sockets of this table or of the one before.

    `lasting`: make an order of all sockets even where the filter leaves few, from which that of the next table follows.
    """
    of_sockets = query.view == "sockets"
    wanted = key_order(query.sort, query.reverse) if of_sockets else None
    whole = yield from _whole_steps(table, chosen, query, wholes, lasting)
    if whole is not None and lasting:
        whole = yield from whole.with_holders_steps()
    narrowed = last if last is not None and last.holds(table, chosen, query) else None
    if narrowed is not None and (whole is None or narrowed.passing_order == wanted or not of_sockets):
        passing, in_order, inside = narrowed.passing, narrowed.passing_order, narrowed.inside
        unchanged = narrowed.filter.text == chosen.text
    else:
        passing, in_order = (
            (Selection(table, table.snapshot.sockets), None) if whole is None else (whole.selection, _order_of(whole))
        )
        inside, unchanged = None, False
        if query.group is not None:
            passing = yield from sieve_group_steps(passing, query.group)
            inside = passing.sockets[0] if passing.sockets else None
    if not unchanged:
        passing = yield from chosen.sieve_steps(passing)
    if wanted is not None and in_order != wanted:
        sockets, _keys = yield from sort_some_steps(passing.sockets, table, *wanted)
        passing, in_order = Selection(table, sockets), wanted
    rows = yield from _row_steps(query, passing)
    order = RowOrder(rows, whole if of_sockets else None)
    return Arrangement(*(table, chosen, query.group, shape_of(query)), whole, inside, passing, in_order, rows, order)


def _row_steps(query: Query, passing: Selection) -> Generator[None, None, Rows]:
    """The rows of these sockets, which are in the `key_order` of the query if it asks for sockets."""
    if query.view == "sockets":
        return (yield from spread_steps(passing, query.sort, query.reverse))
    groups = yield from group_steps(passing, query.view)
    return (yield from order_group_steps(groups, query.sort, query.reverse))


def _order_of(whole: SortedSockets) -> tuple[str, bool]:
    return (whole.column, whole.descending)


def _whole_steps(
    table: SocketTable, chosen: Filter, query: Query, known: Sequence[SortedSockets], lasting: bool
) -> Generator[None, None, SortedSockets | None]:
    """The order of all sockets that helps the query, or later ones."""
    if query.view != "sockets":
        # The groups need none; but the way back to the sockets is short where the last order goes on.
        return (yield from follow_steps(known[0], table)) if known else None
    wanted = key_order(query.sort, query.reverse)
    if lasting or (chosen.is_everything and query.group is None):
        return (yield from sort_steps(table, *wanted, known))
    return next((whole for whole in known if whole.table is table and _order_of(whole) == wanted), None)
