"""A snapshot joined with owners and ages: what every view, filter and output reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from sockview.model.age import Since, age_in_state
from sockview.model.attribution import Attributor, Claim
from sockview.model.finding import Finding
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Attribution, NoOwner
from sockview.model.query import Age, StateLine
from sockview.model.snapshot import Snapshot
from sockview.model.steps import finish
from sockview.model.trend import Trend

#: Sockets gathered between two yields: about 2 ms.
STEP: Final = 5000

#: ((PID, start), state) -> how many such sockets the process had over time; None where it never had any.
TrendLookup = Callable[[tuple[int, int], int], Trend | None]


def _no_trend(_identity: tuple[int, int], _state: int) -> Trend | None:
    return None


class SocketTable:
    """Immutable. Owners and ages are looked up when asked for and are cheap; made by Observation."""

    def __init__(
        self,
        snapshot: Snapshot,
        by_cookie: Mapping[int, InetSocket],
        since: Mapping[int, Since],
        unheld: Sequence[InetSocket],
        attributor: Attributor,
        users: Mapping[int, str],
        lines: tuple[StateLine, ...],
        trend: TrendLookup = _no_trend,
        growth: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.snapshot = snapshot
        self.by_cookie = by_cookie
        """Identity -> socket; the row key of a socket is ``str(cookie)``."""
        self.unheld = unheld
        """The sockets that no process is seen to hold now, in the snapshot's order."""
        self.lines = lines
        """The histogram, most urgent state first."""
        self.states: Mapping[int, int] = {line.state: line.count for line in lines if line.count}
        """State -> number of sockets; states without any are absent."""
        self.hidden = _count_hidden(snapshot, unheld, attributor)
        """Sockets whose owner is NoOwner.HIDDEN."""
        self.trend = trend
        """How many CLOSE_WAIT or TIME_WAIT sockets a process had over the last hour."""
        self.growth = growth
        """Counter of `Limits.counters` -> by how much it grew over the last minute, or what is known of it."""
        self.findings: tuple[Finding, ...] = ()
        """What is wrong, most urgent first. Set once, before anybody else sees the table, as the next one is."""
        self.warnings = snapshot.warnings
        """Sentences for the user, each with what happened and what to do."""
        self._since = since
        self._fin_timeout = snapshot.limits.number("net.ipv4.tcp_fin_timeout")
        self._attributor = attributor
        self.users = users
        """User id -> login name, of these sockets now and before."""
        self._of_process: defaultdict[tuple[int, int], list[InetSocket]] = defaultdict(list)
        self._gathered = 0
        """Sockets of the snapshot that are in `_of_process`."""

    def attribution(self, s: InetSocket) -> Attribution:
        """Who owns a socket of this table, or why nobody does."""
        return self._attributor.attribution(s)

    def age(self, s: InetSocket) -> Age | None:
        """Seconds in its present state."""
        return age_in_state(s, self._since.get(s.cookie), self.snapshot.clock, self._fin_timeout)

    def since(self, s: InetSocket) -> float:
        """Monotonic seconds since when, at the latest, it is in its present state."""
        known = self._since.get(s.cookie)
        return self.snapshot.clock if known is None else known.clock

    def uid(self, s: InetSocket) -> int | None:
        """User id of the socket, from memory where the kernel keeps none any more."""
        if s.uid is not None:
            return s.uid
        known = self._attributor.remembered(s)
        return known.uid if known else None

    def user(self, s: InetSocket) -> str:
        """Login name of the socket's user, else the number, else empty."""
        uid = self.uid(s)
        return "" if uid is None else self.users.get(uid) or str(uid)

    def cgroup_id(self, s: InetSocket) -> int | None:
        """The socket's cgroup, from memory where the kernel keeps none any more."""
        if s.cgroup_id is not None:
            return s.cgroup_id
        known = self._attributor.remembered(s)
        return known.cgroup_id if known else None

    def claims(self, s: InetSocket) -> Sequence[Claim]:
        """Each process that owns `s`, once, by PID. Says less than its attribution and costs less."""
        return self._attributor.claims(s)

    def sockets_of(self, pid: int, started: int) -> Sequence[InetSocket]:
        """Every socket that the process owns, by whatever evidence, in the snapshot's order.

        The first question of all takes the time of `gather_steps`, if those were not taken before.
        """
        finish(self.gather_steps())
        return self._of_process.get((pid, started), ())

    def gather_steps(self) -> Generator[None, None, None]:
        """Gather the sockets of every process, in steps of a few milliseconds. Given up, it goes on from there."""
        holders_of, claims_of, of_process = self.snapshot.holders.get, self._attributor.claims, self._of_process
        while self._gathered < len(self.snapshot.sockets):
            part = self.snapshot.sockets[self._gathered : self._gathered + STEP]
            for s in part:
                holders = holders_of(s.inode)
                if holders is not None and len(holders) == 1:  # nearly every socket, and there are many
                    process = holders[0].process
                    of_process[process.pid, process.started].append(s)
                    continue
                for process, _certain, _exited in claims_of(s):
                    of_process[process.pid, process.started].append(s)
            self._gathered += len(part)
            yield


def _count_hidden(snapshot: Snapshot, unheld: Sequence[InetSocket], attributor: Attributor) -> int:
    if not snapshot.owners_read or not snapshot.unreadable:
        return 0
    if not snapshot.privileged and not attributor.traced:  # then all of them are, and there are many
        return sum(1 for s in unheld if s.inode)
    return sum(attributor.attribution(s).no_owner is NoOwner.HIDDEN for s in unheld if s.inode)
