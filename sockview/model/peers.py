"""Which processes talk to a remote end: the likely owners of the sockets to it that nobody holds any more."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from sockview.model import tcp_state
from sockview.model.age import Since
from sockview.model.inet_socket import TIME_WAIT_SECONDS, InetSocket
from sockview.model.owner import Process
from sockview.model.snapshot import Snapshot
from sockview.model.trace_memory import Traced

if TYPE_CHECKING:
    from sockview.model.attribution import Remembered

#: Sockets looked at between two yields: about 2 ms. An end costs as much as some sockets.
STEP: Final = 5000
ENDS_STEP: Final = 1000
#: Seconds after which it does not matter any more who talked to an end: what was left then has gone since.
MEMORY: Final = TIME_WAIT_SECONDS
#: Processes remembered of one end; from two on none is claimed.
MOST_PAST: Final = 20
#: Looks at which a process must have been the only one, before sockets are said to be its that came and were closed
#: between two looks.
LOOKS: Final = 5

_RemoteEnd = tuple[int, bytes, int]
"""Protocol, remote address, remote port."""


class Talkers(NamedTuple):
    """Who has, and had, sockets to one remote end."""

    processes: tuple[Process, ...] = ()
    """Each that holds one now, by PID."""
    past: tuple[Process, ...] = ()
    """Each other one that is known to have held or closed one in the last minute, by PID."""
    hidden: bool = False
    """One is, or was, held by a process that can't be seen."""
    in_flight: bool = False
    """One was held by nobody in sight: it may have been opened or closed at that moment."""
    since: float = -math.inf
    """Monotonic seconds: all that are held now were opened after this."""
    heard: Mapping[tuple[int, int], tuple[Process, float]] = MappingProxyType({})
    """(PID, start) of all of these -> the process, and monotonic seconds at which it last was one."""
    looks: int = 0
    """Looks at which it was the only one, if there is but one."""

    def only(self, *, unseen: bool) -> Process | None:
        """The one process that talks to it, if there is but one.

        `unseen`: it is asked for the sake of a socket that came and was closed between two looks. Others may have many
        that are so brief, and be passed over by a look or two.
        """
        everyone = (*self.processes, *self.past)
        if len(everyone) != 1 or self.hidden:
            return None
        enough = self.looks >= LOOKS or (bool(self.processes) and not unseen and not self.in_flight)
        return everyone[0] if enough else None


@dataclass(slots=True)
class _Found:
    """The talkers of one end while they are looked for."""

    processes: dict[tuple[int, int], Process] = field(default_factory=dict)
    past: dict[tuple[int, int], Process] = field(default_factory=dict)
    hidden: bool = False
    in_flight: bool = False
    since: float = math.inf

    def miss(self, snapshot: Snapshot) -> None:
        """There is a socket of which no holder was seen. The few processes into which not even root may look do not
        count: more probably it was being opened or closed.
        """
        self.in_flight = True
        self.hidden |= snapshot.unreadable > 0 and not snapshot.privileged

    def talkers(self, before: Talkers, now: float) -> Talkers:
        """With those `before`, as far as that is of use."""
        heard = {identity: (process, now) for identity, process in (self.past | self.processes).items()}
        for identity, (process, clock) in before.heard.items():
            if now - clock <= MEMORY and len(heard) < MOST_PAST:
                heard.setdefault(identity, (process, clock))
        past = [heard[identity][0] for identity in sorted(heard.keys() - self.processes.keys())]
        processes = tuple(self.processes[identity] for identity in sorted(self.processes))
        earlier = before.looks if before.heard.keys() <= heard.keys() else 0
        looks = earlier + len(processes) if len(heard) == 1 else 0
        since = self.since if processes else -math.inf
        return Talkers(processes, tuple(past), self.hidden, self.in_flight, since, heard, looks)


class Peers:
    """The talkers of the remote ends for which it was made; of any other end nothing is known."""

    def __init__(self) -> None:
        self._talkers: dict[_RemoteEnd, Talkers] = {}

    def of(self, s: InetSocket) -> Talkers:
        """Those of the remote end of `s`."""
        return self._talkers.get((s.protocol, s.remote_address, s.remote_port), _NOBODY)

    @classmethod
    def steps(
        cls,
        snapshot: Snapshot,
        unheld: Sequence[InetSocket],
        listeners: Sequence[InetSocket],
        remembered: Mapping[int, Remembered],
        traced: Mapping[int, Traced],
        since: Mapping[int, Since],
        earlier: Peers | None = None,
    ) -> Generator[None, None, Peers]:
        """Look for the talkers of the ends of those of `unheld` that need it, a few milliseconds a step.

        `earlier` are those of the look before; of the ends that need it still, theirs are remembered for a minute.
        These have no inode, nobody listens on their local port, and neither memory nor trace names their owner (all
        three mappings go by cookie). Where somebody listens on the local port the remote end is a client: such sockets
        tell nothing.
        """
        peers = cls()
        if not snapshot.owners_read:
            return peers
        listening = {listener.local_port for listener in listeners}
        found: dict[_RemoteEnd, _Found] = {}
        past: list[tuple[InetSocket, tuple[Process, ...]]] = []
        for start in range(0, len(unheld), STEP):
            for s in unheld[start : start + STEP]:
                if s.inode or not s.remote_port or s.local_port in listening:
                    continue
                before, told = remembered.get(s.cookie), traced.get(s.cookie)
                held = tuple(holder.process for holder in before.holders) if before else ()
                closed = told.closers if told else ()
                if before or closed:
                    past.append((s, (*held, *closed)))
                if not held and not (told and told.closer):
                    found.setdefault((s.protocol, s.remote_address, s.remote_port), _Found())
            yield
        if found:
            yield from _enter_past(found, past, snapshot)
            yield from _find_holders(found, listening, snapshot, since)
        known_before = {} if earlier is None else earlier._talkers
        for number, (key, end) in enumerate(found.items(), 1):
            peers._talkers[key] = end.talkers(known_before.get(key, _NOBODY), snapshot.clock)
            if number % ENDS_STEP == 0:
                yield
        return peers


def _enter_past(
    found: Mapping[_RemoteEnd, _Found], past: Sequence[tuple[InetSocket, tuple[Process, ...]]], snapshot: Snapshot
) -> Generator[None, None, None]:
    """Who held or closed sockets to these ends that are still there."""
    for start in range(0, len(past), STEP):
        for s, tied in past[start : start + STEP]:
            end = found.get((s.protocol, s.remote_address, s.remote_port))
            if end is not None:
                end.past.update((process.identity, process) for process in tied)
                if not tied:
                    end.miss(snapshot)
        yield


def _find_holders(
    found: Mapping[_RemoteEnd, _Found], listening: set[int], snapshot: Snapshot, since: Mapping[int, Since]
) -> Generator[None, None, None]:
    """Who holds sockets to these ends now."""
    ports = {port for _protocol, _address, port in found}
    for start in range(0, len(snapshot.sockets), STEP):
        for s in snapshot.sockets[start : start + STEP]:
            if s.remote_port not in ports or not s.inode or s.local_port in listening:
                continue
            end = found.get((s.protocol, s.remote_address, s.remote_port))
            if end is None:
                continue
            holders = snapshot.holders.get(s.inode)
            if holders is None:
                end.miss(snapshot)
                continue
            end.processes.update((holder.process.identity, holder.process) for holder in holders)
            end.since = min(end.since, _opened_after(s, since.get(s.cookie)))
        yield


def _opened_after(s: InetSocket, since: Since | None) -> float:
    """Monotonic seconds; minus infinity where it is not known."""
    if since is None or since.slack is None or s.state != tcp_state.ESTABLISHED:
        return -math.inf
    return since.clock - since.slack


_NOBODY: Final = Talkers()
