"""What one LISTEN socket tells whoever wonders why nobody reaches it: sentences for the pane, no findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from sockview.model.attribution import covers
from sockview.model.diagnosis.accept_queue import is_full
from sockview.model.diagnosis.words import counted, listing, name_text
from sockview.model.inet_socket import InetSocket, address_text, endpoint_text, is_loopback, is_wildcard
from sockview.model.owner import Process
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, LISTEN

#: Other listeners named one by one.
_NAMED: Final = 4


def listen_notes(table: SocketTable, listener: InetSocket) -> tuple[str, ...]:
    """Who can reach it, who else is on its port, its queue, and whether anybody is connected: a sentence each.

    Looks at every socket of the table once: for the row under the cursor, not for every row. Empty for a socket
    that does not listen.
    """
    if listener.state != LISTEN:
        return ()
    on_port = [
        s for s in table.snapshot.sockets if s.local_port == listener.local_port and s.protocol == listener.protocol
    ]
    others = [s for s in on_port if s.state == LISTEN and s is not listener]
    addresses = Counter([s.local_address for s in on_port if s.state in (ESTABLISHED, CLOSE_WAIT)])
    connected = sum(number for address, number in addresses.items() if covers(listener, address))
    return (
        _reach(listener),
        *_sharing(table, listener, others),
        *_elsewhere(table, listener, others),
        *_queue(listener),
        *_connected(listener, connected),
    )


def _reach(listener: InetSocket) -> str:
    address = listener.local_address
    if is_loopback(address):
        return (
            f"Reachable from this machine only: it is bound to {address_text(address)}. For others the program has to "
            "listen on another address of this machine, or on 0.0.0.0 or ::."
        )
    if not is_wildcard(address):
        return f"Reachable at {address_text(address)} only, not at 127.0.0.1 or any other address of this machine."
    if len(address) == 16:
        return "Reachable at every IPv6 address of this machine, and at every IPv4 address unless it is IPv6 only."
    return "Reachable at every IPv4 address of this machine, not over IPv6."


def _sharing(table: SocketTable, listener: InetSocket, others: Sequence[InetSocket]) -> Iterator[str]:
    """Who holds this very socket, and who has one of its own at the same address."""
    holders = _processes(table, [listener])
    if len(holders) > 1:
        yield f"{counted(len(holders), 'process', 'processes')} hold this socket and accept from one queue."
    same = [s for s in others if s.local_address == listener.local_address]
    if same:
        yield (
            f"{counted(len(same) + 1, 'socket')} listen at this address and port (SO_REUSEPORT), of "
            f"{_names(_processes(table, [listener, *same]))}: the kernel spreads new connections over them."
        )


def _elsewhere(table: SocketTable, listener: InetSocket, others: Sequence[InetSocket]) -> Iterator[str]:
    """The same port at other addresses."""
    ends = [
        f"{endpoint_text(s.local_address, s.local_port)} by {_names(_processes(table, [s]))}"
        for s in others
        if s.local_address != listener.local_address
    ]
    if ends:
        yield f"The same port is taken at other addresses: {listing(ends, _NAMED)}."


def _processes(table: SocketTable, sockets: Sequence[InetSocket]) -> list[Process]:
    found = {claim.process.identity: claim.process for s in sockets for claim in table.claims(s)}
    return [found[identity] for identity in sorted(found)]


def _names(processes: Sequence[Process]) -> str:
    return listing([name_text(process) for process in processes], _NAMED) or "a process that is not known"


def _queue(listener: InetSocket) -> Iterator[str]:
    if not listener.recv_q or listener.send_q is None:
        return
    waiting = f"{counted(listener.recv_q, 'connection')} to be accepted, of at most {listener.send_q + 1:,}"
    if is_full(listener):
        yield f"Its accept queue is full: {waiting}. The kernel drops new ones."
    else:
        yield f"In its accept queue: {waiting}."


def _connected(listener: InetSocket, connected: int) -> Iterator[str]:
    if connected:
        yield f"{counted(connected, 'connection')} to it now."
        return
    yield "Nobody is connected to it now."
    if not is_loopback(listener.local_address):
        yield (
            "If clients can't reach it: a firewall (nft list ruleset, or the provider's), a wrong address or a missing "
            "route gives a time-out; nothing listening gives a refusal at once."
        )
