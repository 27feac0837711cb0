"""A snapshot joined with owners and ages: what every view, filter and output reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from sockview.model.age import Since, age_in_state
from sockview.model.attribution import Attributor, Claim
from sockview.model.finding import Finding
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Attribution, NoOwner, Process
from sockview.model.query import Age, StateLine
from sockview.model.snapshot import Snapshot
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
        attributor: Attributor,
        users: Mapping[int, str],
        lines: tuple[StateLine, ...],
        trend: TrendLookup = _no_trend,
        growth: Mapping[str, int] = MappingProxyType({}),
        by_state: Mapping[int, Mapping[int, InetSocket]] = MappingProxyType({}),
        hidden: int = 0,
    ) -> None:
        """`by_state` goes by state, then by cookie; it lacks the ESTABLISHED."""
        self.snapshot = snapshot
        self.by_cookie = by_cookie
        """Identity -> socket; the row key of a socket is ``str(cookie)``."""
        self.lines = lines
        """The histogram, most urgent state first."""
        self.states: Mapping[int, int] = {line.state: line.count for line in lines if line.count}
        """State -> number of sockets; states without any are absent."""
        self.hidden = hidden
        """Sockets whose owner is NoOwner.HIDDEN."""
        self.trend = trend
        """How many CLOSE_WAIT or TIME_WAIT sockets a process had over the last hour."""
        self.growth = growth
        """Counter of `Limits.counters` -> by how much it grew over the last minute, or what is known of it."""
        self.findings: tuple[Finding, ...] = ()
        """What is wrong, most urgent first. Set once, before anybody else sees the table, as the next one is."""
        self.warnings = snapshot.warnings
        """Sentences for the user, each with what happened and what to do."""
        self._by_state = by_state
        self.dates = since
        """Cookie -> since when the socket is in its present state."""
        self._fin_timeout = snapshot.limits.number("net.ipv4.tcp_fin_timeout")
        self._attributor = attributor
        self.users = users
        """User id -> login name, of these sockets now and before."""

    def of_state(self, state: int) -> Sequence[InetSocket]:
        """The sockets in a state, in no particular order. Quick, but for ESTABLISHED: these are looked for."""
        known = self._by_state.get(state, {})
        if len(known) == self.states.get(state, 0):
            return list(known.values())
        return [s for s in self.snapshot.sockets if s.state == state]  # also where several share a stand-in cookie

    @property
    def unheld(self) -> Sequence[InetSocket]:
        """The sockets that no process is seen to hold now, in the snapshot's order; these are looked for."""
        holders = self.snapshot.holders
        return [s for s in self.snapshot.sockets if s.inode not in holders]

    def attribution(self, s: InetSocket) -> Attribution:
        """Who owns a socket of this table, or why nobody does."""
        return self._attributor.attribution(s)

    def age(self, s: InetSocket) -> Age | None:
        """Seconds in its present state."""
        return age_in_state(s, self.dates.get(s.cookie), self.snapshot.clock, self._fin_timeout)

    def since(self, s: InetSocket) -> float:
        """Monotonic seconds since when, at the latest, it is in its present state."""
        known = self.dates.get(s.cookie)
        return self.snapshot.clock if known is None else known.clock

    def sinces(self, sockets: Sequence[InetSocket]) -> list[Since]:
        """The same of many, with the bounds that are known, as far as it was seen."""
        since = self.dates
        return [since[s.cookie] for s in sockets]

    def uid(self, s: InetSocket) -> int | None:
        """User id of the socket, from memory where the kernel keeps none any more."""
        if s.uid is not None:
            return s.uid
        known = self._attributor.remembered(s)
        return known.uid if known else None

    def user(self, s: InetSocket) -> str:
        """Login name of the socket's user, else the number, else empty."""
        return self.login(self.uid(s))

    def login(self, uid: int | None) -> str:
        """Login name of a user, else the number, else empty."""
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

    def reason(self, s: InetSocket) -> NoOwner:
        """Why nobody owns `s`, of which there is no claim. Says less than its attribution and costs less."""
        snapshot = self.snapshot
        if (
            s.inode
            and snapshot.owners_read
            and not snapshot.privileged
            and s.cookie not in self._attributor.facts.traced
        ):
            return NoOwner.HIDDEN if snapshot.unreadable else NoOwner.GONE
        return self.attribution(s).no_owner or NoOwner.GONE

    def suspects_of(self, identity: tuple[int, int]) -> Callable[[Sequence[InetSocket]], list[InetSocket]]:
        """Picks from sockets that nobody is seen to hold those that the process (PID, start) may own: their claims tell
        whether it does.
        """
        return self._attributor.suspects_of(identity)

    def sole_holders(self, sockets: Sequence[InetSocket]) -> list[Process | None]:
        """Of each socket the process that holds it by its only descriptor, as nearly every one is held; else None."""
        holders_of = self.snapshot.holders.get
        held = [holders_of(s.inode) for s in sockets]
        return [holders[0][0] if holders and len(holders) == 1 else None for holders in held]
