"""What the kernel reported of sockets that were opened and closed, as a collector hands it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sockview.model.owner import Process


class Transition(NamedTuple):
    """A process took a TCP socket into another state (tracepoint ``sock:inet_sock_set_state``)."""

    clock: float
    """Monotonic seconds, of the clock that `Snapshot.clock` is read from."""
    state: int
    """The new state: SYN_SENT (opened), FIN_WAIT1 (closed first), LAST_ACK (closed after the peer)."""
    process: Process
    """Who did it. A `started` below 0 is the stand-in of one that had gone before it could be looked at:
    then the kernel's report is all that is known of it."""
    local_address: bytes
    """As in InetSocket."""
    local_port: int
    remote_address: bytes
    remote_port: int


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
