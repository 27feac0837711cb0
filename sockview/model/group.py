"""A group of sockets while it is counted and ordered; there may be as many as sockets, and a row is made of few."""

from __future__ import annotations

from collections.abc import Sequence

from sockview.model import tcp_state
from sockview.model.age import oldest
from sockview.model.grouping import WITHOUT_OWNER, WITHOUT_PEER, key_of_identity, process_key, reason_key
from sockview.model.inet_socket import InetSocket, address_text
from sockview.model.owner import NoOwner, Process
from sockview.model.query import Age, GroupRow
from sockview.model.socket_table import SocketTable
from sockview.model.trend import Trend


class Group:
    """Some sockets and their counts."""

    __slots__ = ("close_wait", "established", "oldest", "other", "sockets", "time_wait")

    def __init__(self, sockets: list[InetSocket]) -> None:
        self.sockets = sockets
        """Those that the filter lets through."""
        self.close_wait = self.time_wait = self.established = self.other = 0
        self.oldest: Age | None = None
        """Of its CLOSE_WAIT sockets."""

    @property
    def total(self) -> int:
        return self.close_wait + self.time_wait + self.established + self.other

    def count(self, sockets: Sequence[InetSocket], table: SocketTable) -> None:
        """Count some of its sockets."""
        states = [s.state for s in sockets]
        close_wait = states.count(tcp_state.CLOSE_WAIT)
        time_wait = states.count(tcp_state.TIME_WAIT)
        established = states.count(tcp_state.ESTABLISHED)
        self.close_wait += close_wait
        self.time_wait += time_wait
        self.established += established
        self.other += len(states) - close_wait - time_wait - established
        if close_wait:
            eldest = _eldest([s for s in sockets if s.state == tcp_state.CLOSE_WAIT], table)
            self.oldest = eldest if self.oldest is None else oldest((self.oldest, eldest))


def _eldest(sockets: Sequence[InetSocket], table: SocketTable) -> Age | None:
    """The age of the oldest CLOSE_WAIT: it is told by nothing but since when the socket is one."""
    if len(sockets) == 1:
        return table.age(sockets[0])
    dates = [table.dates[s.cookie] for s in sockets]
    first = min([since.clock for since in dates])
    by_date = {since: s for s, since in zip(sockets, dates, strict=True) if since.clock == first}
    return oldest(map(table.age, by_date.values()))


class OwnerGroup(Group):
    """The sockets of a process, or those without an owner for one reason."""

    __slots__ = ("exited", "likely", "likely_states", "owner", "trend", "user")

    def __init__(self, owner: Process | NoOwner, exited: bool = False) -> None:
        super().__init__([])
        self.owner = owner
        self.exited = exited
        self.user = ""
        self.likely = 0
        """How many sockets are tied to it by likely evidence only; then, how many of them are in each state."""
        self.likely_states: dict[int, int] = {}
        self.trend: Trend | None = None

    @property
    def pid(self) -> int | None:
        return self.owner.pid if isinstance(self.owner, Process) else None

    @property
    def name(self) -> str:
        return self.owner.name if isinstance(self.owner, Process) else WITHOUT_OWNER[self.owner]

    @property
    def identity(self) -> str:
        """The key of its row."""
        return process_key(self.owner) if isinstance(self.owner, Process) else reason_key(self.owner)

    def row(self) -> GroupRow:
        return GroupRow(
            key=self.identity,
            pid=self.pid,
            name=self.name,
            user=self.user,
            close_wait=self.close_wait,
            time_wait=self.time_wait,
            established=self.established,
            other=self.other,
            likely=self.likely,
            likely_time_wait=self.likely_states.get(tcp_state.TIME_WAIT, 0),
            likely_close_wait=self.likely_states.get(tcp_state.CLOSE_WAIT, 0),
            likely_established=self.likely_states.get(tcp_state.ESTABLISHED, 0),
            oldest=self.oldest,
            exited=self.exited,
            trend=self.trend,
        )


class RemoteGroup(Group):
    """The sockets that talk to one address, or those without a peer."""

    __slots__ = ("identity",)

    def __init__(self, address: bytes, sockets: list[InetSocket]) -> None:
        super().__init__(sockets)
        self.identity = address
        """Its address; empty: without a peer."""

    @property
    def name(self) -> str:
        return address_text(self.identity) if self.identity else WITHOUT_PEER

    @property
    def ports(self) -> set[int]:
        """The remote ports: looked for when they are asked for."""
        return {s.remote_port for s in self.sockets} if self.identity else set()

    def row(self) -> GroupRow:
        return GroupRow(
            key=key_of_identity(self.identity),
            pid=None,
            name=self.name,
            user="",
            close_wait=self.close_wait,
            time_wait=self.time_wait,
            established=self.established,
            other=self.other,
            likely=0,
            oldest=self.oldest,
            ports=self._ports_text(),
        )

    def _ports_text(self) -> str:
        ports = self.ports
        if len(ports) == 1:
            return str(ports.pop())
        return f"{len(ports):,} ports" if ports else ""
