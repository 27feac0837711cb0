"""Who owns a socket: every kind of evidence, tried from the surest to the weakest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sockview.model import tcp_state
from sockview.model.age import Since
from sockview.model.inet_socket import InetSocket, is_wildcard
from sockview.model.owner import Attribution, Evidence, Holder, NoOwner, Owner, Process
from sockview.model.snapshot import Snapshot


class Remembered(NamedTuple):
    """What earlier snapshots told about a socket that no process is seen to hold now."""

    holders: tuple[Holder, ...]
    """Its holders when last looked at; empty if none were ever seen."""
    uid: int | None
    cgroup_id: int | None
    missed: int = 0
    """Looks that found it with an inode, but with no holder."""


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


class Attributor:
    """Answers for the sockets of one snapshot; what it found once it keeps."""

    def __init__(
        self,
        snapshot: Snapshot,
        remembered: Mapping[int, Remembered],
        listeners: Iterable[InetSocket],
        since: Mapping[int, Since],
    ) -> None:
        """`remembered` and `since` go by cookie, `listeners` are the snapshot's LISTEN sockets."""
        self._snapshot = snapshot
        self._remembered = remembered
        self._since = since
        self._listeners: dict[tuple[int, int], list[InetSocket]] = {}
        for listener in listeners:
            self._listeners.setdefault((listener.protocol, listener.local_port), []).append(listener)
        self._started: dict[int, int] | None = None
        self._claims: dict[int, Sequence[Claim]] = {}
        """By the identity of an attribution, which lives as long as this."""
        self._by_inode: dict[int, Attribution] = {}
        self._by_cookie: dict[int, Attribution] = {}
        self._by_local_end: dict[tuple[int, bytes, int, bool, int | None], Attribution] = {}

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
        if s.cookie in self._remembered:
            found = self._by_cookie.get(s.cookie)
            if found is None:
                found = self._by_cookie[s.cookie] = self._by_memory(s) or self._by_listener(s)
            return found
        return self._by_listener(s)

    def claims(self, s: InetSocket) -> Sequence[Claim]:
        """The distinct processes among the owners of `s`, by PID; quick for the sockets that are many."""
        holders = self._snapshot.holders.get(s.inode) if s.inode else None
        if holders and len(holders) == 1:
            return (Claim(holders[0].process, True, False),)
        if not holders and s.inode and self._snapshot.owners_read:
            return ()
        attribution = self.attribution(s)
        found = self._claims.get(id(attribution))
        if found is None:
            owners = {(owner.process.pid, owner.process.started): owner for owner in attribution.owners}
            found = tuple(Claim(owner.process, owner.evidence.certain, owner.exited) for owner in owners.values())
            self._claims[id(attribution)] = found
        return found

    def _by_descriptor(self, s: InetSocket) -> Attribution | None:
        holders = self._snapshot.holders.get(s.inode)
        if not holders:
            return None
        if len(holders) == 1:  # nearly every socket, and there are many
            return Attribution((Owner(holders[0].process, holders[0].fd, Evidence.FD),), uid=s.uid)
        return Attribution(tuple(Owner(process, fd, Evidence.FD) for process, fd in holders), uid=s.uid)

    def _by_memory(self, s: InetSocket) -> Attribution | None:
        """The holders of this very socket when last looked at; a stand-in cookie is never remembered."""
        known = self._remembered.get(s.cookie)
        if known is None or not known.holders:
            return None
        owners = tuple(Owner(process, fd, Evidence.SEEN, self.has_exited(process)) for process, fd in known.holders)
        return Attribution(owners, uid=self._uid(s))

    def _without_holder(self, s: InetSocket) -> Attribution:
        """It has an inode, so a process can hold it, but none is seen to."""
        snapshot = self._snapshot
        if not snapshot.owners_read:
            return self._by_memory(s) or Attribution((), NoOwner.UNREAD, uid=s.uid)
        known = self._remembered.get(s.cookie)
        reason = NoOwner.HIDDEN if snapshot.unreadable and not self._in_flight(s, known) else NoOwner.GONE
        candidates = distinct(holder.process for holder in known.holders) if known else ()
        return Attribution((), reason, tuple(p for p in candidates if not self.has_exited(p)), uid=s.uid)

    def _in_flight(self, s: InetSocket, known: Remembered | None) -> bool:
        """With the right to look into nearly every process: whether it was more probably closed or opened
        between the dump and the walk than held by one of the few that may not be looked into.
        """
        if not self._snapshot.privileged:
            return False
        if known is not None and known.holders:
            return True
        since = self._since.get(s.cookie)
        return since is not None and since.slack is not None and since.clock == self._snapshot.clock

    def _by_listener(self, s: InetSocket) -> Attribution:
        """What its local port tells; the same for all sockets of one user there, however many listen on it."""
        end = (s.protocol, s.local_address, s.local_port, s.state == tcp_state.LISTEN, self._uid(s))
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
        return Attribution((), NoOwner.ORPHAN, processes, uid)

    def _uid(self, s: InetSocket) -> int | None:
        known = self._remembered.get(s.cookie)
        return s.uid if s.uid is not None or known is None else known.uid

    def has_exited(self, process: Process) -> bool:
        """Whether the process is known not to be there any more, or its PID to be another's by now.

        False where the source does not tell.
        """
        pids = self._snapshot.pids
        if pids is not None and process.pid not in pids:
            return True
        if self._started is None:
            self._started = {p.pid: p.started for held in self._snapshot.holders.values() for p, _fd in held}
            self._started.update(self._snapshot.started)
        started = self._started.get(process.pid, 0)
        return 0 not in (started, process.started) and started != process.started
