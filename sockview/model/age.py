"""How long a socket has been in its state: exact from the kernel's timer, else since it was first seen so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from sockview.model import tcp_state
from sockview.model.inet_socket import TIME_WAIT_SECONDS, TIMER_TIME_WAIT, InetSocket
from sockview.model.query import Age

#: Seconds by which a timer and what was seen may differ: a dump is no single instant.
TOLERANCE: Final = 2.0


class Since(NamedTuple):
    """When a socket was first seen in a state. One value serves all that came into it in one snapshot."""

    state: int
    clock: float
    """Monotonic seconds at which the first snapshot that showed it in this state had been read."""
    slack: float | None
    """Seconds before `clock` in which it may have come into the state; None: no bound is known."""


def age_in_state(s: InetSocket, since: Since | None, clock: float) -> Age | None:
    """Age of `s` in a snapshot taken at `clock`; None when nothing is known.

    TIME_WAIT lasts a constant 60 s, so what its timer has left tells its age at the first look, unless that
    contradicts what was seen: the timer starts anew when the peer sends its FIN again (RFC 9293 3.10.7.4).
    A TIME_WAIT timer on another state (an orphaned FIN_WAIT2) runs for another time and is not used.
    A stand-in cookie names a pair of ends: the age is then that of the pair in this state.
    """
    seen = None if since is None else _since_seen(since, clock)
    if s.state == tcp_state.TIME_WAIT and s.timer == TIMER_TIME_WAIT:
        passed = max(0.0, TIME_WAIT_SECONDS - s.expires_ms / 1000)
        if seen is None or _may_be(passed, seen):
            return Age(passed, passed)
    return seen


def _since_seen(since: Since, clock: float) -> Age:
    seconds = clock - since.clock
    return Age(max(0.0, seconds), None if since.slack is None else max(0.0, seconds + since.slack))


def _may_be(seconds: float, age: Age) -> bool:
    return seconds + TOLERANCE >= age.at_least and (age.at_most is None or seconds <= age.at_most + TOLERANCE)


def age_rank(age: Age | None) -> tuple[float, float]:
    """Sort key, youngest first: by what is known for certain, then by what is possible; unknown is youngest."""
    if age is None:
        return (-1.0, -1.0)
    return (age.at_least, math.inf if age.at_most is None else age.at_most)


def oldest(ages: Iterable[Age | None]) -> Age | None:
    """The oldest of the ages, None if there is none."""
    return max(ages, key=age_rank, default=None)
