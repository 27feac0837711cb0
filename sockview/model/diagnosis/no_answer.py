"""The rule ``no-answer``: SYN_SENT that stays, because nobody answers the first packet.

A refused connection ends at once: what stays was dropped on its way or back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final

from sockview.model.attribution import covers
from sockview.model.diagnosis.accept_queue import is_full
from sockview.model.diagnosis.gather import chosen, count_by, gather
from sockview.model.diagnosis.lot import Lot, ages_of, older_of
from sockview.model.diagnosis.owners import Owners, owners_of
from sockview.model.diagnosis.ranked import Found, Ranked
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import address_word, counted, listing, most_common
from sockview.model.finding import Finding
from sockview.model.format_text import age_text, duration_text
from sockview.model.inet_socket import InetSocket, address_text, endpoint_text, is_loopback
from sockview.model.limits import Limits
from sockview.model.query import Age
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import LISTEN, SYN_SENT
from sockview.model.thresholds import Thresholds

KIND: Final = "no-answer"

_End = tuple[bytes, int]
"""Address and port."""

_destination: Final = attrgetter("remote_address", "remote_port")

#: Destinations named in the finding for the rest.
_SHOWN: Final = 12

_LISTENER_FIRST: Final = "It is this machine: look first at who listens on port {port} here, and whether it accepts."


def no_answer(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each destination that does not answer; those of a scan, with few attempts each, in one."""
    sockets = suspects.of(SYN_SENT)
    tries = thresholds.syn_tries
    repeated = yield from chosen(sockets, lambda part: [s for s in part if s.retransmits >= tries])
    others = yield from chosen(sockets, lambda part: [s for s in part if s.retransmits < tries])
    unanswered = [*repeated, *(yield from older_of(table, others, thresholds.syn_age))]
    counts = yield from count_by(unanswered, _destination)
    most = thresholds.findings_per_rule
    shown = most_common(counts, most + _SHOWN)
    yield
    told = [end for end, _ in shown[: most if len(counts) > most + 1 else None]]
    attempts = yield from gather(sockets, _destination, told)
    without = yield from gather(unanswered, _destination, told)
    found = []
    for end in told:
        owners = yield from owners_of(table, attempts[end])
        ages = ages_of([Lot.of(without[end], table)], table.snapshot.clock)
        found.append(_ranked(attempts[end], without[end], ages.eldest, owners, suspects, table, thresholds))
    return [*found, _rest(counts, shown, told, thresholds)] if len(counts) > len(told) else found


def _rest(
    counts: Counter[_End], shown: Sequence[tuple[_End, int]], told: Sequence[_End], thresholds: Thresholds
) -> Ranked:
    """`shown` are the destinations with the most attempts, those that are `told` of one by one before the others."""
    shown = shown[len(told) :]
    more = len(counts) - len(told)
    number = counts.total() - sum(counts[end] for end in told)
    ends = [f"{endpoint_text(*end)} ({attempts:,})" for end, attempts in shown]
    finding = Finding(
        kind=KIND,
        urgency="warning" if shown[0][1] >= thresholds.syn_many else "notice",
        title=f"{more:,} more destinations do not answer: {number:,} SYN_SENT",
        facts=(f"{listing(ends, _SHOWN, more)}.",),
        remedies=("So many at once are a scan, or a network out of reach: look for a missing route or a firewall.",),
        state=SYN_SENT,
    )
    return Ranked(finding, shown[0][1])


def _ranked(
    sockets: Sequence[InetSocket],
    unanswered: Sequence[InetSocket],
    eldest: Age | None,
    owners: Owners,
    suspects: Suspects,
    table: SocketTable,
    thresholds: Thresholds,
) -> Ranked:
    end = endpoint_text(sockets[0].remote_address, sockets[0].remote_port)
    longest = f", {age_text(eldest)}" if eldest is not None and eldest.at_least >= 1 else ""
    here = tuple(_listener_here(min(sockets, key=attrgetter("local_address")), suspects))
    finding = Finding(
        kind=KIND,
        urgency="warning" if len(unanswered) >= thresholds.syn_many else "notice",
        title=f"{owners.does('gets', 'get')} no answer from {end}: {len(sockets):,} SYN_SENT{longest}",
        facts=(*_facts(sockets, unanswered, eldest, owners, table), *here),
        remedies=(
            *owners.remedies(table),
            *(_LISTENER_FIRST.format(port=sockets[0].remote_port) for _ in here),
            "Is the address right, the machine up, and does a firewall on the way let the port through? A refusal "
            f"would have ended it at once. tcpdump -n 'host {address_text(sockets[0].remote_address)} and tcp port "
            f"{sockets[0].remote_port}' shows whether anything comes back.",
            "In the application: a connect time-out of a few seconds, and a pause that grows before each new attempt.",
        ),
        state=SYN_SENT,
        filter=f"syn_sent {address_word('raddr', sockets[0].remote_address, sockets[0].remote_port)}",
        group=owners.key,
        pid=owners.pid,
        certain=owners.certain,
    )
    return Ranked(finding, len(unanswered))


def _facts(
    sockets: Sequence[InetSocket],
    unanswered: Sequence[InetSocket],
    eldest: Age | None,
    owners: Owners,
    table: SocketTable,
) -> Iterator[str]:
    tries = max([s.retransmits for s in unanswered])
    known = [f"the SYN was repeated up to {counted(tries, 'time')}"] if tries else []
    if eldest is not None and eldest.at_least >= 1:
        known.append(f"the oldest waits for {duration_text(eldest.at_least)}")
    yield f"{len(unanswered):,} of {counted(len(sockets), 'connection attempt')} without an answer: {', '.join(known)}."
    yield owners.sentence("Opened by")
    yield from _given_up(table.snapshot.limits)


def _given_up(limits: Limits) -> Iterator[str]:
    """After how many repetitions; the linear ones are counted apart (tcp_write_timeout, ``net/ipv4/tcp_timer.c``)."""
    retries, linear = limits.number("net.ipv4.tcp_syn_retries"), limits.number("net.ipv4.tcp_syn_linear_timeouts")
    if retries is None:
        return
    names = "net.ipv4.tcp_syn_retries" if not linear else "net.ipv4.tcp_syn_retries and tcp_syn_linear_timeouts"
    yield f"connect() fails with ETIMEDOUT after {counted(retries + (linear or 0), 'repetition')} ({names})."


def _listener_here(s: InetSocket, suspects: Suspects) -> Iterator[str]:
    """The destination is this machine: why it does not answer."""
    if not is_loopback(s.remote_address) and s.remote_address != s.local_address:
        return
    listeners = [
        other for other in suspects.of(LISTEN) if other.local_port == s.remote_port and covers(other, s.remote_address)
    ]
    full = [other for other in listeners if is_full(other)]
    if full:
        ends = listing([endpoint_text(other.local_address, other.local_port) for other in full])
        yield f"The destination is this machine, and the accept queue of {ends} is full: new connections are dropped."
    elif listeners:
        yield "The destination is this machine and something listens there: a firewall rule may drop it."
    else:
        yield "The destination is this machine and nothing in this network namespace listens there."
