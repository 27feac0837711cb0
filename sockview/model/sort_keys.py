"""Bytes that sort as sockets do in a column, ties included: an order of 100,000 is then searched in microseconds.

A key is the value of the column, then the standing key. Both belong to the socket and to what is known of its past, not
to the clock: while nothing new is known, the key of a socket stays the same from table to table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from typing import Final

from sockview.model.age import Since, began
from sockview.model.inet_socket import InetSocket, is_wildcard
from sockview.model.memo import Memo
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import CLOSE_WAIT, state_rank

#: Columns whose values are part of the key. In the others many sockets are equal, and the standing order parts them.
KEYED: Final = frozenset({"age", "local", "remote"})
#: The standing order, as a column and whether it is descending: its keys have no other value before them.
STANDING: Final = ("state", False)

#: Milliseconds added to moments before the clock's zero (a CLOSE_WAIT of before the boot of a container's host).
_MOMENT_BASE: Final = 1 << 46
_MOMENT_MASK: Final = (1 << 48) - 1
_MASK: Final = (1 << 64) - 1
_TWIN: Final = Struct(">Q")
_INVERSE: Final = bytes(range(255, -1, -1))


def _layouts(head: str) -> Memo[tuple[int, int], Callable[..., bytes]]:
    """How a standing key is packed, by the lengths of the two addresses. Big-endian sorts as numbers do."""
    return Memo(lambda lengths: Struct(f">{head}B{lengths[0]}sHB{lengths[1]}sHQ").pack)


_RANKS: Final = Memo(state_rank)
#: Urgency; then twice: bytes of the address, address, port; then the cookie.
_PLAIN: Final = _layouts("H")
#: With the moment behind the urgency, in two parts. An IPv4 key and its object header then take 64 bytes.
_DATED: Final = _layouts("HHI")


def keys_of(sockets: Iterable[InetSocket], table: SocketTable, column: str, descending: bool) -> list[bytes]:
    """The keys of these sockets of the table in a column of KEYED, or in the standing order."""
    dates, clock = table.dates, table.snapshot.clock
    if (column, descending) == STANDING:
        return [_standing(s, dates, clock) for s in sockets]
    value = _value(table, column, descending)
    return [value(s) + _standing(s, dates, clock) for s in sockets]


def _standing(s: InetSocket, dates: Mapping[int, Since], clock: float) -> bytes:
    """State urgency, oldest CLOSE_WAIT, local end, remote end (IPv4 before IPv6), cookie.

    A CLOSE_WAIT stays for as long as its process forgets it, so the moment since when it is one is a place that lasts.
    A stand-in cookie may be that of several sockets: their inodes part them.
    """
    local, remote, state, cookie = s.local_address, s.remote_address, s.state, s.cookie
    ends = (len(local), local, s.local_port, len(remote), remote, s.remote_port, cookie & _MASK)
    if state == CLOSE_WAIT:
        known = dates.get(cookie)
        moment = _milliseconds(clock if known is None else known.clock)
        key = _DATED[len(local), len(remote)](_RANKS[state], moment >> 32, moment & 0xFFFFFFFF, *ends)
    else:
        key = _PLAIN[len(local), len(remote)](_RANKS[state], *ends)
    return key if cookie > 0 else key + _TWIN.pack(s.inode & _MASK)


def _milliseconds(moment: float) -> int:
    return (_MOMENT_BASE + int(moment * 1000)) & _MOMENT_MASK


def _value(table: SocketTable, column: str, descending: bool) -> Callable[[InetSocket], bytes]:
    """What stands before the standing key. Those without a value come last in both directions. No value is the
    beginning of another one, so what follows it decides only between equal ones.
    """
    plain = _plain_value(table, column)

    def value(s: InetSocket) -> bytes:
        found = plain(s)
        if found is None:
            return b"\1"
        return b"\0" + (found.translate(_INVERSE) if descending else found)

    return value


def _plain_value(table: SocketTable, column: str) -> Callable[[InetSocket], bytes | None]:
    """The value, the smallest first; None where a socket has none."""
    match column:
        case "local":
            return lambda s: _end(s.local_address, s.local_port)
        case "remote":
            return lambda s: _end(s.remote_address, s.remote_port)
    dates, clock = table.dates, table.snapshot.clock
    fin_timeout = fin_timeout_of(table)

    def age(s: InetSocket) -> bytes | None:
        start = began(s, dates.get(s.cookie), clock, fin_timeout)
        return None if start is None else (_MOMENT_MASK - _milliseconds(start)).to_bytes(6, "big")

    return age


def fin_timeout_of(table: SocketTable) -> float | None:
    """Seconds that an orphaned FIN_WAIT2 lasts, which tells its age."""
    return table.snapshot.limits.number("net.ipv4.tcp_fin_timeout")


def _end(address: bytes, port: int) -> bytes | None:
    """An end in numeric order, IPv4 before IPv6; none for ``0.0.0.0:*``."""
    if not port and is_wildcard(address):
        return None
    return bytes((len(address),)) + address + port.to_bytes(2, "big")
