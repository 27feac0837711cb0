"""The rule ``closing-unanswered``: FIN_WAIT1, LAST_ACK or CLOSING that stay, because the peer confirms nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockview.model.diagnosis.gather import remotes_of
from sockview.model.diagnosis.owners import Owners, owners_of
from sockview.model.diagnosis.ranked import Found, Ranked
from sockview.model.diagnosis.suspects import STEP, Suspects
from sockview.model.diagnosis.words import counted
from sockview.model.finding import Finding
from sockview.model.inet_socket import TIMER_ZERO_WINDOW, InetSocket
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import CLOSING, FIN_WAIT1, LAST_ACK, state_name
from sockview.model.thresholds import Thresholds

KIND: Final = "closing-unanswered"

_MEANING: Final = {
    FIN_WAIT1: "this side has closed first, and the peer has not confirmed the end",
    LAST_ACK: "both sides have closed, and the peer's last confirmation is missing",
    CLOSING: "both sides have closed at the same time, and the peer has not confirmed the end",
}


def closing_unanswered(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each of the three states."""
    tries, age = f"tries:>={thresholds.closing_tries}", f"age:>={thresholds.closing_age:.0f}"
    found = []
    for state in _MEANING:
        sockets = suspects.of(state)
        repeated: list[InetSocket] = []
        old: list[InetSocket] = []
        for start in range(0, len(sockets), STEP):
            part = sockets[start : start + STEP]
            repeated += [s for s in part if s.retransmits >= thresholds.closing_tries]
            old += [s for s in part if _is_old(s, table, thresholds)]
            yield
        unanswered, sign = (repeated, tries) if len(repeated) >= len(old) else (old, age)
        if len(unanswered) >= max(thresholds.closing_count, thresholds.closing_share * len(table.snapshot.sockets)):
            owners = yield from owners_of(table, unanswered)
            peers = yield from remotes_of(unanswered)
            found.append(_ranked(len(sockets), unanswered, peers, sign, owners, table, thresholds))
    return found


def _is_old(s: InetSocket, table: SocketTable, thresholds: Thresholds) -> bool:
    age = table.age(s)
    return age is not None and age.at_least >= thresholds.closing_age


def _ranked(
    total: int,
    unanswered: Sequence[InetSocket],
    peers: str,
    sign: str,
    owners: Owners,
    table: SocketTable,
    thresholds: Thresholds,
) -> Ranked:
    state = unanswered[0].state
    finding = Finding(
        kind=KIND,
        urgency="warning" if len(unanswered) >= thresholds.closing_many else "notice",
        title=f"{len(unanswered):,} {state_name(state)} get no answer from their peers: {peers}",
        facts=tuple(_facts(total, unanswered, peers, owners, table)),
        remedies=(
            "One remote address: look at that machine and the way to it; it is down, or a firewall or NAT forgot the "
            "connection.",
            "Many: clients that vanish (mobile, behind NAT); they need no remedy as long as they are few against all.",
            "The kernel gives up by itself: what no process holds after net.ipv4.tcp_orphan_retries repetitions.",
        ),
        state=state,
        filter=f"{state_name(state).lower()} {sign}",
    )
    return Ranked(finding, len(unanswered))


def _facts(
    total: int, unanswered: Sequence[InetSocket], peers: str, owners: Owners, table: SocketTable
) -> Iterator[str]:
    state = unanswered[0].state
    yield (
        f"{len(unanswered):,} of {total:,} {state_name(state)} stay: {_MEANING[state]}; the kernel repeats it, "
        f"up to {counted(max(s.retransmits for s in unanswered), 'time')} so far."
    )
    yield f"The peers: {peers}."
    shut = sum(1 for s in unanswered if s.timer == TIMER_ZERO_WINDOW)
    if shut:
        yield f"{shut:,} of them still have data that the peer does not take (its window is closed)."
    held = sum(1 for s in unanswered if s.inode)
    if held < len(unanswered):
        them = f"{len(unanswered) - held:,} of them" if held else "them"
        yield f"No process holds {them}: the application has closed them, and the kernel goes on alone."
    if held:
        yield (
            f"On {held:,} of them a process keeps the descriptor after shutdown(): for these net.ipv4.tcp_retries2 "
            "counts."
        )
    if owners.shares:
        yield owners.sentence("They belonged to")
    retries = table.snapshot.limits.number("net.ipv4.tcp_orphan_retries")
    if retries is not None:
        yield f"net.ipv4.tcp_orphan_retries is {retries}{' (which means 8)' if retries == 0 else ''}."
    most = table.snapshot.limits.number("net.ipv4.tcp_max_orphans")
    if most is not None:
        yield f"They count against net.ipv4.tcp_max_orphans, {most:,}."
