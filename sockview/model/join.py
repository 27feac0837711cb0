"""What is gathered while a snapshot is joined: it becomes the memory when the join is whole.

A join starts from nothing, or it continues the last one: where the source tells what has changed since that, only the
change is gone through. Both ways lead to the same table.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from sockview.model import tcp_state
from sockview.model.age import Since
from sockview.model.facts import Remembered
from sockview.model.inet_socket import InetSocket
from sockview.model.peer_index import PeerIndex
from sockview.model.snapshot import Change, Snapshot
from sockview.model.steps import parts
from sockview.model.tally import Tally
from sockview.model.trace_memory import Traced

#: Sockets joined between two yields: about 2 ms.
STEP: Final = 5000


@dataclass(slots=True)
class Join:
    """The parts of a table that is being made, and what the next join needs of it. Of the parts of a table that is made
    nothing changes any more: the next join copies them.
    """

    snapshot: Snapshot
    come: Sequence[InetSocket]
    """Those that the join it continues did not have; without one, all."""
    gone: Sequence[InetSocket] = ()
    """Those that only the join had which it continues."""
    told: dict[int, InetSocket] = field(default_factory=dict)
    """By cookie: the others of which something new may be known."""
    by_cookie: dict[int, InetSocket] = field(default_factory=dict)
    since: dict[int, Since] = field(default_factory=dict)
    remembered: dict[int, Remembered] = field(default_factory=dict)
    traced: dict[int, Traced] = field(default_factory=dict)
    states: Counter[int] = field(default_factory=Counter)
    by_state: dict[int, dict[int, InetSocket]] = field(default_factory=dict)
    """State -> by cookie, its sockets; but for the ESTABLISHED, of which there are most."""
    absent: Sequence[int] = ()
    """Cookies of sockets that the snapshot does not show, but which may be there."""
    missed: list[int] = field(default_factory=list)
    """Cookies of those that are remembered although they were last seen with an inode."""
    doubtful: list[int] = field(default_factory=list)
    """Cookies of those of which a later look may tell more of what was reported."""
    nameless: int = 0
    """Sockets that have an inode, but no holder that was seen."""
    flying: dict[int, InetSocket] = field(default_factory=dict)
    """These themselves, by their identity as objects, where the source may see every process: they are few then."""
    oldest: InetSocket | None = None
    """The CLOSE_WAIT that is known to be one for longest."""
    peers: PeerIndex = field(default_factory=PeerIndex)
    tally: Tally = field(default_factory=Tally)

    def sort_out(self, part: Sequence[InetSocket], earlier: Mapping[int, Since], fresh: Mapping[int, Since]) -> None:
        """Enter sockets that have come, and since when each is in its state: `fresh` tells that of a new state."""
        self.by_cookie.update([(s.cookie, s) for s in part])
        since = self.since
        for s in part:
            cookie = s.cookie
            known = earlier.get(cookie)
            since[cookie] = known if known is not None and known[0] == s.state else fresh[s.state]
        for s in [s for s in part if s.state != tcp_state.ESTABLISHED]:
            self.by_state.setdefault(s.state, {})[s.cookie] = s

    def of_state(self, state: int) -> list[InetSocket]:
        """The sockets in a state other than ESTABLISHED."""
        return list(self.by_state.get(state, {}).values())

    def find_oldest(self, last: Join | None) -> Generator[None, None, None]:
        """Look for the oldest CLOSE_WAIT: among all, if it is not the one of the `last` join or one that came."""
        before = None if last is None else last.oldest
        if last is None or (before is not None and not self._is_as_in(last, before)):
            sockets = self.of_state(tcp_state.CLOSE_WAIT)
        else:
            new = [s for s in self.new if s.state == tcp_state.CLOSE_WAIT]
            sockets = new if before is None else [before, *new]
        best: tuple[float, float, int] | None = None
        for part in parts(sockets, STEP):
            ranks = [(*_rank(self.since[s.cookie]), s.cookie) for s in part]
            first = min(ranks)
            best = first if best is None else min(best, first)
            yield
        self.oldest = None if best is None else self.by_cookie[best[2]]

    def _is_as_in(self, last: Join, s: InetSocket) -> bool:
        return self.by_cookie.get(s.cookie) is s and self.since[s.cookie] is last.since[s.cookie]

    def unchanged(self, last: Join, cookies: Iterable[int]) -> list[InetSocket]:
        """Of the sockets with these cookies those that are what they were."""
        then, now = last.by_cookie.get, self.by_cookie.get
        return [s for cookie in cookies if (s := now(cookie)) is not None and then(cookie) is s]

    @property
    def old(self) -> Sequence[InetSocket]:
        """What the join that it continues had and knew, and this one does not."""
        return [*self.gone, *self.told.values()]

    @property
    def new(self) -> Sequence[InetSocket]:
        """What this one has or may know, and the join that it continues did not."""
        return [*self.come, *self.told.values()] if self.told else self.come

    def count_nameless(self, before: Snapshot) -> None:
        """Count those that nobody is seen to hold although somebody could; `before` is the snapshot it continues."""
        old, new = _nameless(self.old, before), _nameless(self.new, self.snapshot)
        self.nameless += len(new) - len(old)
        if self.snapshot.privileged:
            for s in old:
                del self.flying[id(s)]
            self.flying.update((id(s), s) for s in new)

    def without_doubles(self) -> tuple[InetSocket, ...]:
        """A socket that moved while the table was dumped comes twice: its last look counts.

        Stand-in cookies are made from addresses, which several sockets may share: those all stay.
        """
        return tuple(s for s in self.snapshot.sockets if s.cookie <= 0 or self.by_cookie[s.cookie] is s)


def _nameless(sockets: Sequence[InetSocket], snapshot: Snapshot) -> list[InetSocket]:
    holders = snapshot.holders
    return [s for s in sockets if s.inode and s.inode not in holders]


def _rank(since: Since) -> tuple[float, float]:
    """The least is the oldest."""
    return since.clock, -math.inf if since.slack is None else -since.slack


def start(snapshot: Snapshot) -> Join:
    """A join from nothing."""
    return Join(snapshot, snapshot.sockets)


def proceed(last: Join, snapshot: Snapshot) -> Generator[None, None, Join | None]:
    """One that continues the `last`, in steps of a few milliseconds; what has come is not entered yet.

    None where that is not possible, or not the shorter way.
    """
    change = snapshot.change
    if change is None or not _leads(change, last.snapshot, snapshot):
        return None
    join = Join(snapshot, change.come, change.gone, nameless=last.nameless, flying=last.flying)
    join.peers, join.tally = last.peers, last.tally
    join.by_cookie = last.by_cookie.copy()
    if any(join.by_cookie.pop(s.cookie, None) is not s for s in change.gone):
        return None
    yield
    join.since = last.since.copy()
    yield
    join.remembered, join.traced = last.remembered.copy(), last.traced.copy()
    join.states = last.states - Counter([s.state for s in change.gone])
    join.by_state = {state: sockets.copy() for state, sockets in last.by_state.items()}
    yield
    for s in [s for s in change.gone if s.state != tcp_state.ESTABLISHED]:
        del join.by_state[s.state][s.cookie]
    for cookie in chain(last.absent, [s.cookie for s in change.gone]):
        del join.since[cookie]
        join.remembered.pop(cookie, None)
        join.traced.pop(cookie, None)
    _find_told(join, last, change)
    return join


def _leads(change: Change, before: Snapshot, now: Snapshot) -> bool:
    """Whether a join can go by it: an incomplete look proves nothing, and without the holders nothing is counted."""
    if not now.serial or change.since != before.serial or now.clock < before.clock + before.dump_seconds:
        return False
    whole = all(one.complete and one.owners_read for one in (before, now))
    return whole and now.privileged == before.privileged and len(change.come) <= len(now.sockets) // 2 + STEP


def _find_told(join: Join, last: Join, change: Change) -> None:
    """The sockets that have not changed, but whose holders are others, or are still missed."""
    changed = join.told
    changed.update((s.cookie, s) for s in change.reheld)
    changed.update((s.cookie, s) for s in join.unchanged(last, last.missed))
    for cookie in changed:
        join.remembered.pop(cookie, None)
