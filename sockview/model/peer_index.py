"""Counts, look by look, who talks to the remote ends of sockets whose owner is not known: at the cost of what changed.

Asked are the ends of sockets that have no inode, on whose local port nobody listens, and whose owner neither memory
nor trace names. Where somebody listens on the local port the remote end is a client: such sockets tell nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Container, Generator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sockview.model import tcp_state
from sockview.model.age import Since
from sockview.model.counting import add
from sockview.model.facts import Facts
from sockview.model.inet_socket import TIME_WAIT_SECONDS, InetSocket
from sockview.model.owner import Process, identity_of
from sockview.model.peers import LOOKS, NOBODY, Peers, RemoteEnd, Talkers, end_of
from sockview.model.steps import parts

#: Sockets looked at, and ends, between two yields: a few milliseconds if all of these sockets are to be counted.
STEP: Final = 2000
ENDS_STEP: Final = 200
#: Seconds after which it does not matter any more who talked to an end: what was left then has gone since.
MEMORY: Final = TIME_WAIT_SECONDS
#: Processes remembered of one end; from two on none is claimed.
MOST_PAST: Final = 20

_Identity = tuple[int, int]


@dataclass(slots=True)
class _Tied:
    """What the sockets to one end tell, each counted for as long as it is there."""

    held: dict[Process, int] = field(default_factory=dict)
    """Who holds some now."""
    past: dict[Process, int] = field(default_factory=dict)
    """Who held or closed some that nobody holds any more."""
    opened: dict[float, int] = field(default_factory=dict)
    """Monotonic seconds after which those that are held were opened."""
    misses: int = 0
    """Those of which no holder was seen."""
    since: float = math.inf
    """The least of `opened` when last asked."""


class PeerIndex:
    """`steps` for each look in turn. Given up before their end, it is of no use any more."""

    def __init__(self) -> None:
        self._asked: dict[RemoteEnd, int] = {}
        """Asked end -> sockets that ask."""
        self._tied: dict[RemoteEnd, _Tied] = {}
        """Of the asked ends, without those of which there is nothing to tell."""
        self._unsettled: set[RemoteEnd] = set()
        """Those of which the next look may tell something else although no socket changes."""
        self._first = True
        self.changed: frozenset[RemoteEnd] = frozenset()
        """Those whose talkers are not what they were at the look before."""

    def steps(
        self, before: Facts, gone: Sequence[InetSocket], facts: Facts, come: Sequence[InetSocket], earlier: Peers
    ) -> Generator[None, None, Peers]:
        """Who talks to each asked end at this look, a few milliseconds a step.

        `gone` are to be forgotten, as they were known `before`; `come` are new, or something new is known of them. To
        a new index all sockets come. `earlier` are those of the look before: of the ends that are asked for still,
        who talked to them is remembered for a minute.
        """
        fresh, touched = yield from self._ask(before, gone, facts, come)
        touched |= set(earlier.talkers) if self._first else self._unsettled
        self._first = False
        if len(fresh) < len(self._asked):
            for sockets, known, sign in ((gone, before, -1), (come, facts, 1)):
                for part in parts(sockets, STEP):
                    touched |= self._enter(part, known, sign, self._asked, fresh)
                    yield
        if fresh:
            addresses = {address for _protocol, address, _port in fresh}
            for part in parts(facts.snapshot.sockets, STEP):
                touched |= self._enter([s for s in part if s.remote_address in addresses], facts, 1, fresh)
                yield
        return (yield from self._renew(touched, facts, earlier))

    def _ask(
        self, before: Facts, gone: Sequence[InetSocket], facts: Facts, come: Sequence[InetSocket]
    ) -> Generator[None, None, tuple[set[RemoteEnd], set[RemoteEnd]]]:
        """The ends that are asked for now and were not, and those that were and are not."""
        more: dict[RemoteEnd, int] = {}
        for sockets, known, sign in ((gone, before, -1), (come, facts, 1)):
            for part in parts(sockets, STEP):
                for end in map(end_of, _asking(part, known)):
                    more[end] = more.get(end, 0) + sign
                yield
        fresh, dropped = set(), set()
        for number, (end, count) in enumerate(more.items(), 1):
            if count and end not in self._asked:
                fresh.add(end)
            if not add(self._asked, end, count):
                dropped.add(end)
                self._tied.pop(end, None)
            if number % STEP == 0:
                yield
        return fresh, dropped

    def _enter(
        self,
        sockets: Sequence[InetSocket],
        facts: Facts,
        sign: int,
        ends: Container[RemoteEnd],
        besides: Container[RemoteEnd] = (),
    ) -> set[RemoteEnd]:
        """Count what these sockets tell of `ends`, or take it back; the ends of which something else may be known."""
        touched = set()
        listening, holders_of, since_of = facts.listening, facts.snapshot.holders.get, facts.since.get
        alike: dict[tuple[RemoteEnd, Process, float], int] = {}
        for s in [s for s in sockets if s.remote_port and s.local_port not in listening]:
            end = end_of(s)
            if end not in ends or end in besides:
                continue
            held = holders_of(s.inode) if s.inode else None
            if held and len(held) == 1:  # nearly all of those that are held, and a process has many
                key = (end, held[0].process, _opened_after(s, since_of(s.cookie)))
                alike[key] = alike.get(key, 0) + sign
            elif self._count(s, end, facts, sign):
                touched.add(end)
        for (end, process, moment), number in alike.items():
            if self._count_held(end, process, moment, number):
                touched.add(end)
        return touched

    def _count_held(self, end: RemoteEnd, process: Process, moment: float, number: int) -> bool:
        """The same as `_count` of so many sockets that one process holds, opened after the same moment."""
        tied = self._tied.setdefault(end, _Tied())
        only = max(0, number)
        is_other = add(tied.held, process, number) == only
        is_other |= add(tied.opened, moment, number) == only and moment <= tied.since
        if not (tied.held or tied.past or tied.misses):
            del self._tied[end]
        return is_other

    def _count(self, s: InetSocket, end: RemoteEnd, facts: Facts, sign: int) -> bool:
        """Whether the talkers of the end may be others by that: it is the first that tells a thing, or was the last."""
        held, past = facts.snapshot.holders.get(s.inode, ()) if s.inode else (), _past_of(s, facts)
        if not s.inode and past is None:
            return False
        tied = self._tied.get(end)
        if tied is None:
            tied = self._tied[end] = _Tied()
        only = 1 if sign > 0 else 0
        is_other = False
        for process in (held[0].process,) if len(held) == 1 else {holder.process for holder in held}:
            is_other |= add(tied.held, process, sign) == only
        for process in past or ():
            is_other |= add(tied.past, process, sign) == only
        if held:
            moment = _opened_after(s, facts.since.get(s.cookie))
            is_other |= add(tied.opened, moment, sign) == only and moment <= tied.since
        elif not past:
            tied.misses += sign
            is_other |= tied.misses == only
        if not (tied.held or tied.past or tied.misses):
            del self._tied[end]
        return is_other

    def _renew(self, touched: set[RemoteEnd], facts: Facts, earlier: Peers) -> Generator[None, None, Peers]:
        """The talkers of all ends, made anew for those of which something else may be known."""
        talkers = dict(earlier.talkers)
        changed, unsettled = set(), set()
        for number, end in enumerate(touched, 1):
            old = talkers.get(end, NOBODY)
            new = self._talkers(self._tied.get(end), old, facts, earlier.clock) if end in self._asked else NOBODY
            if new != old:
                changed.add(end)
                talkers[end] = new
            if new is NOBODY:
                talkers.pop(end, None)
            elif new.left or (new.processes and 0 < new.looks < LOOKS):
                unsettled.add(end)
            if number % ENDS_STEP == 0:
                yield
        self._unsettled, self.changed = unsettled, frozenset(changed)
        return Peers(talkers, facts.snapshot.clock)

    def _talkers(self, tied: _Tied | None, old: Talkers, facts: Facts, last: float) -> Talkers:
        """Those of one end, with the `old` ones of the look at `last`, as far as that is of use."""
        tied = tied or _Tied()
        held, heard = _by_identity(tied.held), _by_identity((*old.processes, *old.past))
        here = _by_identity(tied.past) | held
        tied.since = min(tied.opened, default=math.inf)
        gone = heard.keys() - here.keys()
        left = _still_known({one: old.left.get(one, last) for one in gone}, facts, len(here)) if gone else {}
        everyone = here | {identity: heard[identity] for identity in left}
        if not everyone:
            return NOBODY
        earlier = old.looks if heard.keys() <= everyone.keys() else 0
        return Talkers(
            processes=tuple(map(held.__getitem__, sorted(held))),
            past=tuple(map(everyone.__getitem__, sorted(everyone.keys() - held.keys()))),
            hidden=tied.misses > 0 and facts.may_be_hidden,
            in_flight=tied.misses > 0,
            since=tied.since if held else -math.inf,
            left=left,
            looks=min(LOOKS, earlier + len(held)) if len(everyone) == 1 else 0,
        )


def _by_identity(processes: Collection[Process]) -> dict[_Identity, Process]:
    """Of one that was seen under two names the last in their order, so that it does not depend on that of the looks."""
    found = dict(zip(map(identity_of, processes), processes, strict=True))
    if len(found) < len(processes):
        found = {process.identity: process for process in sorted(processes)}
    return found


def _still_known(left: dict[_Identity, float], facts: Facts, here: int) -> dict[_Identity, float]:
    """Of those that left, the ones to be remembered: those of the last minute, if there are too many the last ones."""
    recent = [(clock, identity) for identity, clock in left.items() if facts.snapshot.clock - clock <= MEMORY]
    recent.sort(reverse=True)
    return {identity: clock for clock, identity in recent[: max(0, MOST_PAST - here)]}


def _asking(sockets: Sequence[InetSocket], facts: Facts) -> list[InetSocket]:
    """Those whose owner neither memory nor trace names, nobody being able to hold them."""
    listening, remembered, traced = facts.listening, facts.remembered.get, facts.traced.get
    return [
        s
        for s in sockets
        if not s.inode
        and s.remote_port
        and s.local_port not in listening
        and not ((known := remembered(s.cookie)) and known.holders)
        and not ((told := traced(s.cookie)) and told.closer)
    ]


def _past_of(s: InetSocket, facts: Facts) -> set[Process] | None:
    """Who held or closed a socket that nobody holds any more; None where nothing is known of its past."""
    if s.inode:
        return None
    known, told = facts.remembered.get(s.cookie), facts.traced.get(s.cookie)
    found = {*(holder.process for holder in known.holders)} if known else set()
    found.update(told.closers if told else ())
    return found if known or found else None


def _opened_after(s: InetSocket, since: Since | None) -> float:
    """Monotonic seconds; minus infinity where it is not known."""
    if since is None or since.slack is None or s.state != tcp_state.ESTABLISHED:
        return -math.inf
    return since.clock - since.slack
