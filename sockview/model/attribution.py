"""Who owns a socket: every kind of evidence, tried from the surest to the weakest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from sockview.model import tcp_state
from sockview.model.facts import Facts, Remembered
from sockview.model.inet_socket import InetSocket, is_wildcard
from sockview.model.owner import Attribution, Evidence, Holder, NoOwner, Owner, Process
from sockview.model.peers import Peers, Talkers, end_of
from sockview.model.trace import NAME_LIMIT, NAMELESS


class Claim(NamedTuple):
    """A process that owns a socket."""

    process: Process
    certain: bool
    exited: bool


def covers(listener: InetSocket, address: bytes) -> bool:
    """Whether a listening socket takes connections to `address`; ``::`` takes IPv4 too (ipv6(7), IPV6_V6ONLY)."""
    own = listener.local_address
    return own == address or (is_wildcard(own) and (len(own) == 16 or len(address) == 4))


def distinct(processes: Iterable[Process]) -> tuple[Process, ...]:
    """Each process once, by PID."""
    found = {(process.pid, process.started): process for process in processes}
    return tuple(found[identity] for identity in sorted(found))


def _is_name_of(reported: str, process: Process) -> bool:
    """Whether the process has not taken another name, as by executing another program."""
    cut = len(reported) >= NAME_LIMIT and process.name.startswith(reported)
    return cut or reported in (process.name, NAMELESS)


class Attributor:
    """Answers for the sockets of one snapshot; what it found once it keeps."""

    def __init__(self, facts: Facts, peers: Peers | None = None) -> None:
        self.facts = facts
        self.peers = peers or Peers()
        self._snapshot = facts.snapshot
        self._remembered = facts.remembered
        self._traced = facts.traced
        self._listeners: dict[tuple[int, int], list[InetSocket]] = {}
        for listener in facts.listeners:
            self._listeners.setdefault((listener.protocol, listener.local_port), []).append(listener)
        self._started: dict[int, int] | None = None
        self._claims: dict[int, Sequence[Claim]] = {}
        """By the identity of an attribution, which lives as long as this."""
        self._by_inode: dict[int, Attribution] = {}
        self._by_cookie: dict[int, Attribution] = {}
        self._by_local_end: dict[tuple[int, bytes, int, int | None], Attribution] = {}
        self._by_remote_end: dict[tuple[int, bytes, int, bool, int | None], Attribution] = {}

    def remembered(self, s: InetSocket) -> Remembered | None:
        """What is remembered of a socket that nobody is seen to hold."""
        return self._remembered.get(s.cookie)

    def attribution(self, s: InetSocket) -> Attribution:
        """The owners of `s`, or why it has none. Sources are tried in this order, the first that knows wins."""
        if s.inode:
            found = self._by_inode.get(s.inode)
            if found is None:
                found = self._by_inode[s.inode] = self._by_descriptor(s) or self._without_holder(s)
            return found
        if s.cookie in self._traced or s.cookie in self._remembered:
            found = self._by_cookie.get(s.cookie)
            if found is None:
                found = self._by_cookie[s.cookie] = self._by_report(s) or self._by_memory(s) or self._by_suspicion(s)
            return found
        return self.likely(s)

    def claims(self, s: InetSocket) -> Sequence[Claim]:
        """The distinct processes among the owners of `s`, by PID. Of the sockets that are many nothing is kept."""
        holders = self._snapshot.holders.get(s.inode) if s.inode else None
        if holders and len(holders) == 1:
            return (Claim(holders[0].process, True, False),)
        traced = self._traced.get(s.cookie)
        if not holders and (traced is None or not traced.closers):
            if s.inode and self._snapshot.owners_read:
                return ()
            known = self._remembered.get(s.cookie)
            if known is not None and len(known.holders) == 1:
                process = known.holders[0].process
                return (Claim(process, True, self.has_exited(process)),)
        elif not holders and traced is not None and traced.closer is not None:
            return (Claim(self._as_held(s, traced.closer).process, True, self.has_exited(traced.closer)),)
        attribution = self.attribution(s)
        found = self._claims.get(id(attribution))
        if found is None:
            owners = {(owner.process.pid, owner.process.started): owner for owner in attribution.owners}
            found = tuple(Claim(owner.process, owner.evidence.certain, owner.exited) for owner in owners.values())
            self._claims[id(attribution)] = found
        return found

    def suspects_of(self, identity: tuple[int, int]) -> Callable[[Sequence[InetSocket]], list[InetSocket]]:
        """Picks from sockets that nobody is seen to hold those that the process (PID, start) may own: all that it does,
        and few others. Costs a quarter of their claims.
        """
        traced_of, remembered_of, listening = self._traced.get, self._remembered.get, self.facts.listening
        pid, ports = identity[0], self._ports_of(identity)
        ends = {
            end
            for end, talkers in self.peers.talkers.items()
            if any(process.identity == identity for process in (*talkers.processes, *talkers.past))
        }

        def is_suspect(s: InetSocket) -> bool:
            told = traced_of(s.cookie)
            if told is not None and told.closer is not None:
                return told.closer.pid == pid
            known = remembered_of(s.cookie)
            if known is not None and known.holders:
                return len(known.holders) > 1 or known.holders[0].process.pid == pid
            if s.local_port in listening:
                return s.local_port in ports
            return bool(ends) and end_of(s) in ends

        return lambda sockets: list(filter(is_suspect, sockets))

    def _ports_of(self, identity: tuple[int, int]) -> frozenset[int]:
        """The local ports on which the process listens."""
        return frozenset(
            listener.local_port
            for listener in self.facts.listeners
            if any(claim.process.identity == identity for claim in self.claims(listener))
        )

    def _by_descriptor(self, s: InetSocket) -> Attribution | None:
        holders = self._snapshot.holders.get(s.inode)
        if not holders:
            return None
        traced = self._traced.get(s.cookie)
        opener = traced.opener if traced else None
        if len(holders) == 1:  # nearly every socket, and there are many
            return Attribution((Owner(holders[0].process, holders[0].fd, Evidence.FD),), uid=s.uid, opener=opener)
        return Attribution(tuple(Owner(process, fd, Evidence.FD) for process, fd in holders), uid=s.uid, opener=opener)

    def _by_report(self, s: InetSocket) -> Attribution | None:
        """The one of which the kernel reported that it closed the socket, if that is certain."""
        traced = self._traced.get(s.cookie)
        closer = traced.closer if traced else None
        if traced is None or closer is None:
            return None
        process, fd = self._as_held(s, closer)
        owner = Owner(process, fd, Evidence.TRACED, self.has_exited(closer))
        return Attribution((owner,), uid=self._uid(s), opener=traced.opener)

    def _as_held(self, s: InetSocket, closer: Process) -> Holder:
        """The closer and the descriptor by which it was seen to hold this very socket before; where only a stand-in
        of it was reported it is the process that was seen, under the name that it had when it closed the socket.
        """
        known = self._remembered.get(s.cookie)
        for seen, fd in known.holders if known else ():
            if seen.identity == closer.identity or (closer.started < 0 and seen.pid == closer.pid):
                return Holder(seen if _is_name_of(closer.name, seen) else closer._replace(started=seen.started), fd)
        return Holder(closer, -1)

    def _by_memory(self, s: InetSocket) -> Attribution | None:
        """The holders of this very socket when last looked at; a stand-in cookie is never remembered."""
        known = self._remembered.get(s.cookie)
        if known is None or not known.holders:
            return None
        owners = tuple(Owner(process, fd, Evidence.SEEN, self.has_exited(process)) for process, fd in known.holders)
        traced = self._traced.get(s.cookie)
        return Attribution(owners, uid=self._uid(s), opener=traced.opener if traced else None)

    def _without_holder(self, s: InetSocket) -> Attribution:
        """It has an inode, so a process can hold it, but none is seen to."""
        snapshot = self._snapshot
        reported = self._by_report(s)
        if reported is not None:
            return reported
        if not snapshot.owners_read:
            return self._by_memory(s) or Attribution((), NoOwner.UNREAD, uid=s.uid)
        known = self._remembered.get(s.cookie)
        reason = NoOwner.HIDDEN if snapshot.unreadable and not self._in_flight(s, known) else NoOwner.GONE
        candidates = distinct(holder.process for holder in known.holders) if known else ()
        candidates = tuple(process for process in candidates if not self.has_exited(process))
        return Attribution((), reason, candidates, s.uid, Evidence.SEEN if candidates else None)

    def _in_flight(self, s: InetSocket, known: Remembered | None) -> bool:
        """With the right to look into nearly every process: whether it was more probably closed or opened
        between the dump and the walk than held by one of the few that may not be looked into.
        """
        if not self._snapshot.privileged:
            return False
        if known is not None and known.holders:
            return True
        since = self.facts.since.get(s.cookie)
        return since is not None and since.slack is not None and since.clock >= self._snapshot.clock

    def _by_suspicion(self, s: InetSocket) -> Attribution:
        """What is likely, unless a report speaks against it that may be about this socket, or tells only its opener."""
        found, traced = self.likely(s), self._traced.get(s.cookie)
        if traced is None:
            return found
        suspects = traced.closers or ((traced.opener,) if traced.opener else ())
        agree = {owner.process.identity for owner in found.owners} & {process.identity for process in suspects}
        if agree or not suspects:
            return replace(found, opener=traced.opener)
        suspicion = Evidence.TRACED if traced.closers else None
        return Attribution((), NoOwner.ORPHAN, suspects, self._uid(s), suspicion, traced.opener)

    def likely(self, s: InetSocket) -> Attribution:
        """What its ends tell: its local port if somebody listens there, else the remote end."""
        if s.local_port in self.facts.listening:
            return self._by_listener(s)
        talkers = self.peers.of(s)
        return self._by_peer(s, talkers) if talkers.processes or talkers.past else self._by_listener(s)

    def _by_peer(self, s: InetSocket, talkers: Talkers) -> Attribution:
        """The one process that talks to its remote end, and did when it was closed (likely); more are candidates."""
        uid = self._uid(s)
        only = talkers.only(unseen=self.facts.began_in_sight(s))
        if talkers.since > self.facts.closed_by(s):
            only = None
        end = (s.protocol, s.remote_address, s.remote_port, only is not None, uid)
        found = self._by_remote_end.get(end)
        if found is None:
            if only is not None:
                found = Attribution((Owner(only, -1, Evidence.PEER, self.has_exited(only)),), uid=uid)
            else:
                candidates = distinct((*talkers.processes, *talkers.past))
                found = Attribution((), NoOwner.ORPHAN, candidates, uid, Evidence.PEER)
            self._by_remote_end[end] = found
        return found

    def _by_listener(self, s: InetSocket) -> Attribution:
        """What its local port tells; the same for all sockets of one user there, however many listen on it."""
        asked = s.state != tcp_state.LISTEN and (s.protocol, s.local_port) in self._listeners
        end = (s.protocol, s.local_address if asked else b"", s.local_port if asked else 0, self._uid(s))
        found = self._by_local_end.get(end)
        if found is None:
            found = self._by_local_end[end] = self._search_listener(s)
        return found

    def _search_listener(self, s: InetSocket) -> Attribution:
        """The one process that listens on its local port (likely); several are candidates, none is claimed."""
        ports = self._listeners.get((s.protocol, s.local_port), ()) if s.state != tcp_state.LISTEN else ()
        listeners = [self.attribution(other) for other in ports if covers(other, s.local_address)]
        processes = distinct(owner.process for listener in listeners for owner in listener.owners)
        uid = self._uid(s)
        if len(processes) == 1 and all(listener.owners for listener in listeners):
            return Attribution((Owner(processes[0], -1, Evidence.LISTENER),), uid=uid)
        return Attribution((), NoOwner.ORPHAN, processes, uid, Evidence.LISTENER if processes else None)

    def _uid(self, s: InetSocket) -> int | None:
        known = self._remembered.get(s.cookie)
        return s.uid if s.uid is not None or known is None else known.uid

    def has_exited(self, process: Process) -> bool:
        """Whether the process is known not to be there any more, or its PID to be another's by now.

        False where the source does not tell.
        """
        if process.started < 0:
            return True
        pids = self._snapshot.pids
        if pids is not None and process.pid not in pids:
            return True
        started = self._snapshot.started.get(process.pid)
        if started is None:
            if self._started is None:
                self._started = {p.pid: p.started for held in self._snapshot.holders.values() for p, _fd in held}
            started = self._started.get(process.pid, 0)
        return 0 not in (started, process.started) and started != process.started
