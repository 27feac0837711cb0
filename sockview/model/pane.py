"""What the process pane shows for the row under the cursor: who it is, and how that is known."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from sockview.model import tcp_state
from sockview.model.age import age_rank
from sockview.model.diagnosis.listen_notes import listen_notes
from sockview.model.evidence_text import NAMED, evidence_sentences, who
from sockview.model.finding import Finding
from sockview.model.grouping import WITHOUT_OWNER, group_name, has_peer, members, process_key, process_of
from sockview.model.inet_socket import InetSocket, endpoint_text
from sockview.model.owner import Evidence, NoOwner, Process
from sockview.model.pid_choice import socket_of_key
from sockview.model.process_trends import STATES
from sockview.model.query import Detail, HeldSocket
from sockview.model.socket_table import SocketTable
from sockview.model.sources import ProcessDetail

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


def describe(table: SocketTable, key: str) -> tuple[Detail, Process | None] | None:
    """Everything about the row that the table knows, and the process to look up for the rest.

    None when the row is gone.
    """
    if ":" in key:
        return _describe_group(table, key)
    s = socket_of_key(table, key)
    return None if s is None else _describe_socket(table, s)


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


def _describe_socket(table: SocketTable, s: InetSocket) -> tuple[Detail, Process | None]:
    title = f"{s.netid} {tcp_state.state_name(s.state)} {endpoint_text(s.local_address, s.local_port)}"
    if has_peer(s):
        title += f" - {endpoint_text(s.remote_address, s.remote_port)}"
    evidence = (*evidence_sentences(table, s), *listen_notes(table, s))
    detail = Detail(key=str(s.cookie), title=title, evidence=evidence)
    attribution = table.attribution(s)
    owners = attribution.owners
    if not owners:
        return detail, None
    detail = replace(detail, certain=attribution.certain)
    process = owners[0].process
    return _with_sockets(detail, table, process, table.sockets_of(process.pid, process.started)), process


def _describe_group(table: SocketTable, key: str) -> tuple[Detail, Process | None] | None:
    sockets = members(table, key)
    if not sockets:
        return None
    title = group_name(table, key) or key
    process = process_of(table, key)
    if process is not None:
        detail = Detail(key=key, title=title, evidence=_evidence_of(table, process, sockets))
        return _with_sockets(detail, table, process, sockets), process
    kind, _, rest = key.partition(":")
    if kind == "none":
        reason = NoOwner(rest)
        detail = Detail(key, WITHOUT_OWNER[reason], (_REASON_SENTENCES[reason],), states=_count(sockets))
        return replace(detail, findings=_findings_about(table, key)), None
    return Detail(key, title, (_talkers(table, sockets),), states=_count(sockets)), None


def _with_sockets(detail: Detail, table: SocketTable, process: Process, sockets: Sequence[InetSocket]) -> Detail:
    close_waits = [s for s in sockets if s.state == tcp_state.CLOSE_WAIT]
    shown = heapq.nlargest(CLOSE_WAITS_SHOWN, close_waits, key=lambda s: age_rank(table.age(s)))
    return replace(
        detail,
        states=_count(sockets),
        close_waits=tuple(_held_socket(table, process, s) for s in shown),
        close_wait_total=len(close_waits),
        pid=process.pid,
        name=process.name,
        command=process.command,
        trends=tuple(
            (state, course) for state in STATES if (course := table.trend(process.identity, state)) is not None
        ),
        findings=_findings_about(table, process_key(process)),
    )


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


def _count(sockets: Iterable[InetSocket]) -> tuple[tuple[int, int], ...]:
    counts = Counter(s.state for s in sockets)
    return tuple(sorted(counts.items(), key=lambda item: tcp_state.state_rank(item[0])))


def _evidence_of(table: SocketTable, process: Process, sockets: Sequence[InetSocket]) -> tuple[str, ...]:
    """Of a process: how many sockets by which evidence."""
    counts: Counter[Evidence] = Counter()
    exited = False
    for s in sockets:
        if s.inode in table.snapshot.holders:
            counts[Evidence.FD] += 1
            continue
        owners = [owner for owner in table.attribution(s).owners if owner.process.identity == process.identity]
        counts.update({owner.evidence for owner in owners})
        exited = exited or any(owner.exited for owner in owners)
    sentences = {
        Evidence.FD: "Holds {} now.",
        Evidence.TRACED: "Closed {}, as the kernel reported.",
        Evidence.SEEN: "Held {} (same kernel cookie) when last looked at.",
        Evidence.LISTENER: "Is the only process listening on the local port of {}: likely, not certain.",
        Evidence.PEER: "Is the only process with other connections to the remote end of {}: likely, not certain.",
    }
    said = [text.format(_sockets(counts[evidence])) for evidence, text in sentences.items() if counts[evidence]]
    return (*said, "It has exited since.") if exited else tuple(said)


def _talkers(table: SocketTable, sockets: Sequence[InetSocket]) -> str:
    """Of a remote address: which processes its sockets belong to."""
    counts: Counter[tuple[int, int]] = Counter()
    processes: dict[tuple[int, int], Process] = {}
    likely: set[tuple[int, int]] = set()
    unowned = 0
    for s in sockets:
        claims = table.claims(s)
        unowned += not claims
        for process, certain, _exited in claims:
            counts[process.identity] += 1
            processes[process.identity] = process
            if not certain:
                likely.add(process.identity)
    if not counts:
        return f"In all {_sockets(len(sockets))}, and no process is known to own any."
    parts = [
        f"{who(processes[identity])} ({number:,}{', some of them likely' if identity in likely else ''})"
        for identity, number in counts.most_common(NAMED)
    ]
    if len(counts) > NAMED:
        parts.append(f"{len(counts) - NAMED:,} more processes")
    if unowned:
        parts.append(f"no known owner ({unowned:,})")
    return f"In all {_sockets(len(sockets))}: {', '.join(parts)}."


def _sockets(number: int) -> str:
    return f"{number:,} socket{'' if number == 1 else 's'}"
