"""The rules ``peer-not-reading`` and ``peer-not-answering``: ESTABLISHED with data that does not get away.

Zero-window probes that the peer answers: it lives and does not read. Repetitions that nobody confirms: it, or
the network, is gone (inet_sk_diag_fill, ``net/ipv4/inet_diag.c``: timers 4 and 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockview.model.diagnosis.gather import count_by, gather, remotes_of
from sockview.model.diagnosis.owners import ASK_ROOT, Owners, owner_or_reason, owners_of
from sockview.model.diagnosis.ranked import Found, Ranked
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import counted, pids_word
from sockview.model.finding import Finding
from sockview.model.format_text import bytes_text
from sockview.model.inet_socket import TIMER_ZERO_WINDOW, InetSocket
from sockview.model.owner import NoOwner, Process
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

    def trouble(s: InetSocket) -> tuple[str, Process | NoOwner]:
        return NOT_READING if s.timer == TIMER_ZERO_WINDOW else NOT_ANSWERING, owner_or_reason(table, s)

    counts = yield from count_by(suspects.stuck, trouble)
    wanted = [key for key, number in counts.items() if number >= thresholds.stuck_count]
    groups = yield from gather(suspects.stuck, trouble, wanted)
    found = []
    for (kind, owner), sockets in groups.items():
        owners = yield from owners_of(table, sockets)
        peers = yield from remotes_of(sockets)
        found.append(_ranked(kind, owner, sockets, peers, owners, table, thresholds))
    return found


def _ranked(
    kind: str,
    owner: Process | NoOwner,
    sockets: Sequence[InetSocket],
    peers: str,
    owners: Owners,
    table: SocketTable,
    thresholds: Thresholds,
) -> Ranked:
    number = len(sockets)
    waiting = bytes_text(sum(s.send_q or 0 for s in sockets))
    timer = (
        "timer:window sendq:>0"
        if kind == NOT_READING
        else f"timer:retransmit tries:>={thresholds.stuck_tries} sendq:>0"
    )
    verb = "read" if kind == NOT_READING else "answer"
    who = f"evidence:{owner.value}" if isinstance(owner, NoOwner) else pids_word([owner])
    hidden = owner is NoOwner.HIDDEN and not table.snapshot.privileged
    finding = Finding(
        kind=kind,
        urgency="warning" if number >= thresholds.stuck_many else "notice",
        title=(
            f"{owners.does('sends', 'send')} to {counted(number, 'peer')} that do not {verb}: "
            f"{waiting} waiting, {peers}"
        ),
        facts=tuple(_facts(kind, sockets, peers, owners, table)),
        remedies=(*((ASK_ROOT,) if hidden else ()), *_REMEDIES[kind]),
        state=ESTABLISHED,
        filter=f"tcp established {who} {timer}",
        group=owners.key,
        pid=owners.pid,
        certain=owners.certain,
    )
    return Ranked(finding, number)


def _facts(kind: str, sockets: Sequence[InetSocket], peers: str, owners: Owners, table: SocketTable) -> Iterator[str]:
    number = counted(len(sockets), "connection")
    if kind == NOT_READING:
        longest = max(s.timer_left(table.snapshot.clock) for s in sockets)
        yield (
            f"On {number} the peer's receive window is closed or too small: the data in Send-Q waits, and the kernel "
            f"asks again and again; the last to be asked is in {longest:.0f} s."
        )
    else:
        yield (
            f"On {number} data was repeated up to {counted(max(s.retransmits for s in sockets), 'time')} and nothing "
            "came back."
        )
        retries = table.snapshot.limits.number("net.ipv4.tcp_retries2")
        if retries is not None:
            yield f"The kernel gives up after about {counted(retries, 'repetition')} (net.ipv4.tcp_retries2)."
    yield f"The peers: {peers}."
    yield owners.sentence("Held by")
