"""The memory between snapshots: who held a socket, since when it is in its state, and the counts over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sockview.model import tcp_state
from sockview.model.age import Since, age_in_state, oldest
from sockview.model.attribution import Attributor, Remembered
from sockview.model.history import History
from sockview.model.inet_socket import InetSocket
from sockview.model.query import Age
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable

#: Sockets joined between two yields: about 2 ms.
STEP: Final = 5000

#: How many sockets that a snapshot did not show are kept in memory.
ABSENT_LIMIT: Final = 50_000

#: A socket closed between the dump and the look at the descriptors shows an inode and no holder, once.
#: Seen so a second time it has another holder, one that can't be seen, and the memory is void.
MISSES_ALLOWED: Final = 1


@dataclass(slots=True)
class _Join:
    """What is gathered while a snapshot is joined; becomes the new memory when it is whole."""

    by_cookie: dict[int, InetSocket] = field(default_factory=dict)
    since: dict[int, Since] = field(default_factory=dict)
    remembered: dict[int, Remembered] = field(default_factory=dict)
    states: Counter[int] = field(default_factory=Counter)
    unheld: list[InetSocket] = field(default_factory=list)
    listeners: list[InetSocket] = field(default_factory=list)
    close_waits: list[InetSocket] = field(default_factory=list)


class Observation:
    """Add every snapshot in turn. Its memory is that of the last two, not of all sockets that ever were."""

    def __init__(self) -> None:
        self._last: SocketTable | None = None
        self._since: Mapping[int, Since] = {}
        self._remembered: Mapping[int, Remembered] = {}
        self._users: Mapping[int, str] = {}
        self._complete_clock: float | None = None
        self._history = History()

    def add(self, snapshot: Snapshot) -> Generator[None, None, SocketTable]:
        """Join in steps of a few milliseconds. Abandoned before its end, it leaves the memory as it was."""
        join = _Join()
        sockets = snapshot.sockets
        # Only at the end of the look is it certain that what it shows had come about.
        seen = snapshot.clock + snapshot.dump_seconds
        slack = None if self._complete_clock is None else max(0.0, seen - self._complete_clock)
        fresh: dict[int, Since] = {}
        for start in range(0, len(sockets), STEP):
            part = sockets[start : start + STEP]
            join.states.update([s.state for s in part])
            for state in join.states.keys() - fresh.keys():
                fresh[state] = Since(state, seen, slack)
            self._date(part, fresh, join)
            _sort_out(part, snapshot, join)
            yield
        if len(join.by_cookie) < len(sockets):
            single = _without_doubles(sockets, join.by_cookie)
            if len(single) < len(sockets):
                return (yield from self.add(replace(snapshot, sockets=single)))
        for start in range(0, len(join.unheld), STEP):
            self._recall(join.unheld[start : start + STEP], snapshot.owners_read, join)
            yield
        self._keep_absent(snapshot, join)
        yield
        ages = yield from _oldest_ages(snapshot, join)
        return self._commit(snapshot, join, ages)

    def _date(self, part: Sequence[InetSocket], fresh: Mapping[int, Since], join: _Join) -> None:
        """Since when each socket is in its state."""
        earlier = self._since.get
        since = join.since
        for s in part:
            cookie = s.cookie
            known = earlier(cookie)
            since[cookie] = known if known is not None and known[0] == s.state else fresh[s.state]

    def _recall(self, part: Sequence[InetSocket], looked: bool, join: _Join) -> None:
        """What is remembered of sockets that nobody holds now. A stand-in cookie may be another socket's: never."""
        for s in part:
            if s.cookie <= 0:
                continue
            known = self._known(s.cookie)
            if known is None or (s.inode and not known.holders):
                continue
            if s.inode and looked:
                known = known._replace(missed=known.missed + 1)
                if known.missed > MISSES_ALLOWED:
                    continue
            join.remembered[s.cookie] = known

    def _known(self, cookie: int) -> Remembered | None:
        """What the snapshot before knew of a socket: its own memory, else what it saw itself."""
        known = self._remembered.get(cookie)
        if known is not None or self._last is None:
            return known
        before = self._last.by_cookie.get(cookie)
        if before is None or not before.inode:
            return None
        holders = self._last.snapshot.holders.get(before.inode, ())
        return Remembered(holders, before.uid, before.cgroup_id)

    def _keep_absent(self, snapshot: Snapshot, join: _Join) -> None:
        """Keep the newest of the sockets that may be there although this snapshot does not show them.

        An incomplete one proves nothing. A complete one can pass over a few: the kernel counts its way along a
        chain of its hash table, from which an earlier socket may go meanwhile (inet_diag_dump_icsk,
        net/ipv4/inet_diag.c). So what was there the look before is known for one more. A cookie is never given
        to another socket; a stand-in may be.
        """
        if not snapshot.complete:
            absent = [cookie for cookie in self._since if cookie not in join.since]
        elif self._last is not None:
            absent = [cookie for cookie in self._last.by_cookie if cookie not in join.since and cookie > 0]
        else:
            absent = []
        for cookie in absent[:ABSENT_LIMIT]:  # those that went missing last come first
            join.since[cookie] = self._since[cookie]
            known = self._known(cookie) if cookie > 0 else None
            if known is not None:
                join.remembered[cookie] = known

    def _name_users(self, snapshot: Snapshot, join: _Join) -> Mapping[int, str]:
        """A source names the users of this snapshot; those of remembered sockets were named earlier."""
        uids = {known.uid for known in join.remembered.values()}
        return {uid: name for uid, name in self._users.items() if uid in uids} | dict(snapshot.users)

    def _commit(self, snapshot: Snapshot, join: _Join, oldest_ages: Mapping[int, Age]) -> SocketTable:
        lines = self._history.add(snapshot.clock, dict(join.states), oldest_ages)
        table = SocketTable(
            snapshot=snapshot,
            by_cookie=join.by_cookie,
            since=join.since,
            unheld=join.unheld,
            attributor=Attributor(snapshot, join.remembered, join.listeners, join.since),
            users=self._name_users(snapshot, join),
            lines=lines,
        )
        self._users = table.users
        self._last, self._since, self._remembered = table, join.since, join.remembered
        if snapshot.complete:
            self._complete_clock = snapshot.clock
        return table


def _sort_out(part: Sequence[InetSocket], snapshot: Snapshot, join: _Join) -> None:
    """Find the sockets that need more than a look: without a holder, listening, in CLOSE_WAIT."""
    holders = snapshot.holders
    join.by_cookie.update([(s.cookie, s) for s in part])
    join.unheld += [s for s in part if s.inode not in holders]
    join.listeners += [s for s in part if s.state == tcp_state.LISTEN]
    join.close_waits += [s for s in part if s.state == tcp_state.CLOSE_WAIT]


def _without_doubles(sockets: Sequence[InetSocket], by_cookie: Mapping[int, InetSocket]) -> tuple[InetSocket, ...]:
    """A socket that moved while the table was dumped comes twice: its last look counts.

    Stand-in cookies are made from addresses, which several sockets may share: those all stay.
    """
    return tuple(s for s in sockets if s.cookie <= 0 or by_cookie[s.cookie] is s)


def _oldest_ages(snapshot: Snapshot, join: _Join) -> Generator[None, None, dict[int, Age]]:
    """State -> age of its oldest socket, for CLOSE_WAIT."""
    found: Age | None = None
    for start in range(0, len(join.close_waits), STEP):
        part = join.close_waits[start : start + STEP]
        ages = (age_in_state(s, join.since[s.cookie], snapshot.clock) for s in part)
        found = oldest((found, *ages))
        yield
    return {} if found is None else {tcp_state.CLOSE_WAIT: found}
