"""How many CLOSE_WAIT and TIME_WAIT sockets each process owns, counted look by look at the cost of what changed.

Whose a socket is can be known from itself: who holds it, held it, or closed it. Such sockets count until something new
is known of them. Of the others the ends tell who likely had them, and that may change while they stay as they are:
these are counted by their ends, and how many of them count for whom is asked at each look.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Final, NamedTuple

from sockview.model.attribution import Attributor
from sockview.model.counting import add
from sockview.model.inet_socket import TIMER_TIME_WAIT, InetSocket
from sockview.model.peers import Peers, RemoteEnd, Talkers, end_of
from sockview.model.process_trends import STATES, Identity
from sockview.model.steps import parts

#: Sockets whose owners are looked for between two yields: about 5 ms if the kernel has reported who closed them.
STEP: Final = 1000

_Counted = tuple[Identity, int]
"""Process and state."""


class _LocalEnd(NamedTuple):
    """Where somebody listens."""

    state: int
    protocol: int
    address: bytes
    port: int


class _Closed(NamedTuple):
    """Sockets to one remote end, which differ in nothing but the moment at which they were closed."""

    end: RemoteEnd
    state: int
    in_sight: bool
    """They came into the state while sockview looked on."""


class Tally:
    """`steps` for each look in turn. Given up before their end, it is of no use any more."""

    def __init__(self) -> None:
        self._counts: dict[_Counted, int] = {}
        """What is known from the sockets themselves, and of the remote ends as `_likely` has it."""
        self._at_listeners: dict[_LocalEnd, int] = {}
        self._examples: dict[_LocalEnd, InetSocket] = {}
        self._closed: dict[_Closed, array[float]] = {}
        """Sockets that tell no more than their remote end -> `Facts.closed_by` of each, sorted."""
        self._likely: dict[RemoteEnd, dict[_Counted, int]] = {}
        """What sockets to a remote end were counted as at the last look."""
        self._asked: dict[int, InetSocket] = {}
        """Those that have to be looked at each time, by their identity as objects."""

    def steps(
        self,
        before: Attributor,
        gone: Sequence[InetSocket],
        now: Attributor,
        come: Sequence[InetSocket],
        changed: Collection[RemoteEnd],
    ) -> Generator[None, None, Mapping[Identity, Mapping[int, int]]]:
        """(PID, start) -> state -> sockets.

        `gone` count no more, as `before` answered for them; `come` are new, or something new is known of them. To a
        new tally all sockets come. `changed` are the remote ends whose talkers are not what they were.
        """
        touched = set(changed)
        for sockets, attributor, sign in ((gone, before, -1), (come, now, 1)):
            closed: defaultdict[_Closed, list[float]] = defaultdict(list)
            for part in parts([s for s in sockets if s.state in STATES], STEP):
                for s in part:
                    self._take(s, attributor, sign, closed)
                yield
            for keys in parts(tuple(closed), STEP):
                self._close({key: closed[key] for key in keys}, sign)
                yield
            touched.update(key.end for key in closed)
        for ends in parts(tuple(touched), STEP):
            self._renew(ends, now.peers)
            yield
        counts: dict[Identity, dict[int, int]] = {}
        for (identity, state), count in self._counts.items():
            counts.setdefault(identity, {})[state] = count
        yield from self._add_likely(counts, now)
        return counts

    def _take(self, s: InetSocket, attributor: Attributor, sign: int, closed: dict[_Closed, list[float]]) -> None:
        """Count a socket, or take back that it was counted; in `closed` comes what is counted by the remote end."""
        facts = attributor.facts
        known, told = facts.remembered.get(s.cookie), facts.traced.get(s.cookie)
        if s.inode or (known and known.holders) or (told and told.closer):
            for claim in attributor.claims(s):
                add(self._counts, (claim.process.identity, s.state), sign)
        elif told is not None:
            self._ask(s, sign)
        elif s.local_port in facts.listening:
            end = _LocalEnd(s.state, s.protocol, s.local_address, s.local_port)
            self._examples[end] = s
            if not add(self._at_listeners, end, sign):
                del self._examples[end]
        elif (
            s.timer == TIMER_TIME_WAIT and s.read_at is None
        ):  # how long ago it was closed is not the same at each look
            self._ask(s, sign)
        elif s.remote_port:
            closed[_Closed(end_of(s), s.state, facts.began_in_sight(s))].append(facts.closed_by(s))

    def _ask(self, s: InetSocket, sign: int) -> None:
        if sign > 0:
            self._asked[id(s)] = s
        else:
            del self._asked[id(s)]

    def _close(self, closed: Mapping[_Closed, list[float]], sign: int) -> None:
        """Put these moments in, or take them out."""
        for key, moments in closed.items():
            kept = self._closed.get(key) or array("d")
            if sign < 0:
                kept = _without(kept, moments)
            elif len(moments) > len(kept):
                kept = array("d", sorted((*kept, *moments)))
            else:
                for moment in moments:  # the last ones as a rule: little is moved
                    insort(kept, moment)
            if kept:
                self._closed[key] = kept
            else:
                del self._closed[key]

    def _renew(self, ends: Sequence[RemoteEnd], peers: Peers) -> None:
        """Count anew what goes by these remote ends."""
        for end in ends:
            for counted, count in self._likely.pop(end, {}).items():
                add(self._counts, counted, -count)
            talkers = peers.talkers.get(end)
            likely = self._likely_at(end, talkers) if talkers is not None else {}
            if likely:
                self._likely[end] = likely
            for counted, count in likely.items():
                add(self._counts, counted, count)

    def _likely_at(self, end: RemoteEnd, talkers: Talkers) -> dict[_Counted, int]:
        """As `Attributor.likely` has it: of the one that talks to it are those that were closed since it came."""
        found: dict[_Counted, int] = {}
        for state in STATES:
            for in_sight in (False, True):
                moments, only = self._closed.get(_Closed(end, state, in_sight)), talkers.only(unseen=in_sight)
                if moments and only is not None:
                    add(found, (only.identity, state), len(moments) - bisect_left(moments, talkers.since))
        return found

    def _add_likely(self, counts: dict[Identity, dict[int, int]], now: Attributor) -> Generator[None, None, None]:
        """What is asked at each look."""
        claimed = [
            (end.state, [owner.process.identity for owner in now.likely(self._examples[end]).owners], count)
            for end, count in self._at_listeners.items()
        ]
        for part in parts(tuple(self._asked.values()), STEP):
            claimed += [(s.state, [claim.process.identity for claim in now.claims(s)], 1) for s in part]
            yield
        for state, identities, count in claimed:
            for identity in identities:
                add(counts.setdefault(identity, {}), state, count)


def _without(moments: array[float], gone: Sequence[float]) -> array[float]:
    """What is left, in one pass over the moments, which are many."""
    left, start = array("d"), 0
    for moment in sorted(gone):
        at = bisect_left(moments, moment, start)
        left += moments[start:at]
        start = at + 1
    return left + moments[start:]
