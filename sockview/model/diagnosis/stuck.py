"""The rules ``peer-not-reading`` and ``peer-not-answering``: ESTABLISHED with data that does not get away.

Zero-window probes that the peer answers: it lives and does not read. Repetitions that nobody confirms: it, or
the network, is gone (inet_sk_diag_fill, ``net/ipv4/inet_diag.c``: timers 4 and 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockview.model.diagnosis.owners import ASK_ROOT, OwnerGroup, Owners, owner_groups, owner_or_reason
from sockview.model.diagnosis.ranked import Found, Ranked, foremost, with_others
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import counted
from sockview.model.finding import Finding
from sockview.model.format_text import bytes_text
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import NoOwner
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import ESTABLISHED
from sockview.model.thresholds import Thresholds

NOT_READING: Final = "peer-not-reading"
NOT_ANSWERING: Final = "peer-not-answering"

_REMEDIES: Final = {
    NOT_READING: (
        "Look at the peer: it is busy, blocked, or reads slowly on purpose; its Recv-Q is full.",
        "In the application: a time-out for writing (SO_SNDTIMEO, TCP_USER_TIMEOUT or the event loop's), and a bound "
        "to what is kept for one peer.",
    ),
    NOT_ANSWERING: (
        "Is the machine up, and the way to it? A firewall or NAT that forgot the connection drops its packets.",
        "In the application: TCP_USER_TIMEOUT ends such a connection after the time that you choose.",
        "Last, net.ipv4.tcp_retries2: after so many repetitions the kernel gives up (15 is some 15 minutes).",
    ),
}


def stuck(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each process and kind of trouble."""
    many: list[tuple[str, OwnerGroup]] = []
    for kind, accounts in ((NOT_READING, suspects.not_read), (NOT_ANSWERING, suspects.not_answered)):
        groups = yield from owner_groups(accounts, accounts.others.sockets, lambda s: owner_or_reason(table, s))
        many += [(kind, group) for group in groups if group.size >= thresholds.stuck_count]
    first, others = foremost(many, lambda found: (-found[1].size, found[0], str(found[1].owner)), thresholds)
    found = []
    for kind, group in first:
        owners = yield from group.owners(table)
        found.append(_ranked(kind, group, owners, table, thresholds))
        yield
    return with_others(found, others)


def _ranked(kind: str, group: OwnerGroup, owners: Owners, table: SocketTable, thresholds: Thresholds) -> Ranked:
    number, peers = group.size, group.peers()
    waiting = bytes_text(sum([s.send_q or 0 for s in group.sockets]))
    timer = (
        "timer:window sendq:>0"
        if kind == NOT_READING
        else f"timer:retransmit tries:>={thresholds.stuck_tries} sendq:>0"
    )
    verb = "read" if kind == NOT_READING else "answer"
    hidden = group.owner is NoOwner.HIDDEN and not table.snapshot.privileged
    finding = Finding(
        kind=kind,
        urgency="warning" if number >= thresholds.stuck_many else "notice",
        title=(
            f"{owners.does('sends', 'send')} to {counted(number, 'peer')} that do not {verb}: "
            f"{waiting} waiting, {peers}"
        ),
        facts=tuple(_facts(kind, group.sockets, peers, owners, table)),
        remedies=(*((ASK_ROOT,) if hidden else ()), *_REMEDIES[kind]),
        state=ESTABLISHED,
        filter=f"tcp established {group.word} {timer}",
        group=owners.key,
        pid=owners.pid,
        certain=owners.certain,
    )
    return Ranked(finding, number)


def _facts(kind: str, sockets: Sequence[InetSocket], peers: str, owners: Owners, table: SocketTable) -> Iterator[str]:
    number = counted(len(sockets), "connection")
    if kind == NOT_READING:
        longest = max([s.timer_left(table.snapshot.clock) for s in sockets])
        yield (
            f"On {number} the peer's receive window is closed or too small: the data in Send-Q waits, and the kernel "
            f"asks again and again; the last to be asked is in {longest:.0f} s."
        )
    else:
        yield (
            f"On {number} data was repeated up to {counted(max([s.retransmits for s in sockets]), 'time')} and nothing "
            "came back."
        )
        retries = table.snapshot.limits.number("net.ipv4.tcp_retries2")
        if retries is not None:
            yield f"The kernel gives up after about {counted(retries, 'repetition')} (net.ipv4.tcp_retries2)."
    yield f"The peers: {peers}."
    yield owners.sentence("Held by")
