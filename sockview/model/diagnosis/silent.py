"""The rule ``silent-peers``: ESTABLISHED without keep-alive and without a byte for hours."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Final

from sockview.model.diagnosis.gather import STEP, count_by, gather, remotes_of
from sockview.model.diagnosis.owners import Owners, owner_or_reason, owners_of
from sockview.model.diagnosis.ranked import Found, Ranked
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import address_word, counted, pids_word
from sockview.model.finding import Finding
from sockview.model.format_text import duration_text
from sockview.model.inet_socket import InetSocket, is_loopback
from sockview.model.owner import NoOwner, Process
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import ESTABLISHED
from sockview.model.thresholds import Thresholds

KIND: Final = "silent-peers"


def silent_peers(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each process with many connections of which nobody would notice that the peer is gone."""
    del suspects
    silent = yield from _silent_sockets(table, thresholds)
    near = frozenset(s.remote_address for s in silent if s.remote_address == s.local_address)
    far = [s for s in silent if s.remote_address not in near and not is_loopback(s.remote_address)]
    yield

    def owner_of(s: InetSocket) -> tuple[Process | NoOwner]:
        return (owner_or_reason(table, s),)

    counts = yield from count_by(far, owner_of)
    wanted = [key for key, number in counts.items() if number >= thresholds.silent_count]
    groups = yield from gather(far, owner_of, wanted)
    found = []
    for (owner,), sockets in groups.items():
        owners = yield from owners_of(table, sockets)
        peers = yield from remotes_of(sockets)
        found.append(_ranked(owner, sockets, peers, owners, near, table, thresholds))
    return found


def _silent_sockets(table: SocketTable, thresholds: Thresholds) -> Generator[None, None, list[InetSocket]]:
    """Those that are still ESTABLISHED. They were looked for up to a minute ago."""
    silent = list(table.snapshot.silent.items())
    found: list[InetSocket] = []
    for start in range(0, len(silent), STEP):
        old = [cookie for cookie, seconds in silent[start : start + STEP] if seconds >= thresholds.silent_age]
        sockets = map(table.by_cookie.get, old)
        found += [s for s in sockets if s is not None and s.state == ESTABLISHED]
        yield
    return found


def _ranked(
    owner: Process | NoOwner,
    sockets: Sequence[InetSocket],
    peers: str,
    owners: Owners,
    near: frozenset[bytes],
    table: SocketTable,
    thresholds: Thresholds,
) -> Ranked:
    longest = duration_text(max(table.snapshot.silent[s.cookie] for s in sockets))
    after = duration_text(thresholds.silent_age)
    who = f"evidence:{owner.value}" if isinstance(owner, NoOwner) else pids_word([owner])
    # A peer on this machine can't vanish without a word: the filter leaves out what the rule left out.
    others = "".join(f" -{address_word('raddr', address)}" for address in sorted(near) if not is_loopback(address))
    finding = Finding(
        kind=KIND,
        urgency="notice",
        title=(
            f"{owners.does('would', 'would')} not notice dead peers: {len(sockets):,} silent for up to {longest}, "
            "no keep-alive"
        ),
        facts=(
            f"On {counted(len(sockets), 'connection')} nothing has gone in either direction for {after} at least, and "
            "keep-alive is off: a peer that was switched off or cut off leaves them ESTABLISHED for good.",
            f"The peers: {peers}.",
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
        filter=f"established -lo{others} {who} silent:>={thresholds.silent_age:.0f}",
        group=owners.key,
        pid=owners.pid,
        certain=owners.certain,
    )
    return Ranked(finding, len(sockets))


def _keep_alive(table: SocketTable) -> Iterator[str]:
    time = table.snapshot.limits.number("net.ipv4.tcp_keepalive_time")
    if time:
        yield f"With keep-alive the kernel would ask after {time:,} s (net.ipv4.tcp_keepalive_time)."
