"""The rule ``closing-unanswered``: FIN_WAIT1, LAST_ACK or CLOSING that stay, because the peer confirms nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from sockview.model.diagnosis.gather import chosen, count_by, remotes_of
from sockview.model.diagnosis.lot import older_of
from sockview.model.diagnosis.owners import Owners, owners_of
from sockview.model.diagnosis.ranked import Found, Ranked
from sockview.model.diagnosis.suspects import Suspects
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
    tries, age = thresholds.closing_tries, thresholds.closing_age
    found = []
    for state in _MEANING:
        sockets = suspects.of(state)
        repeated = yield from chosen(sockets, lambda part: [s for s in part if s.retransmits >= tries])
        old = yield from older_of(table, sockets, age)
        are_old = len(old) > len(repeated)
        unanswered, sign = (old, f"age:>={age:.0f}") if are_old else (repeated, f"tries:>={tries}")
        if len(unanswered) >= max(thresholds.closing_count, thresholds.closing_share * len(table.snapshot.sockets)):
            lot = yield from _look_at(unanswered, len(sockets), table)
            found.append(_ranked(lot, sign, table, thresholds))
    return found


class _Lot(NamedTuple):
    """Sockets of one state that get no answer, counted."""

    state: int
    number: int
    total: int
    """Of the state."""
    tries: int
    """The most repetitions."""
    shut: int
    """Whose peer's window is closed."""
    held: int
    peers: str
    owners: Owners


def _look_at(unanswered: Sequence[InetSocket], total: int, table: SocketTable) -> Generator[None, None, _Lot]:
    owners = yield from owners_of(table, unanswered)
    peers = yield from remotes_of(unanswered)
    tries = yield from count_by(unanswered, attrgetter("retransmits"))
    timers = yield from count_by(unanswered, attrgetter("timer"))
    held = yield from chosen(unanswered, lambda part: [s for s in part if s.inode])
    number, shut = len(unanswered), timers[TIMER_ZERO_WINDOW]
    return _Lot(unanswered[0].state, number, total, max(tries), shut, len(held), peers, owners)


def _ranked(lot: _Lot, sign: str, table: SocketTable, thresholds: Thresholds) -> Ranked:
    state, number = lot.state, lot.number
    finding = Finding(
        kind=KIND,
        urgency="warning" if number >= thresholds.closing_many else "notice",
        title=f"{number:,} {state_name(state)} get no answer from their peers: {lot.peers}",
        facts=tuple(_facts(lot, table)),
        remedies=(
            "One remote address: look at that machine and the way to it; it is down, or a firewall or NAT forgot the "
            "connection.",
            "Many: clients that vanish (mobile, behind NAT); they need no remedy as long as they are few against all.",
            "The kernel gives up by itself: what no process holds after net.ipv4.tcp_orphan_retries repetitions.",
        ),
        state=state,
        filter=f"{state_name(state).lower()} {sign}",
    )
    return Ranked(finding, number)


def _facts(lot: _Lot, table: SocketTable) -> Iterator[str]:
    state, number, held = lot.state, lot.number, lot.held
    yield (
        f"{number:,} of {lot.total:,} {state_name(state)} stay: {_MEANING[state]}; the kernel repeats it, "
        f"up to {counted(lot.tries, 'time')} so far."
    )
    yield f"The peers: {lot.peers}."
    if lot.shut:
        yield f"{lot.shut:,} of them still have data that the peer does not take (its window is closed)."
    if held < number:
        them = f"{number - held:,} of them" if held else "them"
        yield f"No process holds {them}: the application has closed them, and the kernel goes on alone."
    if held:
        yield (
            f"On {held:,} of them a process keeps the descriptor after shutdown(): for these net.ipv4.tcp_retries2 "
            "counts."
        )
    if lot.owners.shares:
        yield lot.owners.sentence("They belonged to")
    retries = table.snapshot.limits.number("net.ipv4.tcp_orphan_retries")
    if retries is not None:
        yield f"net.ipv4.tcp_orphan_retries is {retries}{' (which means 8)' if retries == 0 else ''}."
    most = table.snapshot.limits.number("net.ipv4.tcp_max_orphans")
    if most is not None:
        yield f"They count against net.ipv4.tcp_max_orphans, {most:,}."
