"""The memory between snapshots: who held a socket, since when it is in its state, and the counts over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Final

from sockview.model import tcp_state
from sockview.model.age import Since, age_in_state, narrowed
from sockview.model.attribution import Attributor
from sockview.model.counter_growth import CounterGrowth
from sockview.model.facts import Facts
from sockview.model.hidden import count_hidden
from sockview.model.history import History
from sockview.model.join import STEP, Join, proceed, start
from sockview.model.peer_index import PeerIndex
from sockview.model.peers import Peers
from sockview.model.process_trends import Identity, ProcessTrends
from sockview.model.recall import Recall
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts
from sockview.model.tally import Tally
from sockview.model.ties import Ties
from sockview.model.trace_memory import TraceMemory

#: Sockets whose reports are looked for between two yields: about 4 ms if all of them are new.
FOLLOW_STEP: Final = 500


class Observation:
    """Add every snapshot in turn. Its memory is that of the last two, not of all sockets that ever were."""

    def __init__(self) -> None:
        self._last: SocketTable | None = None
        self._join: Join | None = None
        """The join of the last table, where the next one can continue it."""
        self._attributor: Attributor | None = None
        """That of the last table."""
        self._users: Mapping[int, str] = {}
        self._complete_clock: float | None = None
        self._history = History()
        self._trends = ProcessTrends()
        self._growth = CounterGrowth()
        self._reports = TraceMemory()

    def add(self, snapshot: Snapshot) -> Generator[None, None, SocketTable]:
        """Join in steps of a few milliseconds. Abandoned before its end, it leaves the memory as it was, but for
        what the kernel has reported: that is told only once.
        """
        self._reports.take(snapshot.trace)
        last, self._join = self._join, None  # its counts are changed in place: given up, they are of no use
        earlier = Facts(snapshot) if self._attributor is None else self._attributor.facts
        join = None if last is None else (yield from proceed(last, snapshot))
        if join is not None:
            yield from self._sort_out(join, earlier)
        if join is None or len(join.by_cookie) != len(snapshot.sockets):
            last, join = None, (yield from self._begin(snapshot, earlier))
        yield from _narrow(join, last, earlier)
        recall = Recall(earlier, {} if self._last is None else self._last.by_cookie)
        for part in parts(join.new, STEP):
            recall.recall(part, join)
            yield
        yield from self._trace(join, last, earlier)
        recall.keep_absent(join, last)
        yield
        yield from join.find_oldest(last)
        attributor, counts = yield from self._count(join, last)
        return self._commit(join, attributor, counts)

    def _begin(self, snapshot: Snapshot, earlier: Facts) -> Generator[None, None, Join]:
        """A join from nothing, every socket of the snapshot in it once."""
        join = start(snapshot)
        yield from self._sort_out(join, earlier)
        if len(join.by_cookie) < len(snapshot.sockets):
            single = join.without_doubles()
            if len(single) < len(snapshot.sockets):
                # No change leads to these sockets, or from them to others.
                join = start(replace(snapshot, sockets=single, serial=0, change=None))
                yield from self._sort_out(join, earlier)
        return join

    def _sort_out(self, join: Join, earlier: Facts) -> Generator[None, None, None]:
        """Every socket that has come: since when it is in its state, and whether it needs more than that."""
        # Only at the end of the look is it certain that what it shows had come about.
        seen = join.snapshot.clock + join.snapshot.dump_seconds
        slack = None if self._complete_clock is None else max(0.0, seen - self._complete_clock)
        fresh: dict[int, Since] = {}
        for part in parts(join.come, STEP):
            states = Counter([s.state for s in part])
            for state in states.keys() - fresh.keys():
                fresh[state] = Since(state, seen, slack)
            join.states.update(states)
            join.sort_out(part, earlier.since, fresh)
            yield

    def _trace(self, join: Join, last: Join | None, earlier: Facts) -> Generator[None, None, None]:
        """Who opened and who closed each socket, as the kernel reported."""
        yield from self._reports.steps()
        ties = Ties(join.snapshot, join.remembered, join.of_state(tcp_state.LISTEN))
        again = [] if last is None else join.unchanged(last, last.doubtful)
        for s in again:
            del join.traced[s.cookie]
        for part in chain(parts(join.come, FOLLOW_STEP), parts(again, FOLLOW_STEP)):
            found = self._reports.follow(part, join.snapshot, earlier.since, earlier.traced)
            for cookie, told in found.items():
                if earlier.traced.get(cookie) is not told:
                    found[cookie] = ties.believed(join.by_cookie[cookie], told)
            join.traced.update(found)
            join.doubtful += [cookie for cookie, told in found.items() if not (told.certain or told.disbelieved)]
            yield
        join.told.update((s.cookie, s) for s in again if join.traced.get(s.cookie) is not earlier.traced[s.cookie])

    def _count(
        self, join: Join, last: Join | None
    ) -> Generator[None, None, tuple[Attributor, Mapping[Identity, Mapping[int, int]]]]:
        """Who talks to whom, and how many sockets each process has."""
        snapshot = join.snapshot
        facts = Facts(snapshot, join.since, join.remembered, join.traced, join.of_state(tcp_state.LISTEN))
        before = Attributor(facts) if self._attributor is None else self._attributor
        gone, come = join.old, join.new
        if last is None or not facts.counts_on(before.facts):
            join.peers, join.tally = PeerIndex(), Tally()
            gone, come = (), snapshot.sockets
        peers = Peers(clock=snapshot.clock)
        if snapshot.owners_read:
            peers = yield from join.peers.steps(before.facts, gone, facts, come, before.peers)
        attributor = Attributor(facts, peers)
        counts = yield from join.tally.steps(before, gone, attributor, come, join.peers.changed)
        join.count_nameless(before.facts.snapshot)
        return attributor, counts

    def _name_users(self, snapshot: Snapshot, join: Join) -> Mapping[int, str]:
        """A source names the users of this snapshot; those of remembered sockets were named earlier."""
        others = self._users.keys() - snapshot.users.keys()
        uids = {known.uid for known in join.remembered.values()} if others else set()
        return {**snapshot.users, **{uid: self._users[uid] for uid in others if uid in uids}}

    def _commit(self, join: Join, attributor: Attributor, counts: Mapping[Identity, Mapping[int, int]]) -> SocketTable:
        snapshot, oldest = join.snapshot, join.oldest
        age = None if oldest is None else age_in_state(oldest, join.since[oldest.cookie], snapshot.clock)
        ages = {} if age is None else {tcp_state.CLOSE_WAIT: age}
        table = SocketTable(
            snapshot=snapshot,
            by_cookie=join.by_cookie,
            since=join.since,
            by_state=join.by_state,
            hidden=count_hidden(join, attributor),
            attributor=attributor,
            users=self._name_users(snapshot, join),
            lines=self._history.add(snapshot.clock, dict(join.states), ages),
            trend=self._trends.add(snapshot.clock, counts),
            growth=self._growth.add(snapshot.clock, snapshot.limits.counters),
        )
        self._users = table.users
        self._last, self._join, self._attributor = table, join, attributor
        self._reports.forget(snapshot)
        if snapshot.complete:
            self._complete_clock = snapshot.clock
        return table


def _narrow(join: Join, last: Join | None, earlier: Facts) -> Generator[None, None, None]:
    """What the kernel tells of each CLOSE_WAIT, also of one that is older than this memory: once for all."""
    told, before = join.snapshot.close_wait_times, earlier.snapshot.close_wait_times
    again = [] if last is None or told is before else join.unchanged(last, [one for one in told if one not in before])
    for part in chain(parts(join.come, STEP), parts(again, STEP)):
        for s in [s for s in part if s.state == tcp_state.CLOSE_WAIT and s.cookie > 0]:
            entered, since = told.get(s.cookie), join.since[s.cookie]
            if entered is not None and (s.cookie not in before or since is not earlier.since.get(s.cookie)):
                join.since[s.cookie] = narrowed(since, entered)
        yield
    join.told.update((s.cookie, s) for s in again)
