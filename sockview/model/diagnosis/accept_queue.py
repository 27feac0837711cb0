"""The rules ``accept-queue`` and ``listen-drops``: connections come faster than they are accepted.

The queue admits one more than its limit: it is full when Recv-Q is greater than Send-Q (sk_acceptq_is_full,
``include/net/sock.h``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockview.model.diagnosis.gather import chosen
from sockview.model.diagnosis.owners import Owners, owners_of
from sockview.model.diagnosis.ranked import Found, Ranked, foremost, with_others
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import address_word, counted, listing, pids_word
from sockview.model.finding import Finding
from sockview.model.inet_socket import InetSocket, endpoint_text
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import LISTEN
from sockview.model.thresholds import Thresholds

KIND: Final = "accept-queue"
DROPS: Final = "listen-drops"


def is_full(listener: InetSocket) -> bool:
    """Whether its accept queue takes no more."""
    return listener.recv_q is not None and listener.send_q is not None and listener.recv_q > listener.send_q


def accept_queues(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each listener whose queue is full or filling; one for drops where no full one is seen."""
    found = []
    waited_for = yield from chosen(suspects.of(LISTEN), lambda part: [s for s in part if s.recv_q])
    pressed = [s for s in waited_for if is_full(s) or _is_filling(s, thresholds)]
    yield
    first, others = foremost(pressed, lambda s: (not is_full(s), -(s.recv_q or 0), s.cookie), thresholds)
    for listener in first:
        owners = yield from owners_of(table, (listener,))
        found.append(_ranked(listener, owners, table))
    found = with_others(found, others)
    drops = table.growth.get("ListenDrops", 0)
    if drops >= thresholds.listen_drops and not any(is_full(s) for s in pressed):
        found.append(Ranked(_drops_finding(drops, table, waited_for), drops))
    return found


def _is_filling(s: InetSocket, thresholds: Thresholds) -> bool:
    if s.recv_q is None or s.send_q is None:
        return False
    return s.recv_q >= thresholds.accept_queue_count and s.recv_q >= thresholds.accept_queue_share * s.send_q


def _ranked(listener: InetSocket, owners: Owners, table: SocketTable) -> Ranked:
    full = is_full(listener)
    waiting, limit = listener.recv_q or 0, listener.send_q or 0
    end = endpoint_text(listener.local_address, listener.local_port)
    end_word = address_word("laddr", listener.local_address, listener.local_port)
    owner_word = f" {pids_word([owners.process])}" if owners.process else ""
    finding = Finding(
        kind=KIND,
        urgency="critical" if full else "warning",
        title=(
            f"{owners.does('accepts', 'accept')} too slowly: {waiting:,} wait on {end}, backlog {limit:,}"
            f"{', new ones dropped' if full else ''}"
        ),
        facts=tuple(_facts(listener, owners, table)),
        remedies=(
            *owners.remedies(table),
            "See why it does not call accept() sooner: all workers busy or hanging, a blocked event loop, no free "
            "descriptor (EMFILE).",
            "More workers, or shorter work before the next accept().",
            _longer_backlog(listener, table),
        ),
        state=LISTEN,
        filter=f"listen {end_word}{owner_word} recvq:{waiting} sendq:{limit}",
        group=owners.key,
        pid=owners.pid,
        certain=owners.certain,
    )
    return Ranked(finding, waiting)


def _facts(listener: InetSocket, owners: Owners, table: SocketTable) -> Iterator[str]:
    waiting, limit = listener.recv_q or 0, listener.send_q or 0
    yield f"{counted(waiting, 'connection')} established by the kernel, not accepted; the backlog is {limit:,}."
    if is_full(listener):
        yield "The queue is full: the kernel drops the first or last packet of new handshakes, and clients wait."
    overflows = table.growth.get("ListenOverflows")
    if overflows is not None:
        yield f"Full accept queues turned {counted(overflows, 'attempt')} away in the last minute, over all listeners."
    yield owners.sentence("Held by")


def _longer_backlog(listener: InetSocket, table: SocketTable) -> str:
    most = table.snapshot.limits.number("net.core.somaxconn")
    said = "A longer backlog helps with short bursts only: listen() asks for it"
    if most is None:
        return f"{said}, and net.core.somaxconn limits it."
    if listener.send_q == most:
        return f"{said}, and net.core.somaxconn, {most:,}, limits it: as it does here."
    return f"{said}; net.core.somaxconn, {most:,}, is not what limits it here."


def _drops_finding(drops: int, table: SocketTable, waited_for: Sequence[InetSocket]) -> Finding:
    overflows = table.growth.get("ListenOverflows", 0)
    waiting = sorted(waited_for, key=lambda s: (-(s.recv_q or 0), s.cookie))
    queues = [f"{endpoint_text(s.local_address, s.local_port)} ({s.recv_q:,} of {s.send_q or 0:,})" for s in waiting]
    return Finding(
        kind=DROPS,
        urgency="warning",
        title=f"Listeners dropped {counted(drops, 'attempt')} to connect in the last minute; no queue is full now",
        facts=(
            f"{overflows:,} of them because an accept queue was full (ListenOverflows); of the others the SYN queue "
            "was full, or memory short.",
            f"Accept queues with connections now: {listing(queues)}." if queues else "All accept queues are empty now.",
            "The kernel counts them for all listeners together, and a client that tries again counts each time.",
        ),
        remedies=(
            "Watch the LISTEN sockets for one whose Recv-Q rises: its process accepts in bursts, or pauses.",
            "A longer backlog (listen(), net.core.somaxconn) takes short bursts.",
        ),
        state=LISTEN,
        filter="listen",
    )
