"""The rule ``silent-peers``: ESTABLISHED without keep-alive and without a byte for hours."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from operator import attrgetter
from typing import Final

from sockview.model.diagnosis.accounts import Accounts
from sockview.model.diagnosis.gather import STEP, chosen, count_by
from sockview.model.diagnosis.owners import OwnerGroup, Owners, owner_groups, owner_or_reason
from sockview.model.diagnosis.ranked import Found, Ranked, foremost, with_others
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import address_word, counted
from sockview.model.finding import Finding
from sockview.model.format_text import duration_text
from sockview.model.inet_socket import InetSocket, is_loopback
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts
from sockview.model.tcp_state import ESTABLISHED
from sockview.model.thresholds import Thresholds

KIND: Final = "silent-peers"


def silent_peers(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each process with many connections of which nobody would notice that the peer is gone."""
    del suspects
    silent = yield from _silent_sockets(table, thresholds)
    own = yield from chosen(silent, lambda part: [s for s in part if s.remote_address == s.local_address])
    near = frozenset([s.remote_address for s in own])
    peers = yield from count_by(silent, attrgetter("remote_address"))
    here = near.union([address for address in peers if is_loopback(address)])
    accounts = Accounts(lambda sockets: [s for s in sockets if s.remote_address not in here])
    yield from accounts.fill(silent, table)
    groups = yield from owner_groups(accounts, accounts.others.sockets, lambda s: owner_or_reason(table, s))
    many = [group for group in groups if group.size >= thresholds.silent_count]
    first, others = foremost(many, lambda group: (-group.size, str(group.owner)), thresholds)
    found = []
    for group in first:
        owners = yield from group.owners(table)
        found.append(_ranked(group, owners, near, table, thresholds))
        yield
    return with_others(found, others)


def _silent_sockets(table: SocketTable, thresholds: Thresholds) -> Generator[None, None, list[InetSocket]]:
    """Those that are still ESTABLISHED. They were looked for up to a minute ago."""
    silent = list(table.snapshot.silent.items())
    found: list[InetSocket] = []
    for part in parts(silent, STEP):
        old = [cookie for cookie, seconds in part if seconds >= thresholds.silent_age]
        sockets = map(table.by_cookie.get, old)
        found += [s for s in sockets if s is not None and s.state == ESTABLISHED]
        yield
    return found


def _ranked(
    group: OwnerGroup, owners: Owners, near: frozenset[bytes], table: SocketTable, thresholds: Thresholds
) -> Ranked:
    number, seconds_of = group.size, table.snapshot.silent
    longest = duration_text(max([seconds_of[s.cookie] for s in group.sockets]))
    after = duration_text(thresholds.silent_age)
    # A peer on this machine can't vanish without a word: the filter leaves out what the rule left out.
    others = "".join(f" -{address_word('raddr', address)}" for address in sorted(near) if not is_loopback(address))
    finding = Finding(
        kind=KIND,
        urgency="notice",
        title=(
            f"{owners.does('would', 'would')} not notice dead peers: {number:,} silent for up to {longest}, "
            "no keep-alive"
        ),
        facts=(
            f"On {counted(number, 'connection')} nothing has gone in either direction for {after} at least, and "
            "keep-alive is off: a peer that was switched off or cut off leaves them ESTABLISHED for good.",
            f"The peers: {group.peers()}.",
            *_keep_alive(table),
            owners.sentence("Held by"),
        ),
        remedies=(
            *owners.remedies(table),
            "In the application: SO_KEEPALIVE with TCP_KEEPIDLE of a minute or so, a heartbeat of the protocol, or an "
            "idle time-out.",
            "net.ipv4.tcp_keepalive_time alone changes nothing: it counts only for sockets that ask for keep-alive.",
        ),
        state=ESTABLISHED,
        filter=f"established -lo{others} {group.word} silent:>={thresholds.silent_age:.0f}",
        group=owners.key,
        pid=owners.pid,
        certain=owners.certain,
    )
    return Ranked(finding, number)


def _keep_alive(table: SocketTable) -> Iterator[str]:
    time = table.snapshot.limits.number("net.ipv4.tcp_keepalive_time")
    if time:
        yield f"With keep-alive the kernel would ask after {time:,} s (net.ipv4.tcp_keepalive_time)."
