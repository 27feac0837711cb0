"""The rule ``not-accepting``: connections that their peers gave up while they waited to be accepted.

A CLOSE_WAIT without an inode has never been given a descriptor: it is still in the accept queue of its listener
(inet_csk_accept, ``net/ipv4/inet_connection_sock.c``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Sequence
from typing import Final

from sockview.model.columns import LIKELY_MARK
from sockview.model.diagnosis.gather import chosen, remotes_of
from sockview.model.diagnosis.lot import Lot, ages_of
from sockview.model.diagnosis.owners import ASK_ROOT
from sockview.model.diagnosis.ranked import Found, Ranked, foremost, with_others
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import counted, listing, name_text, pids_word
from sockview.model.finding import Finding
from sockview.model.format_text import age_text
from sockview.model.grouping import process_key
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Attribution, Evidence, Process
from sockview.model.query import Age
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts
from sockview.model.tcp_state import CLOSE_WAIT, LISTEN
from sockview.model.thresholds import Thresholds

KIND: Final = "not-accepting"

#: Sockets looked at between two yields: about 2 ms.
STEP: Final = 1000

#: (local port, owners, evidence or reason): what one word each of a filter tells apart.
_Key = tuple[int, tuple[Process, ...], str]


def not_accepting(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each listening port whose process lets connections wait until the peers give up."""
    waiting = yield from chosen(suspects.close_waits.others.sockets, lambda part: [s for s in part if not s.inode])
    groups = yield from _groups(table, waiting)
    measured = []
    for key, sockets in groups.items():
        if len(sockets) >= thresholds.unaccepted_count:
            ages = ages_of([Lot.of(sockets, table)], table.snapshot.clock, thresholds.unaccepted_age)
            yield
            if ages.old >= thresholds.unaccepted_count:
                measured.append((key, sockets, ages.eldest))
    first, others = foremost(measured, lambda group: (-len(group[1]), group[0]), thresholds)
    found = []
    for key, sockets, eldest in first:
        peers = yield from remotes_of(sockets)
        found.append(_ranked(key, sockets, peers, eldest, suspects, table))
    return with_others(found, others)


def _groups(table: SocketTable, waiting: Sequence[InetSocket]) -> Generator[None, None, dict[_Key, list[InetSocket]]]:
    """Those of one port have one attribution as a rule, which is looked at once."""
    alike: defaultdict[tuple[int, int], list[InetSocket]] = defaultdict(list)
    attributions: dict[int, Attribution] = {}
    for part in parts(waiting, STEP):
        for s in part:
            attribution = table.attribution(s)
            attributions[id(attribution)] = attribution
            alike[s.local_port, id(attribution)].append(s)
        yield
    groups: defaultdict[_Key, list[InetSocket]] = defaultdict(list)
    for number, ((port, known), sockets) in enumerate(alike.items(), 1):
        attribution = attributions[known]
        processes = tuple(claim.process for claim in table.claims(sockets[0]))
        word = attribution.owners[0].evidence.value if attribution.owners else (attribution.no_owner or "orphan")
        groups[port, processes, str(word)] += sockets
        if number % STEP == 0:
            yield
    return groups


def _ranked(
    key: _Key, sockets: Sequence[InetSocket], peers: str, age: Age | None, suspects: Suspects, table: SocketTable
) -> Ranked:
    port, processes, word = key
    process = processes[0] if processes else None
    certain = table.attribution(sockets[0]).certain
    mark = "" if certain else LIKELY_MARK
    who = f"{mark}{name_text(process)}" if process else f"The listener on port {port}"
    named = f" {pids_word(processes[:1])}" if processes else ""
    finding = Finding(
        kind=KIND,
        urgency="warning",
        title=f"{who} does not accept: {counted(len(sockets), 'peer')} gave up on port {port}, oldest {age_text(age)}",
        facts=(
            f"{counted(len(sockets), 'connection')} in CLOSE_WAIT on port {port} never got a descriptor: they are "
            "still in the accept queue, and their peers have closed already.",
            f"The peers: {peers}.",
            *_listener_facts(table, suspects, sockets[0], process),
        ),
        remedies=(
            *((ASK_ROOT,) if table.hidden and not table.snapshot.privileged and not processes else ()),
            "See why it does not call accept(): all workers busy or hanging, an event loop that is blocked, no free "
            "descriptor (EMFILE).",
            "More workers or shorter requests help while it is only slow; a longer backlog only lets more peers wait.",
        ),
        state=CLOSE_WAIT,
        filter=f"cw lport:{port} evidence:{word}{named}",
        group=process_key(process) if process else None,
        pid=process.pid if process else None,
        certain=certain and not any(claim.exited for claim in table.claims(sockets[0])),
    )
    return Ranked(finding, len(sockets))


def _listener_facts(table: SocketTable, suspects: Suspects, s: InetSocket, process: Process | None) -> tuple[str, ...]:
    listeners = [other for other in suspects.of(LISTEN) if other.local_port == s.local_port]
    known = [other for other in listeners if other.recv_q is not None and other.send_q is not None]
    queues = listing([f"{other.recv_q:,} of {other.send_q:,}" for other in known])
    facts = [f"Its accept queue holds {queues}."] if known else []
    attribution = table.attribution(s)
    if process and not attribution.certain:
        why = (
            ": it is the only one that listens on that port"
            if attribution.owners[0].evidence is Evidence.LISTENER
            else ""
        )
        facts.append(f"That {name_text(process)} is to accept them is likely, not certain{why}.")
    elif attribution.candidates:
        names = listing([name_text(candidate) for candidate in attribution.candidates], 8)
        facts.append(f"Any of these may accept them: {names}.")
    return tuple(facts)
