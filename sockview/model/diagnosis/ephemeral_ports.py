"""The rule ``ephemeral-ports``: towards one destination nearly every ephemeral port is in use, mostly by TIME_WAIT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from sockview.model.diagnosis.gather import STEP, count_by, gather
from sockview.model.diagnosis.owners import Owners, owners_of
from sockview.model.diagnosis.ranked import Found, Ranked
from sockview.model.diagnosis.suspects import Suspects, ephemeral_count
from sockview.model.diagnosis.words import address_word, listing, most_common
from sockview.model.finding import Finding, Urgency
from sockview.model.inet_socket import TCP, TIME_WAIT_SECONDS, InetSocket, address_text, endpoint_text, is_loopback
from sockview.model.limits import Limits
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts
from sockview.model.tcp_state import TIME_WAIT, state_name
from sockview.model.thresholds import Thresholds

KIND: Final = "ephemeral-ports"

_destination: Final = attrgetter("local_address", "remote_address", "remote_port")


class Destination(NamedTuple):
    """Towards each the kernel can use every port once (__inet_hash_connect, ``net/ipv4/inet_hashtables.c``)."""

    local_address: bytes
    remote_address: bytes
    remote_port: int


def ephemeral_ports(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each destination towards which the ports run out."""
    ports = table.snapshot.limits.ephemeral_ports
    if not suspects.busy_ports or ports is None:
        return []
    room = ephemeral_count(ports)
    leading = yield from _leading_to(suspects.busy_ports, ports, table.snapshot.sockets)
    counts = yield from count_by(leading, _destination)
    wanted = sorted([end for end, number in counts.items() if number >= thresholds.port_share * room])
    destinations = yield from gather(leading, _destination, wanted)
    found = []
    for end, sockets in destinations.items():
        owners = yield from owners_of(table, sockets)
        found.append(_ranked(Destination(*end), sockets, owners, table.snapshot.limits, thresholds))
    return found


def _leading_to(
    busy: frozenset[int], ports: tuple[int, int], sockets: Sequence[InetSocket]
) -> Generator[None, None, list[InetSocket]]:
    """The TCP sockets from an ephemeral port to one of the busy ones."""
    found: list[InetSocket] = []
    for part in parts(sockets, STEP):
        part = [s for s in part if s.remote_port in busy]
        found += [s for s in part if ports[0] <= s.local_port <= ports[1] and s.protocol == TCP]
        yield
    return found


def _ranked(
    destination: Destination, sockets: Sequence[InetSocket], owners: Owners, limits: Limits, thresholds: Thresholds
) -> Ranked:
    ports = limits.ephemeral_ports or (1, 0)
    room = ephemeral_count(ports)
    states = Counter([s.state for s in sockets])
    reused = reuses(limits, destination)
    finding = Finding(
        kind=KIND,
        urgency=_urgency(len(sockets) / room, reused and states[TIME_WAIT] > 0, thresholds),
        title=(
            f"{owners.does('uses', 'use')} {len(sockets):,} of {room:,} ports to "
            f"{endpoint_text(destination.remote_address, destination.remote_port)}, {states[TIME_WAIT]:,} in TIME_WAIT"
        ),
        facts=tuple(_facts(destination, states, owners, limits, room)),
        remedies=(
            "Keep connections and use them again: a pool, HTTP keep-alive, pipelining. One that stays open "
            "leaves no TIME_WAIT.",
            "Or let the other side close first: then the TIME_WAIT is there.",
            "Spread over more destinations: each further remote address or port, and each further local address, "
            "has all ports anew.",
            "Then net.ipv4.ip_local_port_range with more ports.",
            *_reuse_remedy(limits, destination),
        ),
        state=TIME_WAIT,
        filter=" ".join(
            (
                "tcp",
                address_word("laddr", destination.local_address),
                address_word("raddr", destination.remote_address, destination.remote_port),
                f"lport:{ports[0]}-{ports[1]}",
            )
        ),
        group=owners.key,
        pid=owners.pid,
        certain=owners.certain,
    )
    return Ranked(finding, len(sockets))


def _urgency(share: float, reused: bool, thresholds: Thresholds) -> Urgency:
    """Where the kernel uses a port in TIME_WAIT again, running out is less near."""
    if share >= thresholds.port_share_critical:
        return "warning" if reused else "critical"
    return "notice" if reused else "warning"


def reuses(limits: Limits, destination: Destination) -> bool:
    """Whether connect() may take a port that is in TIME_WAIT (tcp_twsk_unique, ``net/ipv4/tcp_ipv4.c``)."""
    if limits.number("net.ipv4.tcp_timestamps") == 0:
        return False
    mode = limits.number("net.ipv4.tcp_tw_reuse")
    loopback = is_loopback(destination.remote_address) or is_loopback(destination.local_address)
    return mode == 1 or (mode == 2 and loopback)


def _facts(destination: Destination, states: Counter[int], owners: Owners, limits: Limits, room: int) -> Iterator[str]:
    number = sum(states.values())
    first, last = limits.ephemeral_ports or (0, 0)
    yield (
        f"{number:,} of the {room:,} local ports {first} to {last} ({number / room:.0%}) are in use from "
        f"{address_text(destination.local_address)} to this destination: "
        f"{listing([f'{state_name(state)} {count:,}' for state, count in most_common(states, len(states))], 4)}."
    )
    yield "Without a free port connect() fails with EADDRNOTAVAIL."
    if states[TIME_WAIT]:
        yield (
            f"TIME_WAIT lasts {TIME_WAIT_SECONDS:.0f} s and stays with the side that closes first, which is this one: "
            f"about {states[TIME_WAIT] / TIME_WAIT_SECONDS:,.0f} closes a second. It is normal, and harmless until "
            "ports run out."
        )
    said = owners.sentence("Opened by")
    if said:
        yield said
    yield from _reuse_fact(limits, destination)
    reserved = limits.parameters.get("net.ipv4.ip_local_reserved_ports")
    if reserved:
        yield f"connect() takes none of net.ipv4.ip_local_reserved_ports: {reserved}."


def _reuse_fact(limits: Limits, destination: Destination) -> Iterator[str]:
    mode = limits.number("net.ipv4.tcp_tw_reuse")
    if mode is None:
        return
    meaning = {0: "off", 1: "on for all", 2: "on for loopback only"}.get(mode, "not known to sockview")
    effect = (
        "connect() may take a port that has been in TIME_WAIT for a second, if the peer uses timestamps"
        if reuses(limits, destination)
        else "connect() can not take a port that is in TIME_WAIT"
    )
    without = ", but net.ipv4.tcp_timestamps is 0" if limits.number("net.ipv4.tcp_timestamps") == 0 else ""
    yield f"net.ipv4.tcp_tw_reuse is {mode} ({meaning}){without}: {effect}."


def _reuse_remedy(limits: Limits, destination: Destination) -> Iterator[str]:
    never = "Never tcp_tw_recycle: it broke clients behind NAT and is gone since Linux 4.12"
    if reuses(limits, destination):
        yield f"{never}."
    else:
        yield (
            "Last, net.ipv4.tcp_tw_reuse=1: outgoing connections then take ports that have been in TIME_WAIT for a "
            f"second (needs timestamps at both ends). {never}."
        )
