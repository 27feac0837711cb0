"""Sockets by process and by remote address: the rows of the two group views, and what is in a group."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Final, Literal

from sockview.model import tcp_state
from sockview.model.age import age_rank
from sockview.model.inet_socket import InetSocket, address_text, is_wildcard, packed_address
from sockview.model.owner import NoOwner, Process
from sockview.model.query import Age, GroupRow
from sockview.model.socket_table import SocketTable
from sockview.model.trend import Trend

#: Sockets counted between two yields: about 3 ms.
STEP: Final = 2500

#: Rows made between two yields: a trend takes 20 µs or so.
ROWS: Final = 250

#: Names of the groups of sockets without an owner.
WITHOUT_OWNER: Final[dict[NoOwner, str]] = {
    NoOwner.HIDDEN: "(hidden)",
    NoOwner.ORPHAN: "(orphans)",
    NoOwner.GONE: "(gone)",
    NoOwner.UNREAD: "(not read)",
}
WITHOUT_PEER: Final = "(no peer)"


def process_key(process: Process) -> str:
    """``pid:PID:STARTED``"""
    return f"pid:{process.pid}:{process.started}"


def reason_key(reason: NoOwner) -> str:
    """``none:hidden`` and so on."""
    return f"none:{reason.value}"


def has_peer(s: InetSocket) -> bool:
    """False for LISTEN and unconnected UDP."""
    return s.remote_port != 0 or not is_wildcard(s.remote_address)


def remote_key(s: InetSocket) -> str:
    """``remote:ADDRESS``, or ``remote:*`` without a peer."""
    return f"remote:{address_text(s.remote_address)}" if has_peer(s) else "remote:*"


class _Group:
    """A group while its sockets are counted."""

    __slots__ = (
        "close_wait",
        "established",
        "exited",
        "key",
        "likely",
        "likely_states",
        "name",
        "oldest",
        "other",
        "pid",
        "ports",
        "time_wait",
        "user",
    )

    def __init__(self, key: str, name: str, pid: int | None = None, exited: bool = False) -> None:
        self.key = key
        self.name = name
        self.pid = pid
        self.exited = exited
        self.user = ""
        self.close_wait = self.time_wait = self.established = self.other = 0
        self.likely = 0
        self.likely_states: dict[int, int] = {}
        self.oldest: Age | None = None
        self.ports: set[int] = set()

    def count(self, s: InetSocket, table: SocketTable) -> None:
        state = s.state
        if state == tcp_state.ESTABLISHED:
            self.established += 1
        elif state == tcp_state.TIME_WAIT:
            self.time_wait += 1
        elif state == tcp_state.CLOSE_WAIT:
            self.close_wait += 1
            age = table.age(s)
            if self.oldest is None or age_rank(age) > age_rank(self.oldest):
                self.oldest = age
        else:
            self.other += 1

    def row(self, ports: str = "", trend: Trend | None = None) -> GroupRow:
        return GroupRow(
            key=self.key,
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
            ports=ports,
            trend=trend,
        )


def group_steps(
    sockets: Sequence[InetSocket], table: SocketTable, by: Literal["process", "remote"]
) -> Generator[None, None, list[GroupRow]]:
    """Group the sockets (those of `table` that the filter lets through), a few thousand a step."""
    groups = _ProcessGroups(table) if by == "process" else _RemoteGroups(table)
    for start in range(0, len(sockets), STEP):
        for s in sockets[start : start + STEP]:
            groups.take(s)
        yield
    if groups.lacks_users:
        yield from table.gather_steps()
    found = []
    for number, row in enumerate(groups.rows(), 1):
        found.append(row)
        if number % ROWS == 0:
            yield
    return found


class _ProcessGroups:
    """A socket with several owners counts for each of them, one without for its reason."""

    def __init__(self, table: SocketTable) -> None:
        self._table = table
        self._processes: dict[tuple[int, int], _Group] = {}
        self._reasons: dict[NoOwner, _Group] = {}

    def take(self, s: InetSocket) -> None:
        table = self._table
        holders = table.snapshot.holders.get(s.inode)
        if holders and len(holders) == 1:  # nearly every socket, and there are many
            self._enter(s, holders[0].process)
            return
        claims = table.claims(s)
        for process, certain, exited in claims:
            group = self._enter(s, process, exited)
            if not certain:
                group.likely += 1
                group.likely_states[s.state] = group.likely_states.get(s.state, 0) + 1
        reason = None if claims else table.attribution(s).no_owner
        if reason is not None:
            unowned = self._reasons.get(reason)
            if unowned is None:
                unowned = self._reasons[reason] = _Group(reason_key(reason), WITHOUT_OWNER[reason])
            unowned.count(s, table)

    def _enter(self, s: InetSocket, process: Process, exited: bool = False) -> _Group:
        identity = (process.pid, process.started)
        group = self._processes.get(identity)
        if group is None:
            group = self._processes[identity] = _Group(process_key(process), process.name, process.pid, exited)
        if not group.user and s.state != tcp_state.LISTEN:
            group.user = self._table.user(s)
        group.count(s, self._table)
        return group

    @property
    def lacks_users(self) -> bool:
        """Some user is to be looked for among all sockets of the process."""
        return any(not group.user for group in self._processes.values())

    def rows(self) -> Iterator[GroupRow]:
        trend = self._table.trend
        for identity, group in self._processes.items():
            group.user = group.user or self._user_of_listener(group)
            course = trend(identity, tcp_state.CLOSE_WAIT) or trend(identity, tcp_state.TIME_WAIT)
            yield group.row(trend=course)
        for group in self._reasons.values():
            yield group.row()

    def _user_of_listener(self, group: _Group) -> str:
        """A listening socket may have been opened by a parent of another user, so it is asked last."""
        users = (self._table.user(s) for s in members(self._table, group.key))
        return next(filter(None, users), "")


class _RemoteGroups:
    lacks_users: Final = False

    def __init__(self, table: SocketTable) -> None:
        self._table = table
        self._peers: dict[bytes, _Group] = {}
        self._alone = _Group("remote:*", WITHOUT_PEER)

    def take(self, s: InetSocket) -> None:
        group = self._peers.get(s.remote_address) if has_peer(s) else self._alone
        if group is None:
            group = self._peers[s.remote_address] = _Group(remote_key(s), address_text(s.remote_address))
        group.ports.add(s.remote_port)
        group.count(s, self._table)

    def rows(self) -> Iterator[GroupRow]:
        for group in self._peers.values():
            yield group.row(_ports_text(group.ports))
        if self._alone.ports:
            yield self._alone.row()


def _ports_text(ports: set[int]) -> str:
    return str(next(iter(ports))) if len(ports) == 1 else f"{len(ports):,} ports"


def members(table: SocketTable, key: str) -> Sequence[InetSocket]:
    """The sockets of the group, in the snapshot's order; none for a key of no group that there is."""
    kind, _, rest = key.partition(":")
    if kind == "pid":
        pid, _, started = rest.partition(":")
        try:
            return table.sockets_of(int(pid), int(started))
        except ValueError:
            return ()
    if key == "remote:*":
        return [s for s in table.snapshot.sockets if not has_peer(s)]
    if kind == "remote":
        address = packed_address(rest)
        return [s for s in table.snapshot.sockets if s.remote_address == address and has_peer(s)]
    if kind == "none":
        return [s for s in table.unheld if table.attribution(s).no_owner == rest]
    return ()


def process_of(table: SocketTable, key: str) -> Process | None:
    """The process of a group ``pid:...``; None when it owns nothing in this table."""
    owned = members(table, key) if key.startswith("pid:") else ()
    claims = table.claims(owned[0]) if owned else ()
    return next((claim.process for claim in claims if process_key(claim.process) == key), None)


def group_name(table: SocketTable, key: str) -> str | None:
    """``7306 gunicorn``, an address, or the reason in words; None for a process that owns nothing in this table."""
    kind, _, rest = key.partition(":")
    if kind == "pid":
        process = process_of(table, key)
        return f"{process.pid} {process.name}" if process else None
    if kind == "none" and rest in WITHOUT_OWNER:
        return WITHOUT_OWNER[NoOwner(rest)]
    return WITHOUT_PEER if rest == "*" else rest
