"""All sockets at one instant, as a source delivers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sockview.model.inet_socket import InetSocket
from sockview.model.limits import DescriptorUse, Limits
from sockview.model.owner import Holder
from sockview.model.trace import Trace


@dataclass(frozen=True, slots=True)
class Change:
    """In what a snapshot differs from an earlier one of the same source: whoever knows the earlier one need not look at
    the rest. All sockets that are not named here are the same objects in both.
    """

    since: int
    """`Snapshot.serial` of the earlier one."""
    gone: Sequence[InetSocket]
    """Values of the earlier snapshot that are not in this one: the socket has gone, or something of it has changed."""
    come: Sequence[InetSocket]
    """Values of this snapshot that were not in the earlier one: the socket is new, or something of it has changed."""
    reheld: Sequence[InetSocket] = ()
    """Values of both snapshots whose holders are others now, those without any now or before included."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one collection found. Nothing in it changes afterwards."""

    taken_at: float
    """Seconds since the epoch (wall clock)."""
    clock: float
    """Seconds of a monotonic clock: ages and rates are differences of these."""
    host: str
    """Cleaned host name."""
    source: str
    """``sock_diag`` or ``psutil``."""
    sockets: Sequence[InetSocket]
    holders: Mapping[int, tuple[Holder, ...]] = field(default_factory=dict)
    """Inode -> every descriptor that refers to it, sorted by (pid, fd)."""
    users: Mapping[int, str] = field(default_factory=dict)
    """User id -> cleaned login name, for the ids that occur; ids without a name are absent."""
    unreadable: int = 0
    """Processes whose descriptors this user may not read."""
    owners_read: bool = True
    """False where the holders could not be read at all."""
    complete: bool = True
    """False when the table changed during the dump, or a part of it could not be read."""
    warnings: tuple[str, ...] = ()
    """Sentences for the user, each with what happened and what to do."""
    privileged: bool = False
    """The source ran with the rights to see every process."""
    pids: frozenset[int] | None = None
    """PIDs of all processes; None where the source can't see them all. Without it no owner is said to
    have exited: a process that holds no socket any more is in no holder."""
    started: Mapping[int, int] = field(default_factory=dict)
    """PID -> start (`Process.started`) of who has it now, for processes that once held a socket. Those
    among the holders need not be in it."""
    dump_seconds: float = 0.0
    """How long the look at the sockets took: each is shown as it was at some moment within it."""
    trace: Trace = field(default_factory=Trace)
    """Who opened and closed sockets since the snapshot before."""
    limits: Limits = field(default_factory=Limits)
    close_wait_times: Mapping[int, tuple[float, float | None]] = field(default_factory=dict)
    """Cookie of a CLOSE_WAIT -> monotonic seconds at which it came into the state, at the latest, and at the earliest
    where that is known. What was told of a socket once stays as it is."""
    silent: Mapping[int, float] = field(default_factory=dict)
    """Cookie of an ESTABLISHED socket without keep-alive -> seconds, at least, that nothing had gone over it in either
    direction when last looked at, for those that have been silent for long; looked at once a minute."""
    descriptors: Mapping[tuple[int, int], DescriptorUse] = field(default_factory=dict)
    """(PID, start) of the processes that hold the most CLOSE_WAIT sockets -> their descriptors."""
    serial: int = 0
    """Different for every snapshot of a process; 0 where nobody tells changes."""
    change: Change | None = None
    """What is different from the snapshot before, where the source knows; never of one that is not complete."""
