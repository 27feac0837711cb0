"""The rule ``half-open``: SYN_RECV piles up, the handshakes of a listener do not end.

The kernel keeps at most as many as the backlog of the listener (inet_csk_reqsk_queue_is_full,
``include/net/inet_connection_sock.h``); without SYN cookies it drops those of unknown peers from three quarters of
tcp_max_syn_backlog on (tcp_conn_request, ``net/ipv4/tcp_input.c``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final

from sockview.model.diagnosis.accept_queue import is_full
from sockview.model.diagnosis.gather import count_by, gather, remotes_of
from sockview.model.diagnosis.owners import Owners, owners_of
from sockview.model.diagnosis.ranked import Found, Ranked, foremost, with_others
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import counted
from sockview.model.finding import Finding
from sockview.model.inet_socket import InetSocket
from sockview.model.limits import Limits
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import LISTEN, SYN_RECV
from sockview.model.thresholds import Thresholds

KIND: Final = "half-open"

_local_port: Final = attrgetter("local_port")

_COOKIES: Final = {
    0: "off: what comes when the queue is full is dropped",
    1: "on when the queue is full: sound clients then still get through",
    2: "on for every connection",
}


def half_open(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each listening port with too many handshakes that do not end."""
    counts = yield from count_by(suspects.of(SYN_RECV), _local_port)
    wanted = [port for port, number in counts.items() if number >= thresholds.half_open_count]
    listeners = yield from gather(suspects.of(LISTEN), _local_port, wanted)
    limits = {port: _limit(listeners[port], table.snapshot.limits) for port in wanted}
    pressed = [port for port in wanted if counts[port] >= _needed(limits[port], thresholds)]
    first, others = foremost(pressed, lambda port: (-counts[port], port), thresholds)
    handshakes = yield from gather(suspects.of(SYN_RECV), _local_port, first)
    found = []
    for port in first:
        owners = yield from owners_of(table, listeners[port])
        peers = yield from remotes_of(handshakes[port])
        found.append(_ranked(port, counts[port], peers, listeners[port], limits[port], owners, table))
    return with_others(found, others)


def _needed(limit: int | None, thresholds: Thresholds) -> float:
    return thresholds.half_open_count * 4 if limit is None else thresholds.half_open_share * limit


def _limit(listeners: Sequence[InetSocket], limits: Limits) -> int | None:
    """How many there may be; None where neither the backlog nor the parameter is known."""
    backlogs = [s.send_q for s in listeners if s.send_q is not None]
    known = [sum(backlogs)] if backlogs and sum(backlogs) else []
    most = limits.number("net.ipv4.tcp_max_syn_backlog")
    if most is not None and (not known or limits.number("net.ipv4.tcp_syncookies") == 0):
        known.append(most * max(1, len(listeners)))
    return min(known, default=None)


def _ranked(
    port: int,
    number: int,
    peers: str,
    listeners: Sequence[InetSocket],
    limit: int | None,
    owners: Owners,
    table: SocketTable,
) -> Ranked:
    who = owners.does("has", "have") if owners.shares else "A listener has"
    finding = Finding(
        kind=KIND,
        urgency="warning",
        title=f"{who} {number:,} half-open connections on port {port}{f', limit {limit:,}' if limit else ''}",
        facts=tuple(_facts(number, peers, listeners, limit, table)),
        remedies=(
            "From few addresses: a client or scanner that does not finish; stop it, or let the firewall limit it.",
            "From very many: a SYN flood, or the SYN-ACKs do not reach the clients; check return route and firewall "
            f"(tcpdump -n port {port}).",
            "Where the accept queue is full too, the process is the cause: the kernel does not end handshakes then.",
            "Keep net.ipv4.tcp_syncookies at 1; then a longer backlog and net.ipv4.tcp_max_syn_backlog.",
        ),
        state=SYN_RECV,
        filter=f"syn_recv lport:{port}",
        group=owners.key,
        pid=owners.pid,
        certain=owners.certain,
    )
    return Ranked(finding, number)


def _facts(
    number: int, peers: str, listeners: Sequence[InetSocket], limit: int | None, table: SocketTable
) -> Iterator[str]:
    limits, growth = table.snapshot.limits, table.growth
    most = limits.number("net.ipv4.tcp_max_syn_backlog")
    bounds = [f"the limit is about {limit:,}"] if limit else ["the limit is not known"]
    if most is not None:
        bounds.append(f"net.ipv4.tcp_max_syn_backlog is {most:,}")
    yield f"{counted(number, 'connection')} in SYN_RECV: the peer's last ACK is missing; {', '.join(bounds)}."
    yield f"The peers: {peers}."
    full = sum(map(is_full, listeners))
    if full:
        yield f"The accept queue is full at {counted(full, 'listener')} of that port: handshakes can't end."
    cookies = limits.number("net.ipv4.tcp_syncookies")
    if cookies is not None:
        yield f"net.ipv4.tcp_syncookies is {cookies}, {_COOKIES.get(cookies, 'a value not known to sockview')}."
    sent = growth.get("SyncookiesSent")
    if sent:
        yield f"{counted(sent, 'SYN cookie')} sent in the last minute, over all listeners."
