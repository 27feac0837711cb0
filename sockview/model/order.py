"""The order of sockets and groups by each column: total, the same every time, made in small steps.

Rows that are equal in the column stand in the standing order: the most urgent state first, of the CLOSE_WAITs
the oldest, then local end, remote end and cookie, numerically. The standing order of equal rows is the same in both
directions. Rows without a value in the column come last in both directions.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any, Final, TypeVar

from sockview.model.age import age_rank
from sockview.model.columns import PROCESS_COLUMNS, REMOTE_COLUMNS, SOCKET_COLUMNS, group_total
from sockview.model.inet_socket import InetSocket, is_wildcard, packed_address
from sockview.model.owner import Process
from sockview.model.query import GroupRow
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import CLOSE_WAIT, state_rank

#: Sockets handled between two yields, where each takes a microsecond or so.
STEP: Final = 2500
#: Values sorted between two yields: a comparison takes far less.
RUN: Final = 8000

T = TypeVar("T")

#: Urgency, age; then twice: bytes of the address, address, port; then the cookie. Big-endian sorts as numbers do.
_KEY: Final = Struct(">HQB16sHB16sHQ")
#: Milliseconds added to moments before the clock's zero (a CLOSE_WAIT of before the boot of a container's host).
_MOMENT_BASE: Final = 1 << 50
_COOKIE_MASK: Final = (1 << 64) - 1


class _Ranks(dict[int, int]):
    """`state_rank`, looked up."""

    def __missing__(self, state: int) -> int:
        rank = self[state] = state_rank(state)
        return rank


_RANKS: Final = _Ranks()
_DESCENDING: Final[dict[str, bool]] = {
    column.key: column.descending for column in (*PROCESS_COLUMNS, *REMOTE_COLUMNS, *SOCKET_COLUMNS)
}

_SOCKET_KEYS: Final = frozenset(column.key for column in SOCKET_COLUMNS)

#: What rows are compared by in a column; all values of one column are of one type. None: no value.
SocketValue = Callable[[InetSocket], Any]


def is_descending(column: str, reverse: bool) -> bool:
    """Whether the largest value is on top: the natural direction of the column, or its reverse."""
    return _DESCENDING.get(column, False) != reverse


# ------------------------------------------------------------------ sockets
def is_standing(column: str, reverse: bool) -> bool:
    """Whether sockets in this order are in the standing order."""
    return (column == "state" or column not in _SOCKET_KEYS) and not is_descending("state", reverse)


def order_steps(
    sockets: Sequence[InetSocket], table: SocketTable, column: str, reverse: bool = False, *, standing: bool = False
) -> Generator[None, None, list[InetSocket]]:
    """The sockets in the order of a column of SOCKET_COLUMNS, in steps of a few ms; an unknown column is `state`.

    `standing` says that the sockets are in the standing order already (a filter does not change
    it), which spares the larger half of the work.
    """
    in_order = sockets if standing else (yield from standing_steps(sockets, table))
    if is_standing(column, reverse):
        return list(in_order)
    column = column if column in _SOCKET_KEYS else "state"
    return (yield from _by_value_steps(in_order, socket_value(table, column), is_descending(column, reverse)))


def _by_value_steps(
    in_order: Sequence[T], value: Callable[[T], Any], descending: bool = False
) -> Generator[None, None, list[T]]:
    """Sorted by value, equal ones as given, those without a value (None) last."""
    # For a descending order, sort from the end and turn round: then equal ones stand as given too.
    given = in_order[::-1] if descending else in_order
    values: list[Any] = []
    for part in _parts(given):
        values += map(value, part)
        yield
    order = yield from _sorted_steps([index for index, found in enumerate(values) if found is not None], values)
    ordered = yield from _picked_steps(given, order)
    missing = [given[index] for index, found in enumerate(values) if found is None]
    return [*reversed(ordered), *reversed(missing)] if descending else ordered + missing


def standing_steps(sockets: Sequence[InetSocket], table: SocketTable) -> Generator[None, None, list[InetSocket]]:
    """The sockets in the standing order, in steps of a few milliseconds."""
    keys: list[bytes] = []
    for part in _parts(sockets):
        keys += standing_keys(part, table)
        yield
    order = yield from _sorted_steps(list(range(len(keys))), keys)
    return (yield from _picked_steps(sockets, order))


def standing_keys(sockets: Sequence[InetSocket], table: SocketTable) -> list[bytes]:
    """Bytes that sort as state urgency, oldest CLOSE_WAIT, local end, remote end (IPv4 before IPv6), cookie.

    A CLOSE_WAIT stays for as long as its process forgets it, so the moment since when it is one is a place that lasts.

    Column by column rather than socket by socket, so that the loop runs in C.
    """
    local = [s.local_address for s in sockets]
    remote = [s.remote_address for s in sockets]
    return list(
        map(
            _KEY.pack,
            [_RANKS[s.state] for s in sockets],
            [_moment(table.since(s)) if s.state == CLOSE_WAIT else 0 for s in sockets],
            map(len, local),
            local,
            [s.local_port for s in sockets],
            map(len, remote),
            remote,
            [s.remote_port for s in sockets],
            [s.cookie & _COOKIE_MASK for s in sockets],
        )
    )


def _moment(clock: float) -> int:
    return _MOMENT_BASE + int(clock * 1000)


def _sorted_steps(indexes: list[int], values: Sequence[Any]) -> Generator[None, None, list[int]]:
    """The indexes sorted by their values, equal ones as given: short runs first, then two runs at a time are merged."""
    value = values.__getitem__
    runs: list[list[int]] = []
    for part in _parts(indexes, RUN):
        runs.append(sorted(part, key=value))
        yield
    while len(runs) > 1:
        merged: list[list[int]] = []
        for at in range(0, len(runs) - 1, 2):
            both = yield from _merged_steps(runs[at], runs[at + 1], value)
            merged.append(both)
        runs = merged + ([runs[-1]] if len(runs) % 2 else [])
    return runs[0] if runs else []


def _merged_steps(first: list[int], second: list[int], value: Callable[[int], Any]) -> Generator[None, None, list[int]]:
    """Merge two runs. Python's sort finds the two runs in each part and merges them in one pass."""
    if value(first[-1]) <= value(second[0]):
        return first + second
    merged: list[int] = []
    start = 0
    for part in _parts(first, RUN):
        end = bisect_left(second, value(part[-1]), start, key=value)
        merged += sorted([*part, *second[start:end]], key=value)
        start = end
        yield
    return merged + second[start:]


def _picked_steps(rows: Sequence[T], order: list[int]) -> Generator[None, None, list[T]]:
    picked: list[T] = []
    for part in _parts(order, RUN):
        picked += map(rows.__getitem__, part)
        yield
    return picked


def _parts(values: Sequence[T], size: int = STEP) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def socket_value(table: SocketTable, column: str) -> SocketValue:
    """What the sockets of this table are compared by in a column of SOCKET_COLUMNS."""
    values: dict[str, SocketValue] = {
        "state": lambda s: state_rank(s.state),
        "age": lambda s: None if (age := table.age(s)) is None else age.at_least,
        "local": lambda s: _end_value(s.local_address, s.local_port),
        "remote": lambda s: _end_value(s.remote_address, s.remote_port),
        "recv_q": lambda s: s.recv_q,
        "send_q": lambda s: s.send_q,
        "pid": _by_first_owner(table, lambda process: process.pid),
        "process": _by_first_owner(table, lambda process: (process.name.casefold(), process.name, process.pid)),
        "user": lambda s: table.user(s) or None,
        "proto": lambda s: (s.protocol, s.family),
    }
    return values[column]


def _by_first_owner(table: SocketTable, value: Callable[[Process], Any]) -> SocketValue:
    """A value of the owner that the row shows, made once for each process."""
    known: dict[Process, Any] = {}
    holders, claims = table.snapshot.holders, table.claims

    def found(s: InetSocket) -> Any:
        held = holders.get(s.inode) if s.inode else None
        owners = held or claims(s)
        if not owners:
            return None
        process = owners[0].process
        if process not in known:
            known[process] = value(process)
        return known[process]

    return found


def _end_value(address: bytes, port: int) -> bytes | None:
    """An end in numeric order, IPv4 before IPv6; none for ``0.0.0.0:*``."""
    if not port and is_wildcard(address):
        return None
    return bytes((len(address),)) + address + port.to_bytes(2, "big")


# ------------------------------------------------------------------ groups
def order_group_steps(
    rows: Sequence[GroupRow], column: str, reverse: bool = False
) -> Generator[None, None, list[GroupRow]]:
    """Groups in the order of a column of PROCESS_COLUMNS or REMOTE_COLUMNS; an unknown column is `close_wait`.

    Equal ones: the most CLOSE_WAIT first, then the most TIME_WAIT, the most sockets, then by name. In steps of a few
    milliseconds: there may be as many remote addresses as sockets.
    """
    column = column if column in _GROUP_VALUES else "close_wait"
    standing = yield from _by_value_steps(rows, _standing_group)
    return (yield from _by_value_steps(standing, _GROUP_VALUES[column], is_descending(column, reverse)))


def _standing_group(row: GroupRow) -> tuple[Any, ...]:
    return (-row.close_wait, -row.time_wait, -group_total(row), _name_value(row), row.pid or 0, row.key)


@lru_cache(maxsize=65536)
def _address_value(text: str) -> bytes | None:
    """Numeric order of an address from its text; None for a text that is none."""
    packed = packed_address(text)
    return None if packed is None else bytes((len(packed),)) + packed


def _name_value(row: GroupRow) -> tuple[bytes, str, str]:
    """Addresses in numeric order, then names without regard to case; names in parentheses after them all."""
    address = None if row.pid is not None else _address_value(row.name)
    if address is not None:
        return (address, "", row.name)
    return (b"\xfe" if row.pid is not None else b"\xff", row.name.casefold(), row.name)


def _ports_value(row: GroupRow) -> tuple[bool, int] | None:
    """One port by its number, before several by how many they are."""
    digits = "".join(char for char in row.ports if char.isascii() and char.isdigit())
    return (not row.ports.isdigit(), int(digits)) if digits else None


def _growth_value(row: GroupRow) -> int | None:
    """Over all of the time that is known."""
    series = row.trend.series if row.trend is not None else ()
    return series[-1] - series[0] if series else None


_GROUP_VALUES: Final[dict[str, Callable[[GroupRow], Any]]] = {
    "pid": lambda row: row.pid,
    "process": _name_value,
    "remote": _name_value,
    "user": lambda row: row.user or None,
    "ports": _ports_value,
    "close_wait": lambda row: row.close_wait,
    "time_wait": lambda row: row.time_wait,
    "established": lambda row: row.established,
    "other": lambda row: row.other,
    "oldest": lambda row: None if row.oldest is None else age_rank(row.oldest),
    "rate": lambda row: None if row.trend is None else row.trend.rate,
    "trend": _growth_value,
}
