"""The order of sockets by each column: total, the same every time, made in small steps.

Rows that are equal in the column stand in the standing order: the most urgent state first, of the CLOSE_WAITs
the oldest, then local end, remote end and cookie, numerically. The standing order of equal rows is the same in both
directions. Rows without a value in the column come last in both directions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, Final, TypeVar

from sockview.model.columns import PROCESS_COLUMNS, REMOTE_COLUMNS, SOCKET_COLUMNS
from sockview.model.inet_socket import InetSocket
from sockview.model.memo import Memo
from sockview.model.owner import Process
from sockview.model.selection import Owners, Selection
from sockview.model.socket_table import SocketTable
from sockview.model.sort_keys import KEYED, STANDING
from sockview.model.sorting import RUN, sorted_indexes
from sockview.model.steps import parts
from sockview.model.tcp_state import state_rank

#: Sockets whose values are found between two yields: a few ms where nobody holds them.
STEP: Final = 2500

T = TypeVar("T")

_DESCENDING: Final[dict[str, bool]] = {
    column.key: column.descending for column in (*PROCESS_COLUMNS, *REMOTE_COLUMNS, *SOCKET_COLUMNS)
}
_SOCKET_KEYS: Final = frozenset(column.key for column in SOCKET_COLUMNS)

#: What each of some sockets is compared by; all values of one column are of one type. None: no value.
Values = Callable[[Selection], Sequence[Any]]


def is_descending(column: str, reverse: bool) -> bool:
    """Whether the largest value is on top: the natural direction of the column, or its reverse."""
    return _DESCENDING.get(column, False) != reverse


def key_order(column: str, reverse: bool) -> tuple[str, bool]:
    """The column and direction of the keys that an order begins with: its own, or else the standing order.

    An unknown column is `state`.
    """
    return (column, is_descending(column, reverse)) if column in KEYED else STANDING


def spread_steps(in_order: Selection, column: str, reverse: bool) -> Generator[None, None, Sequence[InetSocket]]:
    """The sockets in the order of a column of SOCKET_COLUMNS, from that of `key_order`; in steps of a few ms."""
    column = column if column in _SOCKET_KEYS else "state"
    if column in KEYED or (column == "state" and not is_descending(column, reverse)):
        return in_order.sockets
    values = map(_values(in_order.table, column), in_order.parts(STEP))
    return (yield from by_value_steps(in_order.sockets, values, is_descending(column, reverse)))


def by_value_steps(
    in_order: Sequence[T], values: Iterable[Sequence[Any]], descending: bool = False
) -> Generator[None, None, list[T]]:
    """Sorted by value, equal ones as given, those without a value (None) last. `values` has those of each STEP rows."""
    of_value: defaultdict[Any, list[T]] = defaultdict(list)
    for part, found in zip(parts(in_order, STEP), values, strict=True):
        for row, value in zip(part, found, strict=True):
            of_value[value].append(row)
        yield
    missing = of_value.pop(None, [])
    distinct = list(of_value)
    order = yield from sorted_indexes(distinct)
    rows: list[T] = []
    for indexes in parts(order[::-1] if descending else order, RUN):
        for index in indexes:
            rows += of_value[distinct[index]]
        yield
    return rows + missing


# ------------------------------------------------------------------ the values of columns
def _values(table: SocketTable, column: str) -> Values:
    """What the sockets of this table are compared by in a column that is not of KEYED."""
    match column:
        case "state":
            return lambda part: [state_rank(s.state) for s in part.sockets]
        case "recv_q":
            return lambda part: [s.recv_q for s in part.sockets]
        case "send_q":
            return lambda part: [s.send_q for s in part.sockets]
        case "proto":
            return lambda part: [(s.protocol, s.family) for s in part.sockets]
        case "user":
            return lambda part: [table.user(s) or None for s in part.sockets]
        case "pid":
            return _by_first_owner(lambda process: process.pid)
        case _:
            return _by_first_owner(lambda process: (process.name.casefold(), process.name, process.pid))


def _by_first_owner(value: Callable[[Process], Any]) -> Values:
    """A value of the owner that the row shows, made once for each process."""

    def ask(owners: Owners) -> Any:
        if isinstance(owners, Process):
            return value(owners)
        return value(owners[0].process) if owners else None

    known = Memo(ask)
    return lambda part: [known[owners] for owners in part.owners]
