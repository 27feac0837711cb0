"""How long a socket has been in its state: exact from the kernel's timer, else since it was first seen so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from sockview.model import tcp_state
from sockview.model.inet_socket import TIME_WAIT_SECONDS, TIMER_TIME_WAIT, InetSocket
from sockview.model.query import Age


class Since(NamedTuple):
    """When a socket was first seen in a state. One value serves all that came into it in one snapshot."""

    state: int
    clock: float
    """Monotonic seconds of the first snapshot that showed it in this state."""
    slack: float | None
    """Seconds before `clock` in which it may have come into the state; None: no bound is known."""


def age_in_state(s: InetSocket, since: Since | None, clock: float) -> Age | None:
    """Age of `s` in a snapshot taken at `clock`; None when nothing is known.

    TIME_WAIT lasts a constant 60 s, so what its timer has left tells its age at the first look. A
    TIME_WAIT timer on another state (an orphaned FIN_WAIT2) runs for another time and is not used.
    A stand-in cookie names a pair of ends: the age is then that of the pair in this state.
    """
    if s.state == tcp_state.TIME_WAIT and s.timer == TIMER_TIME_WAIT:
        passed = max(0.0, TIME_WAIT_SECONDS - s.expires_ms / 1000)
        return Age(passed, passed)
    if since is None:
        return None
    at_least = max(0.0, clock - since.clock)
    return Age(at_least, None if since.slack is None else at_least + since.slack)


def age_rank(age: Age | None) -> tuple[float, float]:
    """Sort key, youngest first: by what is known for certain, then by what is possible; unknown is youngest."""
    if age is None:
        return (-1.0, -1.0)
    return (age.at_least, math.inf if age.at_most is None else age.at_most)


def oldest(ages: Iterable[Age | None]) -> Age | None:
    """The oldest of the ages, None if there is none."""
    return max(ages, key=age_rank, default=None)
