"""The tests of a filter on the socket itself, and how each becomes a quick predicate over one table.

A predicate is called once for each of 100,000 sockets. So a test touches only the fields it
needs, remembers what it found about an address, a user or a process (there are far fewer of them
than sockets), and has a cost: a filter asks its cheap tests first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import ClassVar, Protocol, TypeVar

from sockview.model.filter_values import AddressMatcher, AddressText, Comparison, Endpoint
from sockview.model.inet_socket import InetSocket
from sockview.model.socket_table import SocketTable

Predicate = Callable[[InetSocket], bool]
K = TypeVar("K")


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

    def compile(self, table: SocketTable) -> Predicate: ...


class Ends(Enum):
    """Which end of a socket is meant."""

    LOCAL = "local"
    REMOTE = "remote"
    EITHER = "either"


class Memo(dict[K, bool]):
    """Answers of a test by key: each key is tested once."""

    def __init__(self, test: Callable[[K], bool]) -> None:
        super().__init__()
        self._test = test

    def __missing__(self, key: K) -> bool:
        found = self[key] = self._test(key)
        return found


def everything(_: InetSocket) -> bool:
    """The predicate that every socket passes."""
    return True


def nothing(_: InetSocket) -> bool:
    """The predicate that no socket passes."""
    return False


# ------------------------------------------------------------------ fields of the socket itself
@dataclass(frozen=True, slots=True)
class StateTest:
    states: frozenset[int]
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Predicate:
        del table
        if len(self.states) == 1:
            (state,) = self.states
            return lambda s: s.state == state
        states = self.states
        return lambda s: s.state in states


@dataclass(frozen=True, slots=True)
class ProtocolTest:
    protocol: int
    family: int | None
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Predicate:
        del table
        protocol, family = self.protocol, self.family
        if family is None:
            return lambda s: s.protocol == protocol
        return lambda s: s.protocol == protocol and s.family == family


@dataclass(frozen=True, slots=True)
class PortTest:
    ends: Ends
    ports: frozenset[int]
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Predicate:
        del table
        ports = self.ports
        match self.ends:
            case Ends.LOCAL:
                return lambda s: s.local_port in ports
            case Ends.REMOTE:
                return lambda s: s.remote_port in ports
            case Ends.EITHER:
                return lambda s: s.local_port in ports or s.remote_port in ports


@dataclass(frozen=True, slots=True)
class QueueTest:
    """A queue whose length is not known matches no comparison."""

    received: bool
    """True: recv_q, False: send_q."""
    comparison: Comparison
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Predicate:
        del table
        holds = self.comparison.holds
        if self.received:
            return lambda s: s.recv_q is not None and holds(s.recv_q)
        return lambda s: s.send_q is not None and holds(s.send_q)


# ------------------------------------------------------------------ addresses
@dataclass(frozen=True, slots=True)
class AddressTest:
    ends: Ends
    matcher: AddressMatcher
    cost: ClassVar[Cost] = Cost.ADDRESS

    def compile(self, table: SocketTable) -> Predicate:
        del table
        if isinstance(self.matcher, AddressText) and not self.matcher.possible:
            return nothing
        known = Memo(self.matcher.matches)
        match self.ends:
            case Ends.LOCAL:
                return lambda s: known[s.local_address]
            case Ends.REMOTE:
                return lambda s: known[s.remote_address]
            case Ends.EITHER:
                return lambda s: known[s.local_address] or known[s.remote_address]


@dataclass(frozen=True, slots=True)
class EndpointTest:
    ends: Ends
    endpoint: Endpoint
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Predicate:
        del table
        address, port = self.endpoint.address, self.endpoint.port

        def local(s: InetSocket) -> bool:
            return s.local_port == port and s.local_address == address

        def remote(s: InetSocket) -> bool:
            return s.remote_port == port and s.remote_address == address

        match self.ends:
            case Ends.LOCAL:
                return local
            case Ends.REMOTE:
                return remote
            case Ends.EITHER:
                return lambda s: local(s) or remote(s)
