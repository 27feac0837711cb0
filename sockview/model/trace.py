"""What the kernel reported of sockets that were opened and closed, as a collector hands it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sockview.model.owner import Process

#: In a Transition: done by somebody that cannot be named, such as a kernel thread, or a process that went
#: before anything was known of it. Such a close is no one's, but it is newer than one that was reported before.
NOBODY: Final = Process(0, "", "", 0)

#: Name of a process of which none is known.
NAMELESS: Final = "?"
#: Characters of the longest name that the kernel reports (TASK_COMM_LEN - 1, ``linux/sched.h``).
NAME_LIMIT: Final = 15

#: Why nothing is reported where the user did not want it.
TURNED_OFF: Final = "turned off"


class Transition(NamedTuple):
    """A process took a TCP socket into another state (tracepoint ``sock:inet_sock_set_state``)."""

    clock: float
    """Monotonic seconds, of the clock that `Snapshot.clock` is read from."""
    state: int
    """The new state: SYN_SENT (opened), FIN_WAIT1 (closed first), LAST_ACK (closed after the peer). SYN_SENT comes
    when the connection stands, with the time of that: before, the kernel has not chosen the local port."""
    process: Process
    """Who did it, or NOBODY. A `started` below 0 is the stand-in of one that had gone before it could be looked at:
    then the kernel's report is all that is known of it."""
    local_address: bytes
    """As in InetSocket."""
    local_port: int
    remote_address: bytes
    remote_port: int
    parent: int = 0
    """PID of the parent of a process that closed it, as far as that is known: 0 where it is not."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What was reported since the snapshot before, or why nothing is."""

    on: bool = False
    why_not: str = ""
    """A few words while it is off, such as ``not permitted``; empty where the source knows no tracing."""
    since: float = 0.0
    """Monotonic seconds at which it began."""
    transitions: Sequence[Transition] = ()
    """By `clock`."""
    gaps: Sequence[tuple[float, float]] = ()
    """(from, to) in monotonic seconds: within these some reports were lost."""
    lost: int = 0
    """Reports lost since it began."""
