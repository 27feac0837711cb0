"""The tests of a filter on the socket itself, and how each becomes quick for the sockets of one table.

A test answers for some thousand sockets at once, in a loop that runs in C or nearly so: 100,000 sockets are asked at
each key that is typed. So it touches only the fields it needs, remembers what it found about an address, a user or
a process (there are far fewer of them than sockets), and has a cost: a filter asks its cheap tests first, and the
others only about the sockets that are still in question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from operator import not_
from typing import ClassVar, Protocol

from sockview.model.filter_values import AddressMatcher, AddressText, Comparison, Endpoint
from sockview.model.memo import Memo
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable

#: Which of some sockets pass a test: an answer for each, in their order.
Mask = Callable[[Selection], list[bool]]


class Cost(IntEnum):
    """What a test looks at, in the order of the time that it takes for each socket."""

    FIELD = 0
    ADDRESS = 1
    USER = 2
    AGE = 3
    OWNER = 4
    TEXT = 5


class Condition(Protocol):
    """One condition on a socket: a frozen value."""

    @property
    def cost(self) -> Cost: ...

    def compile(self, table: SocketTable) -> Mask:
        """The test over the sockets of this one table; it keeps what it learns about them."""
        ...


class Ends(Enum):
    """Which end of a socket is meant."""

    LOCAL = "local"
    REMOTE = "remote"
    EITHER = "either"


def nothing(asked: Selection) -> list[bool]:
    """The answer of a test that no socket passes."""
    return [False] * len(asked)


def any_mask(masks: Sequence[Mask]) -> Mask:
    """At least one of them holds; each is asked only about the sockets that those before it did not let through."""
    first, *others = masks

    def mask(asked: Selection) -> list[bool]:
        found = first(asked)
        for other in others:
            if all(found):
                break
            more = iter(other(asked.where(list(map(not_, found)))))
            found = [passes or next(more) for passes in found]
        return found

    return mask


# ------------------------------------------------------------------ fields of the socket itself
@dataclass(frozen=True, slots=True)
class StateTest:
    states: frozenset[int]
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Mask:
        del table
        if len(self.states) == 1:
            (state,) = self.states
            return lambda asked: [s.state == state for s in asked.sockets]
        states = self.states
        return lambda asked: [s.state in states for s in asked.sockets]


@dataclass(frozen=True, slots=True)
class ProtocolTest:
    protocol: int
    family: int | None
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Mask:
        del table
        protocol, family = self.protocol, self.family
        if family is None:
            return lambda asked: [s.protocol == protocol for s in asked.sockets]
        return lambda asked: [s.protocol == protocol and s.family == family for s in asked.sockets]


@dataclass(frozen=True, slots=True)
class PortTest:
    ends: Ends
    ports: frozenset[int]
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Mask:
        del table
        ports = self.ports
        match self.ends:
            case Ends.LOCAL:
                return lambda asked: [s.local_port in ports for s in asked.sockets]
            case Ends.REMOTE:
                return lambda asked: [s.remote_port in ports for s in asked.sockets]
            case Ends.EITHER:
                return lambda asked: [s.local_port in ports or s.remote_port in ports for s in asked.sockets]


@dataclass(frozen=True, slots=True)
class QueueTest:
    """A queue whose length is not known matches no comparison."""

    received: bool
    """True: recv_q, False: send_q."""
    comparison: Comparison
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Mask:
        del table
        holds = self.comparison.holds
        known = Memo[int | None, bool](lambda queued: queued is not None and holds(queued))
        if self.received:
            return lambda asked: [known[s.recv_q] for s in asked.sockets]
        return lambda asked: [known[s.send_q] for s in asked.sockets]


# ------------------------------------------------------------------ addresses
@dataclass(frozen=True, slots=True)
class AddressTest:
    ends: Ends
    matcher: AddressMatcher
    cost: ClassVar[Cost] = Cost.ADDRESS

    def compile(self, table: SocketTable) -> Mask:
        del table
        if isinstance(self.matcher, AddressText) and not self.matcher.possible:
            return nothing
        known = Memo(self.matcher.matches)
        match self.ends:
            case Ends.LOCAL:
                return lambda asked: [known[s.local_address] for s in asked.sockets]
            case Ends.REMOTE:
                return lambda asked: [known[s.remote_address] for s in asked.sockets]
            case Ends.EITHER:
                return lambda asked: [known[s.local_address] or known[s.remote_address] for s in asked.sockets]


@dataclass(frozen=True, slots=True)
class EndpointTest:
    ends: Ends
    endpoint: Endpoint
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Mask:
        del table
        address, port = self.endpoint.address, self.endpoint.port

        match self.ends:
            case Ends.LOCAL:
                return lambda asked: [s.local_port == port and s.local_address == address for s in asked.sockets]
            case Ends.REMOTE:
                return lambda asked: [s.remote_port == port and s.remote_address == address for s in asked.sockets]
            case Ends.EITHER:
                return lambda asked: [
                    (s.local_port == port and s.local_address == address)
                    or (s.remote_port == port and s.remote_address == address)
                    for s in asked.sockets
                ]
