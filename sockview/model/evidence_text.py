"""How an owner is known, or why there is none, in whole sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockview.model import tcp_state
from sockview.model.inet_socket import InetSocket, endpoint_text
from sockview.model.owner import Attribution, Evidence, NoOwner, Owner, Process
from sockview.model.socket_table import SocketTable

#: Owners or candidates named one by one; the rest are counted.
NAMED: Final = 8

#: Why the kernel keeps a socket that no process holds, by state (RFC 9293 3.3.2, tcp(7)).
_WITHOUT_PROCESS: Final[dict[int, str]] = {
    tcp_state.TIME_WAIT: (
        "No process holds it: the application has closed it and the kernel finishes the connection alone "
        "(TIME_WAIT lasts 60 s)."
    ),
    tcp_state.FIN_WAIT1: (
        "No process holds it: the application has closed it and the kernel waits for the peer to confirm."
    ),
    tcp_state.FIN_WAIT2: (
        "No process holds it: the application has closed it and the kernel waits for the peer to close too."
    ),
    tcp_state.LAST_ACK: (
        "No process holds it: both sides have closed and the kernel waits for the peer's last confirmation."
    ),
    tcp_state.CLOSING: (
        "No process holds it: both sides have closed at the same time and the kernel waits for the peer to confirm."
    ),
    tcp_state.SYN_RECV: "No process holds it yet: the kernel is still completing the handshake.",
    tcp_state.ESTABLISHED: "No process holds it yet: it waits in an accept queue, or belongs to the kernel itself.",
    tcp_state.CLOSE_WAIT: (
        "No process holds it: the peer has closed it before an application accepted it, or it belongs to the kernel "
        "itself."
    ),
}
_WITHOUT_PROCESS_ELSE: Final = "No process holds it: the kernel keeps it alone."

#: States that a socket reaches only after a process had it open and closed it.
_AFTER_CLOSE: Final = frozenset(
    {tcp_state.TIME_WAIT, tcp_state.FIN_WAIT1, tcp_state.FIN_WAIT2, tcp_state.LAST_ACK, tcp_state.CLOSING}
)


def evidence_sentences(table: SocketTable, s: InetSocket) -> tuple[str, ...]:
    """What is known about who owns the socket: one sentence or a few."""
    attribution = table.attribution(s)
    if not attribution.owners:
        return _unowned(table, s, attribution)
    evidence = attribution.owners[0].evidence
    if evidence is Evidence.FD:
        return (_held(attribution.owners), *_opened(attribution))
    if evidence is Evidence.TRACED:
        return (_closed(s, attribution.owners[0]), *_opened(attribution), *_exited(attribution.owners))
    if evidence is Evidence.SEEN:
        return (*_seen(table, attribution.owners), *_opened(attribution))
    claim = f"{who(attribution.owners[0].process)} is the only process {_tie(s, evidence)}: likely, not certain."
    return (claim, *_opened(attribution), *_exited(attribution.owners), _without_process(s))


def who(process: Process) -> str:
    """``7306 gunicorn``"""
    return f"{process.pid} {process.name}"


def _held(owners: Sequence[Owner]) -> str:
    number = _distinct(owners)
    if number == 1:
        return (
            f"{_holders(owners)} of this socket now." if owners[0].fd >= 0 else f"{_holders(owners)} this socket now."
        )
    return f"{number} processes hold it: {_list_of(owners)}."


def _holders(owners: Sequence[Owner]) -> str:
    fds = [str(owner.fd) for owner in owners if owner.fd >= 0]
    process = who(owners[0].process)
    return f"{process} holds {'fd' if len(fds) == 1 else 'fds'} {', '.join(fds)}" if fds else f"{process} holds"


def _closed(s: InetSocket, owner: Owner) -> str:
    """What the kernel reported, in the words of its states."""
    if s.state == tcp_state.LAST_ACK:
        how = "after its peer (CLOSE_WAIT to LAST_ACK)"
    else:
        how = "first (ESTABLISHED to FIN_WAIT1)"
    descriptor = f"; it had been fd {owner.fd}" if owner.fd >= 0 else ""
    return f"The kernel reported that {who(owner.process)} closed it {how}{descriptor}."


def _opened(attribution: Attribution) -> tuple[str, ...]:
    """Who opened it, where that is reported; of one that holds it now it goes without saying."""
    opener = attribution.opener
    held = attribution.owners[0].evidence is Evidence.FD
    if opener is None or (held and opener.identity in {owner.process.identity for owner in attribution.owners}):
        return ()
    return (f"{who(opener)} opened it.",)


def _tie(s: InetSocket, evidence: Evidence) -> str:
    """What ties a likely owner to the socket."""
    if evidence is Evidence.LISTENER:
        return f"listening on local port {s.local_port}"
    return f"with other connections to {endpoint_text(s.remote_address, s.remote_port)}"


def _seen(table: SocketTable, owners: Sequence[Owner]) -> tuple[str, ...]:
    sentences = [f"{_list_of(owners)} held this very socket (same kernel cookie) when last looked at."]
    if not table.snapshot.owners_read:
        sentences.append("Who holds it now could not be read.")
    return (*sentences, *_exited(owners))


def _exited(owners: Sequence[Owner]) -> tuple[str, ...]:
    gone = sorted({owner.process.pid for owner in owners if owner.exited})
    if not gone:
        return ()
    pids = ", ".join(str(pid) for pid in gone)
    return (f"Exited since: {pids}. Such a PID may belong to another process by now.",)


def _unowned(table: SocketTable, s: InetSocket, attribution: Attribution) -> tuple[str, ...]:
    if attribution.no_owner is NoOwner.ORPHAN:
        past = "" if attribution.suspicion is Evidence.TRACED else _past(table, s)
        return tuple(filter(None, (_without_process(s), past, _candidates(s, attribution))))
    sentences = []
    if attribution.no_owner is NoOwner.HIDDEN:
        user = table.user(s)
        opened = f"; user {user} opened it" if user else ""
        sentences.append(f"No process that you may look into holds it{opened}.")
        if table.snapshot.privileged:
            number = table.snapshot.unreadable
            processes = f"{number:,} {'process' if number == 1 else 'processes'}"
            sentences.append(f"{processes} could not be looked into, even with these rights.")
        else:
            sentences.append("Run sockview with sudo to see the process.")
    elif attribution.no_owner is NoOwner.UNREAD:
        sentences.append("Who holds it could not be read this time; the notice says why.")
    else:
        sentences.append(
            "Every process in sight was read and none holds it: it was being closed or passed on at that moment, "
            "or it belongs to the kernel itself."
        )
    if attribution.candidates:
        sentences.append(f"The look before, it was held by {_names(attribution.candidates)}.")
    return tuple(sentences)


def _without_process(s: InetSocket) -> str:
    return _WITHOUT_PROCESS.get(s.state, _WITHOUT_PROCESS_ELSE)


def _past(table: SocketTable, s: InetSocket) -> str:
    """Why the process that had it open is not known."""
    if s.state not in _AFTER_CLOSE:
        return ""
    if s.cookie <= 0:
        return f"The {table.snapshot.source} source gives sockets no identity, so a past owner can't be remembered."
    user = table.user(s)
    if user:
        return f"It belonged to user {user}; sockview could not see its process while it was open."
    if table.snapshot.trace.on:
        return "sockview did not see it while it was open, and no report of the kernel tells who closed it."
    return "sockview did not see it while it was open."


def _candidates(s: InetSocket, attribution: Attribution) -> str:
    """Who may have had it open, and why no one of them is said to be the owner."""
    candidates, suspicion = attribution.candidates, attribution.suspicion
    if not candidates:
        return ""
    number, first = len(candidates), who(candidates[0])
    if suspicion is None:
        return f"{first} opened it."
    if suspicion is Evidence.TRACED:
        if number == 1:
            return f"{first} may have closed it, or another socket that had these addresses: not all reports are there."
        return (
            f"{number} processes may have closed it, by reports of the kernel or by their ties: {_names(candidates)}."
        )
    end = endpoint_text(s.remote_address, s.remote_port)
    if suspicion is Evidence.PEER:
        if number == 1:
            return f"{first} has other connections to {end}, but may not be the only one that had any."
        return f"{number} processes have or had other connections to {end}, any may have had it: {_names(candidates)}."
    if number == 1:
        return f"{first} listens on local port {s.local_port}, and so does a process that can't be seen."
    return f"{number} processes listen on local port {s.local_port}, any may have had it: {_names(candidates)}."


def _distinct(owners: Sequence[Owner]) -> int:
    return len({owner.process.identity for owner in owners})


def _list_of(owners: Sequence[Owner]) -> str:
    parts = [f"{who(owner.process)} (fd {owner.fd})" if owner.fd >= 0 else who(owner.process) for owner in owners]
    return _shortened(parts)


def _names(processes: Sequence[Process]) -> str:
    return _shortened([who(process) for process in processes])


def _shortened(parts: Sequence[str]) -> str:
    more = len(parts) - NAMED
    return ", ".join(parts) if more <= 0 else f"{', '.join(parts[:NAMED])} and {more:,} more"
