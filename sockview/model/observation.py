"""The memory between snapshots: who held a socket, since when it is in its state, and the counts over time."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sockview.model.age import Since, narrowed
from sockview.model.attribution import Attributor, Remembered
from sockview.model.counter_growth import CounterGrowth
from sockview.model.history import History
from sockview.model.inet_socket import InetSocket
from sockview.model.join import STEP, Join
from sockview.model.peers import Peers
from sockview.model.process_trends import ProcessTrends
from sockview.model.query import Age
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.ties import Ties
from sockview.model.trace_memory import Traced, TraceMemory

#: Sockets whose reports are looked for between two yields: about 4 ms if all of them are new.
FOLLOW_STEP: Final = 500

#: How many sockets that a snapshot did not show are kept in memory.
ABSENT_LIMIT: Final = 50_000

#: A socket closed between the dump and the look at the descriptors shows an inode and no holder, once.
#: Seen so a second time it has another holder, one that can't be seen, and the memory is void.
MISSES_ALLOWED: Final = 1


class Observation:
    """Add every snapshot in turn. Its memory is that of the last two, not of all sockets that ever were."""

    def __init__(self) -> None:
        self._last: SocketTable | None = None
        self._since: Mapping[int, Since] = {}
        self._remembered: Mapping[int, Remembered] = {}
        self._traced: Mapping[int, Traced] = {}
        self._users: Mapping[int, str] = {}
        self._complete_clock: float | None = None
        self._history = History()
        self._trends = ProcessTrends()
        self._growth = CounterGrowth()
        self._reports = TraceMemory()
        self._peers = Peers()

    def add(self, snapshot: Snapshot) -> Generator[None, None, SocketTable]:
        """Join in steps of a few milliseconds. Abandoned before its end, it leaves the memory as it was, but for
        what the kernel has reported: that is told only once.
        """
        self._reports.take(snapshot.trace)
        join = yield from self._sort_out(snapshot)
        if len(join.by_cookie) < len(snapshot.sockets):
            single = join.without_doubles(snapshot.sockets)
            if len(single) < len(snapshot.sockets):
                snapshot = replace(snapshot, sockets=single)
                join = yield from self._sort_out(snapshot)
        yield from self._narrow(snapshot, join)
        for start in range(0, len(join.unheld), STEP):
            self._recall(join.unheld[start : start + STEP], snapshot.owners_read, join)
            yield
        yield from self._trace(snapshot, join)
        self._keep_absent(snapshot, join)
        yield
        ages = yield from join.oldest_close_wait(snapshot)
        peers = yield from Peers.steps(
            snapshot, join.unheld, join.listeners, join.remembered, join.traced, join.since, self._peers
        )
        attributor = Attributor(snapshot, join.remembered, join.listeners, join.since, join.traced, peers)
        counts = yield from join.count_by_process(attributor)
        self._peers = peers
        return self._commit(snapshot, join, attributor, ages, counts)

    def _sort_out(self, snapshot: Snapshot) -> Generator[None, None, Join]:
        """Every socket once: since when it is in its state, and which of them need more than that."""
        join = Join()
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
            join.sort_out(part, snapshot)
            yield
        return join

    def _date(self, part: Sequence[InetSocket], fresh: Mapping[int, Since], join: Join) -> None:
        """Since when each socket is in its state."""
        earlier = self._since.get
        since = join.since
        for s in part:
            cookie = s.cookie
            known = earlier(cookie)
            since[cookie] = known if known is not None and known[0] == s.state else fresh[s.state]

    def _narrow(self, snapshot: Snapshot, join: Join) -> Generator[None, None, None]:
        """What the kernel tells of each CLOSE_WAIT, also of one that is older than this memory."""
        times_of, since = snapshot.close_wait_times, join.since
        seen = snapshot.clock + snapshot.dump_seconds
        for start in range(0, len(join.close_waits), STEP):
            for s in join.close_waits[start : start + STEP]:
                times = times_of.get(s.cookie)
                if times is not None and s.cookie > 0:
                    since[s.cookie] = narrowed(since[s.cookie], times, seen)
            yield

    def _trace(self, snapshot: Snapshot, join: Join) -> Generator[None, None, None]:
        """Who opened and who closed each socket, as the kernel reported."""
        yield from self._reports.steps()
        ties = Ties(snapshot, join.remembered, join.listeners)
        for start in range(0, len(snapshot.sockets), FOLLOW_STEP):
            part = snapshot.sockets[start : start + FOLLOW_STEP]
            found = self._reports.follow(part, snapshot, self._since, self._traced)
            for cookie, told in found.items():
                if self._traced.get(cookie) is not told:
                    found[cookie] = ties.believed(join.by_cookie[cookie], told)
            join.traced.update(found)
            yield

    def _recall(self, part: Sequence[InetSocket], looked: bool, join: Join) -> None:
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

    def _keep_absent(self, snapshot: Snapshot, join: Join) -> None:
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
            if cookie in self._traced:
                join.traced[cookie] = self._traced[cookie]

    def _name_users(self, snapshot: Snapshot, join: Join) -> Mapping[int, str]:
        """A source names the users of this snapshot; those of remembered sockets were named earlier."""
        uids = {known.uid for known in join.remembered.values()}
        return {uid: name for uid, name in self._users.items() if uid in uids} | dict(snapshot.users)

    def _commit(
        self,
        snapshot: Snapshot,
        join: Join,
        attributor: Attributor,
        oldest_ages: Mapping[int, Age],
        counts: Mapping[tuple[int, int], Mapping[int, int]],
    ) -> SocketTable:
        table = SocketTable(
            snapshot=snapshot,
            by_cookie=join.by_cookie,
            since=join.since,
            unheld=join.unheld,
            attributor=attributor,
            users=self._name_users(snapshot, join),
            lines=self._history.add(snapshot.clock, dict(join.states), oldest_ages),
            trend=self._trends.add(snapshot.clock, counts),
            growth=self._growth.add(snapshot.clock, snapshot.limits.counters),
        )
        self._users = table.users
        self._last, self._since = table, join.since
        self._remembered, self._traced = join.remembered, join.traced
        self._reports.forget(snapshot)
        if snapshot.complete:
            self._complete_clock = snapshot.clock
        return table
