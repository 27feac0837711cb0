"""What the process pane shows for the row under the cursor: who it is, and how that is known."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from sockview.model import tcp_state
from sockview.model.diagnosis.listen_notes import listen_notes
from sockview.model.diagnosis.owners import OwnerCount
from sockview.model.evidence_text import NAMED, evidence_sentences, who
from sockview.model.finding import Finding
from sockview.model.group_sieve import sieve_group_steps
from sockview.model.grouping import (
    WITHOUT_OWNER,
    group_name,
    has_peer,
    process_identity,
    process_key,
    process_of,
)
from sockview.model.inet_socket import InetSocket, endpoint_text
from sockview.model.owner import Evidence, NoOwner, Process
from sockview.model.pid_choice import socket_of_key
from sockview.model.process_sockets import CLAIMS_STEP, STEP, ProcessSockets
from sockview.model.process_trends import STATES
from sockview.model.query import Detail, HeldSocket
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable
from sockview.model.sources import ProcessDetail
from sockview.model.steps import finish, parts

#: CLOSE_WAITs listed; the rest are counted.
CLOSE_WAITS_SHOWN: Final = 20

_REASON_SENTENCES: Final[dict[NoOwner, str]] = {
    NoOwner.HIDDEN: "Processes that you may not look into hold them: run sockview with sudo to see which.",
    NoOwner.ORPHAN: (
        "No process holds them: the kernel keeps them alone, and sockview did not see who had them open or closed them."
    ),
    NoOwner.GONE: (
        "Every process in sight was read and none holds them: they were being closed or passed on at that moment, "
        "or they belong to the kernel itself."
    ),
    NoOwner.UNREAD: "Who holds them could not be read this time; the notice says why.",
}


Described = tuple[Detail, Process | None]
"""Everything about a row that the table knows, and the process to look up for the rest."""


class Describer:
    """Describes the row under the cursor in one table after the other, which costs little while it stays the same."""

    def __init__(self) -> None:
        self._owned = ProcessSockets()

    def steps(self, table: SocketTable, key: str) -> Generator[None, None, Described | None]:
        """In steps of a few milliseconds. None when the row is gone."""
        if key.startswith("pid:"):
            return (yield from self._describe_process(table, key))
        if ":" in key:
            return (yield from _describe_group(table, key))
        s = socket_of_key(table, key)
        return None if s is None else (yield from self._describe_socket(table, s))

    def _describe_socket(self, table: SocketTable, s: InetSocket) -> Generator[None, None, Described]:
        title = f"{s.netid} {tcp_state.state_name(s.state)} {endpoint_text(s.local_address, s.local_port)}"
        if has_peer(s):
            title += f" - {endpoint_text(s.remote_address, s.remote_port)}"
        notes = listen_notes(table, s)
        yield
        attribution = table.attribution(s)
        detail = Detail(str(s.cookie), title, (*evidence_sentences(table, s), *notes))
        if not attribution.owners:
            return detail, None
        process = attribution.owners[0].process
        sockets = yield from self._owned.of(table, process.identity)
        detail = replace(detail, certain=attribution.certain)
        return (yield from _with_sockets(detail, table, process, sockets)), process

    def _describe_process(self, table: SocketTable, key: str) -> Generator[None, None, Described | None]:
        identity = process_identity(key.removeprefix("pid:"))
        if identity is None:
            return None
        sockets = yield from self._owned.of(table, identity)
        # Its name is that which it has now, if it holds any; else one that it had: each time the same one.
        held = sockets and sockets[0].inode in table.snapshot.holders
        process = process_of(table, key, sockets[:1] if held else sorted(sockets, key=attrgetter("cookie"))[:1])
        if process is None:
            return None
        evidence = yield from _evidence_of(table, process, sockets)
        detail = Detail(key, f"{process.pid} {process.name}", evidence)
        return (yield from _with_sockets(detail, table, process, sockets)), process


def describe(table: SocketTable, key: str) -> Described | None:
    """The row of one table alone."""
    return finish(Describer().steps(table, key))


def with_process(detail: Detail, facts: ProcessDetail) -> Detail:
    """The detail with what was read about its process; what could not be read stays as the table knows it."""
    return replace(
        detail,
        pid=facts.pid,
        name=facts.name or detail.name,
        command=facts.command or detail.command,
        user=facts.user,
        parents=facts.parents,
        started_at=facts.started_at,
        cpu_percent=facts.cpu_percent,
        memory_bytes=facts.memory_bytes,
        threads=facts.threads,
        descriptors=facts.descriptors,
        descriptor_limit=facts.descriptor_limit,
        cwd=facts.cwd,
        problem=facts.problem,
    )


def _describe_group(table: SocketTable, key: str) -> Generator[None, None, Described | None]:
    """Of a remote address, or of the sockets without an owner for one reason."""
    sockets = (yield from sieve_group_steps(Selection(table, table.snapshot.sockets), key)).sockets
    if not sockets:
        return None
    states = yield from _count(sockets)
    kind, _, rest = key.partition(":")
    if kind == "none":
        reason = NoOwner(rest)
        detail = Detail(key, WITHOUT_OWNER[reason], (_REASON_SENTENCES[reason],), states=states)
        return replace(detail, findings=_findings_about(table, key)), None
    talkers = yield from _talkers(table, sockets)
    return Detail(key, group_name(table, key, sockets) or key, (talkers,), states=states), None


def _with_sockets(
    detail: Detail, table: SocketTable, process: Process, sockets: Sequence[InetSocket]
) -> Generator[None, None, Detail]:
    states = yield from _count(sockets)
    number = dict(states).get(tcp_state.CLOSE_WAIT, 0)
    oldest = (yield from _oldest(table, sockets)) if number else []
    return replace(
        detail,
        states=states,
        close_waits=tuple(_held_socket(table, process, s) for s in oldest),
        close_wait_total=number,
        pid=process.pid,
        name=process.name,
        command=process.command,
        trends=tuple(
            (state, course) for state in STATES if (course := table.trend(process.identity, state)) is not None
        ),
        findings=_findings_about(table, process_key(process)),
    )


def _oldest(table: SocketTable, sockets: Sequence[InetSocket]) -> Generator[None, None, list[InetSocket]]:
    """The oldest CLOSE_WAITs, the oldest first: nothing but what was seen tells how old one is."""
    ranked: list[tuple[float, float, int]] = []
    by_cookie = table.by_cookie
    for part in parts(sockets, STEP):
        close_waits = [s for s in part if s.state == tcp_state.CLOSE_WAIT]
        ranked += [
            (clock, -math.inf if slack is None else clock - slack, s.cookie)
            for s, (_state, clock, slack) in zip(close_waits, table.sinces(close_waits), strict=True)
        ]
        ranked = heapq.nsmallest(CLOSE_WAITS_SHOWN, ranked)
        yield
    return [by_cookie[cookie] for _latest, _earliest, cookie in ranked]


def _findings_about(table: SocketTable, group: str) -> tuple[Finding, ...]:
    return tuple(finding for finding in table.findings if finding.group == group)


def _held_socket(table: SocketTable, process: Process, s: InetSocket) -> HeldSocket:
    owners = table.attribution(s).owners
    return HeldSocket(
        fd=next((owner.fd for owner in owners if owner.process.identity == process.identity), -1),
        local=endpoint_text(s.local_address, s.local_port),
        remote=endpoint_text(s.remote_address, s.remote_port),
        age=table.age(s),
        recv_q=s.recv_q,
    )


def _count(sockets: Sequence[InetSocket]) -> Generator[None, None, tuple[tuple[int, int], ...]]:
    counts: Counter[int] = Counter()
    for part in parts(sockets, STEP):
        counts.update([s.state for s in part])
        yield
    return tuple(sorted(counts.items(), key=lambda item: tcp_state.state_rank(item[0])))


def _evidence_of(
    table: SocketTable, process: Process, sockets: Sequence[InetSocket]
) -> Generator[None, None, tuple[str, ...]]:
    """Of a process: how many sockets by which evidence."""
    counts: Counter[Evidence] = Counter()
    exited, holders = False, table.snapshot.holders
    for part in parts(sockets, CLAIMS_STEP):
        unheld = [s for s in part if s.inode not in holders]
        counts[Evidence.FD] += len(part) - len(unheld)
        for s in unheld:
            owners = [owner for owner in table.attribution(s).owners if owner.process.identity == process.identity]
            counts.update({owner.evidence for owner in owners})
            exited = exited or any(owner.exited for owner in owners)
        yield
    sentences = {
        Evidence.FD: "Holds {} now.",
        Evidence.TRACED: "Closed {}, as the kernel reported.",
        Evidence.SEEN: "Held {} (same kernel cookie) when last looked at.",
        Evidence.LISTENER: "Is the only process listening on the local port of {}: likely, not certain.",
        Evidence.PEER: "Is the only process with other connections to the remote end of {}: likely, not certain.",
    }
    said = [text.format(_sockets(counts[evidence])) for evidence, text in sentences.items() if counts[evidence]]
    return (*said, "It has exited since.") if exited else tuple(said)


def _talkers(table: SocketTable, sockets: Sequence[InetSocket]) -> Generator[None, None, str]:
    """Of a remote address: which processes its sockets belong to."""
    count = OwnerCount(table)
    for part in parts(sockets, CLAIMS_STEP):
        count.take(part)
        yield
    owners = count.owners()
    if not owners.shares:
        return f"In all {_sockets(len(sockets))}, and no process is known to own any."
    said = [
        f"{who(share.process)} ({share.count:,}{'' if share.certain else ', some of them likely'})"
        for share in owners.shares[:NAMED]
    ]
    if len(owners.shares) > NAMED:
        said.append(f"{len(owners.shares) - NAMED:,} more processes")
    unowned = sum(owners.unknown.values())
    if unowned:
        said.append(f"no known owner ({unowned:,})")
    return f"In all {_sockets(len(sockets))}: {', '.join(said)}."


def _sockets(number: int) -> str:
    return f"{number:,} socket{'' if number == 1 else 's'}"
