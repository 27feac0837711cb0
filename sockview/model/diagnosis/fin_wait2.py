"""The rules ``half-closed`` and ``peer-not-closing``: FIN_WAIT2, this side has closed and the peer does not.

Held by a process (after shutdown()) it has no time limit; without one the kernel ends it after tcp_fin_timeout
(tcp(7)), so that many of these mean many closes that the peer does not follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from sockview.model.diagnosis.gather import chosen, count_by, gather
from sockview.model.diagnosis.lot import ages_of, older
from sockview.model.diagnosis.owners import OwnerGroup, Owners, owner_groups, owners_of
from sockview.model.diagnosis.ranked import Found, Ranked, foremost, with_others
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import LISTED, address_word, counted, listing, most_common
from sockview.model.finding import Finding
from sockview.model.format_text import age_text, duration_text
from sockview.model.inet_socket import InetSocket, address_text
from sockview.model.owner import Process
from sockview.model.query import Age
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import FIN_WAIT2
from sockview.model.thresholds import Thresholds

_remote_address: Final = attrgetter("remote_address")

HALF_CLOSED: Final = "half-closed"
NOT_CLOSING: Final = "peer-not-closing"


def half_closed(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each process that has long waited for the end of many peers."""
    holders = table.snapshot.holders

    def holder(s: InetSocket) -> Process | None:
        held = holders.get(s.inode)
        return held[0].process if held else None

    others = yield from chosen(suspects.fin_wait2.others.sockets, lambda part: [s for s in part if s.inode])
    groups = yield from owner_groups(suspects.fin_wait2, others, holder)
    clock = table.snapshot.clock
    measured = []
    for group in groups:
        if group.size >= thresholds.half_closed_count:
            ages = ages_of(group.lots(table), clock, thresholds.half_closed_age)
            yield
            if ages.old >= thresholds.half_closed_count:
                measured.append((group, ages.eldest))
    first, more = foremost(measured, lambda found: (-found[0].size, str(found[0].owner)), thresholds)
    found = []
    for group, eldest in first:
        owners = yield from group.owners(table)
        found.append(_half_closed(group, eldest, owners))
        yield
    return with_others(found, more)


def _half_closed(group: OwnerGroup, eldest: Age | None, owners: Owners) -> Ranked:
    number = group.size
    waited = "" if eldest is None else f", the oldest for {duration_text(eldest.at_least)}"
    finding = Finding(
        kind=HALF_CLOSED,
        urgency="notice",
        title=(
            f"{owners.does('waits', 'wait')} for {counted(number, 'peer')} that do not close: "
            f"FIN_WAIT2, oldest {age_text(eldest)}"
        ),
        facts=(
            f"The process has ended its side of {counted(number, 'connection')} with shutdown(), still holds the "
            f"descriptors and waits for the peers' end{waited}.",
            f"The peers: {group.peers()}.",
            "net.ipv4.tcp_fin_timeout does not apply: it counts for sockets only that no process holds.",
        ),
        remedies=(
            "In the application: after shutdown() wait for the end with a time-out only, then close().",
            "The peer has a CLOSE_WAIT for each: if it is yours, that is where the leak is.",
        ),
        state=FIN_WAIT2,
        filter=f"fin_wait2 {group.word} evidence:fd",
        group=owners.key,
        pid=owners.pid,
        certain=owners.certain,
    )
    return Ranked(finding, number)


def peers_not_closing(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each remote address that leaves very many half closed."""
    if not any(number >= thresholds.fin_wait2_count for number in suspects.fin_wait2.addresses.values()):
        return []
    sockets: list[InetSocket] = []
    for lot in suspects.fin_wait2.lots():
        sockets += yield from older(table, lot, thresholds.fin_wait2_age)
    counts = yield from count_by(sockets, _remote_address)
    wanted = sorted([address for address, number in counts.items() if number >= thresholds.fin_wait2_count])
    by_remote = yield from gather(sockets, _remote_address, wanted)
    found = []
    for address, of_remote in by_remote.items():
        owners = yield from owners_of(table, of_remote)
        found.append(_not_closing(address, of_remote, owners, table, thresholds))
    return found


def _not_closing(
    address: bytes, sockets: Sequence[InetSocket], owners: Owners, table: SocketTable, thresholds: Thresholds
) -> Ranked:
    timeout = table.snapshot.limits.number("net.ipv4.tcp_fin_timeout")
    lasts = "after a while" if timeout is None else f"after {timeout} s (net.ipv4.tcp_fin_timeout)"
    ports = Counter([s.remote_port for s in sockets])
    said = owners.sentence("They belong or belonged to")
    finding = Finding(
        kind=NOT_CLOSING,
        urgency="notice",
        title=f"{address_text(address)} does not close: {len(sockets):,} FIN_WAIT2",
        facts=(
            f"This side has closed {counted(len(sockets), 'connection')} with {address_text(address)}, which has "
            f"confirmed it and has not closed its own side for {duration_text(thresholds.fin_wait2_age)} at least. "
            f"Without a process the kernel ends them {lasts}.",
            f"Its ports: {listing([str(port) for port, _ in most_common(ports, LISTED)], total=len(ports))}.",
            *((said,) if said else ()),
        ),
        remedies=(
            "Look at that machine: for each of these it holds a CLOSE_WAIT, and its process does not call close().",
            "A load balancer or proxy may keep its half open on purpose: compare its idle time-out with yours.",
        ),
        state=FIN_WAIT2,
        filter=f"fin_wait2 {address_word('raddr', address)} age:>={thresholds.fin_wait2_age:.0f}",
        group=owners.key,
        pid=owners.pid,
        certain=owners.certain,
    )
    return Ranked(finding, len(sockets))
