"""Who is tied to a socket, on what evidence, or why nobody is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Final, NamedTuple


class Evidence(StrEnum):
    """How an owner is known. The first three are certain, the last two likely."""

    FD = "fd"
    TRACED = "traced"
    SEEN = "seen"
    LISTENER = "listener"
    PEER = "peer"

    @property
    def certain(self) -> bool:
        return self in (Evidence.FD, Evidence.TRACED, Evidence.SEEN)


class NoOwner(StrEnum):
    """Why a socket has no owner; the value is the word used in JSON."""

    ORPHAN = "orphan"
    """By design: the process has closed it, the kernel finishes it alone; which one it was is not known."""
    HIDDEN = "hidden"
    """A process holds it, but this user may not look into that process."""
    GONE = "gone"
    """It has an inode, every process was readable, and none holds it (exited, or in flight)."""
    UNREAD = "unread"
    """The owners could not be read at all this time; the snapshot's warnings say why."""


class Process(NamedTuple):
    """A process at one instant. (pid, started) is its identity: a reused PID has another start."""

    pid: int
    name: str
    """Cleaned; the kernel's comm, lengthened from the command line where comm is cut at 15."""
    command: str
    """Cleaned command line, arguments joined by spaces; empty for a kernel thread."""
    started: int
    """Clock ticks after boot (/proc/PID/stat field 22), or the source's own stamp; 0: unknown."""

    @property
    def identity(self) -> tuple[int, int]:
        """(pid, started). Name and command line may change while it lives."""
        return (self.pid, self.started)


#: The `identity` of a process, quick for many.
identity_of: Final = itemgetter(*map(Process._fields.index, ("pid", "started")))


class Holder(NamedTuple):
    """A descriptor that refers to a socket."""

    process: Process
    fd: int
    """Descriptor number; -1 where the source does not tell."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process tied to one socket, with the evidence."""

    process: Process
    fd: int
    """-1 unless the evidence is fd, or it was seen to hold the socket before, and the number is known."""
    evidence: Evidence
    exited: bool = False
    """The process is no longer there (its PID may belong to another one by now)."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """All that is known about who owns a socket. Either owners or no_owner is set."""

    owners: tuple[Owner, ...]
    """Sorted by PID; all of one evidence."""
    no_owner: NoOwner | None = None
    candidates: tuple[Process, ...] = ()
    """Processes that might own it where no single one can be claimed, by PID."""
    uid: int | None = None
    """User id of the socket when it was last seen with one."""
    suspicion: Evidence | None = None
    """What makes the candidates such; None: that they were reported to open it, and nothing else."""
    opener: Process | None = None
    """The kernel reported that this one connected it; it need not have kept it."""

    @property
    def certain(self) -> bool:
        return bool(self.owners) and self.owners[0].evidence.certain
