"""psutil's rows in the terms of the model. No I/O."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from sockview.model import tcp_state
from sockview.model.inet_socket import TCP, UDP, InetSocket, fold_mapped

#: Without a holder these have been closed by their process, if no process hides from this user.
_AFTER_CLOSE: Final = frozenset({tcp_state.FIN_WAIT1, tcp_state.FIN_WAIT2, tcp_state.LAST_ACK, tcp_state.CLOSING})
#: These no process ever holds: TIME_WAIT is a remnant, SYN_RECV is not accepted yet.
_NEVER_HELD: Final = frozenset({tcp_state.TIME_WAIT, tcp_state.SYN_RECV})

Endpoint = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of psutil. `pid` is None where psutil does not tell, and `fd` then -1."""

    protocol: int
    family: int
    state: int
    local: Endpoint
    remote: Endpoint
    pid: int | None
    fd: int


def row_of(connection: Any, pid: int | None) -> Row | None:
    """A row from psutil's ``sconn`` or ``pconn``; None for what is neither TCP nor UDP over IP.

    The type is open because psutil's tuples differ between systems.
    """
    families = {socket.AF_INET: 4, socket.AF_INET6: 6}
    protocols = {socket.SOCK_STREAM: TCP, socket.SOCK_DGRAM: UDP}
    family, protocol = families.get(connection.family), protocols.get(connection.type)
    if family is None or protocol is None:
        return None
    local, remote = _endpoint(connection.laddr, family), _endpoint(connection.raddr, family)
    if protocol == UDP:
        state = tcp_state.ESTABLISHED if remote[1] else tcp_state.UNCONN
    else:
        state = tcp_state.parse_state(connection.status) or tcp_state.UNCONN
    return Row(protocol, family, state, local, remote, pid, connection.fd if pid is not None else -1)


def _endpoint(address: Any, family: int) -> Endpoint:
    """Packed address and port; the wildcard address and 0 where psutil has none."""
    if not address:
        return bytes(4 if family == 4 else 16), 0
    text = address[0].partition("%")[0]  # a link-local address may carry its interface
    packed = socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    return fold_mapped(packed), address[1]


def merged(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows that are one socket, together, ordered by (pid, fd).

    The addresses name a connected TCP socket. Listeners and UDP sockets with equal addresses may be
    one shared socket or several with SO_REUSEPORT: psutil does not tell, so they stay apart.
    """
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        connected = row.protocol == TCP and row.remote[1] != 0
        apart = () if connected else (row.pid, row.fd)
        groups.setdefault((row.protocol, row.family, row.local, row.remote, *apart), []).append(row)
    return [sorted(group, key=_holder_order) for group in groups.values()]


def _holder_order(row: Row) -> tuple[bool, int, int]:
    return row.pid is None, row.pid or 0, row.fd


def stand_in(row: Row) -> int:
    """A negative number that names this socket with this holder, the same in every refresh."""
    text = repr((row.protocol, row.family, row.local, row.remote, row.pid, row.fd))
    digest = blake2b(text.encode(), digest_size=8).digest()
    return -(int.from_bytes(digest, "big") >> 1) - 1


def socket_of(row: Row, uid: int | None, *, hidden: bool) -> InetSocket:
    """The socket that a row tells of. `hidden`: there are processes that this user may not read.

    Its inode is 0 only where it is certain that no process holds the socket.
    """
    name = stand_in(row)
    ownerless = row.pid is None and (row.state in _NEVER_HELD or (row.state in _AFTER_CLOSE and not hidden))
    return InetSocket(
        protocol=row.protocol,
        family=row.family,
        state=row.state,
        local_address=row.local[0],
        local_port=row.local[1],
        remote_address=row.remote[0],
        remote_port=row.remote[1],
        recv_q=None,
        send_q=None,
        uid=uid,
        inode=0 if ownerless else name,
        cookie=name,
    )
