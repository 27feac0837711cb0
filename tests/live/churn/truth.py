"""What follows from the events of the crowd: who held a socket, who closed it first, since when it is in a state."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sockview.model import tcp_state
from tests.live.churn.events import Did, Event, Identity

_TAKES: Final = frozenset({Did.CONNECT, Did.ACCEPT, Did.LISTEN, Did.HOLD})
_LEAVES: Final = frozenset({Did.CLOSE, Did.RESET})


class Span(NamedTuple):
    """Something happened at one moment between these two."""

    earliest: float
    latest: float

    def either(self, other: Span) -> Span:
        """One of the two things has happened."""
        return Span(min(self.earliest, other.earliest), max(self.latest, other.latest))

    def both(self, other: Span) -> Span:
        """Both things have happened."""
        return Span(max(self.earliest, other.earliest), max(self.latest, other.latest))


class Fin(NamedTuple):
    """The call that made the kernel send the FIN of a socket."""

    when: Span
    by: frozenset[Identity]
    """One process, or several when they let go of the socket at the same time."""


@dataclass(eq=False)
class Hold:
    """A process had a descriptor of a socket."""

    who: Identity
    taken: Span
    left: Span | None = None
    """None: not yet."""
    reset: bool = False


@dataclass
class _Socket:
    holds: list[Hold] = field(default_factory=list)
    shuts: list[tuple[Span, Identity]] = field(default_factory=list)
    peer: int = 0


class Truth:
    """Made from all events; times are as in the events.

    Two processes of one PID that started in the same tick are one here, as they are to everybody else.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self._names: defaultdict[Identity, list[tuple[Span, str]]] = defaultdict(list)
        self._sockets: defaultdict[int, _Socket] = defaultdict(_Socket)
        self._exiting: dict[Identity, float] = {}
        self._open: defaultdict[Identity, list[Hold]] = defaultdict(list)
        """What each process holds, as far as its events have been read."""
        self._reaped: dict[Identity, float] = {}
        self._opened: dict[int, tuple[Span, Identity, str]] = {}
        for event in sorted(events, key=lambda event: event.ended):
            self._take(event)
        self.cookies = frozenset(cookie for cookie, s in self._sockets.items() if s.holds)
        """Of every socket that a process of the crowd had."""

    def _take(self, event: Event) -> None:
        did, when, who, s = event.did, Span(event.began, event.ended), event.who, self._sockets[event.cookie]
        if did in _TAKES:
            hold = Hold(who, when)
            s.holds.append(hold)
            self._open[who].append(hold)
        elif did in _LEAVES:
            hold = next(hold for hold in self._open[who] if hold in s.holds)
            hold.left, hold.reset = when, did is Did.RESET
            self._open[who].remove(hold)
        elif did is Did.SHUT:
            s.shuts.append((when, who))
        elif did is Did.MEET:
            s.peer = int(event.detail)
            self._sockets[s.peer].peer = event.cookie
        elif did is Did.BE:
            self._names[who].append((when, event.detail))
        elif did is Did.EXIT:
            self._exiting[who] = event.began
            self._names[who] += [(when, event.detail)] if event.detail else []
        elif did is Did.GONE:
            for hold in self._open.pop(who, []):  # the kernel closed it
                hold.left = Span(self._exiting.get(who, hold.taken.earliest), event.ended)
        elif did is Did.REAPED:
            self._reaped[who] = event.ended
        if did is Did.CONNECT:
            self._opened[event.cookie] = when, who, event.detail

    # ------------------------------------------------------------ processes
    def names(self, who: Identity, since: float = 0.0, until: float = math.inf) -> set[str]:
        """Every name that a process had at some time between these."""
        found = self._names.get(who, [])
        ends = [when.latest for when, _ in found[1:]] + [math.inf]
        return {name for (when, name), end in zip(found, ends, strict=True) if when.earliest <= until and end >= since}

    def exited(self, who: Identity) -> Span | None:
        """When it began to exit, and when its PID became free; None while it lives."""
        reaped = self._reaped.get(who)
        return None if reaped is None else Span(self._exiting.get(who, -math.inf), reaped)

    # ------------------------------------------------------------ sockets
    def held(self, cookie: int) -> list[Hold]:
        return self._sockets[cookie].holds if cookie in self._sockets else []

    def openers(self) -> dict[str, set[Identity]]:
        """Two ends -> all processes that have ever connected them."""
        found: defaultdict[str, set[Identity]] = defaultdict(set)
        for _, who, ends in self._opened.values():
            found[ends].add(who)
        return found

    def reused_pids(self) -> int:
        """Processes that got the PID of an earlier one."""
        return len(self._names) - len({pid for pid, _ in self._names})

    def fin(self, cookie: int) -> Fin | None:
        """Who took a socket out of ESTABLISHED (or CLOSE_WAIT), and when; None: nobody yet, or by a reset."""
        s = self._sockets[cookie]
        if s.shuts:
            last = min(when.latest for when, _ in s.shuts)
            return _fin((when, who) for when, who in s.shuts if when.earliest <= last)
        left = [(hold.left, hold.who) for hold in s.holds if hold.left is not None]
        if not left or len(left) < len(s.holds) or any(hold.reset for hold in s.holds):
            return None
        last = max(when.earliest for when, _ in left)
        return _fin((when, who) for when, who in left if when.latest >= last)

    def entered(self, cookie: int, state: int, now: float) -> Span | None:
        """When the socket came into the state in which it is now; None where that is not known.

        The kernel's timer of a FIN_WAIT2 that nobody holds runs from its close(), which may come after a half-close:
        its age may count from either.
        """
        s = self._sockets[cookie]
        mine, other = self.fin(cookie), self.fin(s.peer) if s.peer else None
        match state:
            case tcp_state.ESTABLISHED:
                opened = self._opened.get(cookie) or self._opened.get(s.peer)
                return opened and opened[0]
            case tcp_state.CLOSE_WAIT:
                return other and other.when
            case tcp_state.FIN_WAIT2 if mine is not None:
                left = [hold.left for hold in s.holds if hold.left is not None and hold.left.earliest <= now]
                is_orphan = len(left) == len(s.holds)
                return mine.when.either(max(left, key=lambda when: when.latest)) if is_orphan else mine.when
            case tcp_state.FIN_WAIT1 | tcp_state.LAST_ACK:
                return mine and mine.when
            case tcp_state.TIME_WAIT:
                return mine and other and mine.when.both(other.when)
            case _:
                return None


def _fin(calls: Iterable[tuple[Span, Identity]]) -> Fin:
    found = list(calls)
    when = found[0][0]
    for span, _ in found:
        when = when.either(span)
    return Fin(when, frozenset(who for _, who in found))
