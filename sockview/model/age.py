"""How long a socket has been in its state.

Exact from the kernel's timer for TIME_WAIT and orphaned FIN_WAIT2, between bounds from tcp_info for
CLOSE_WAIT, else since it was first seen so.
"""

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


def age_in_state(s: InetSocket, since: Since | None, clock: float, fin_timeout: float | None = None) -> Age | None:
    """Age of `s` in a snapshot taken at `clock`; None when nothing is known.

    Where the kernel's timer tells the age, it does so at the first look, unless that contradicts what was seen:
    the timer of TIME_WAIT starts anew when the peer sends its FIN again (RFC 9293 3.10.7.4). `fin_timeout` is
    ``net.ipv4.tcp_fin_timeout`` in seconds, None where it is not known.
    A stand-in cookie names a pair of ends: the age is then that of the pair in this state.
    """
    seen = None if since is None else _since_seen(since, clock)
    if s.timer == TIMER_TIME_WAIT:
        passed = _passed(s, clock, fin_timeout)
        if passed is not None and (seen is None or _may_be(passed, seen)):
            return Age(passed, passed)
    return seen


def _passed(s: InetSocket, clock: float, fin_timeout: float | None) -> float | None:
    """Seconds since the timer with which the kernel ends a socket was set; None where its length is not known.

    TIME_WAIT lasts a constant 60 s. An orphaned FIN_WAIT2 lasts tcp_fin_timeout from its close(), or from the ACK
    of its FIN if that came later. It is another time where that is longer than TIME_WAIT (it runs in two parts
    then), where the process chose its own with TCP_LINGER2 (tcp(7)), and on very slow paths: tcp_close,
    tcp_rcv_state_process and tcp_fin_time of the kernel. What is left tells of that only where it is too much.
    """
    left = s.timer_left(clock)
    if s.state == tcp_state.TIME_WAIT:
        return max(0.0, TIME_WAIT_SECONDS - left)
    if s.state != tcp_state.FIN_WAIT2 or s.inode or fin_timeout is None:
        return None
    return fin_timeout - left if left <= fin_timeout <= TIME_WAIT_SECONDS else None


def narrowed(before: Since, times: tuple[float, float | None], end: float) -> Since:
    """Since when a CLOSE_WAIT is in its state, from what was known and what tcp_info tells.

    `before` is what is known without it: of earlier looks, or of this one. `times` are the seconds before `end` that it
    has been in the state, at least and at most.
    The tighter bound counts, whoever tells it. Where the two exclude each other: that it was seen in the state
    is certain, that an earlier look did not show it is not (the kernel's walk can pass over a socket).
    """
    at_least, at_most = times
    told = Since(before.state, end - at_least, None if at_most is None else max(0.0, at_most - at_least))
    latest = min(before.clock, told.clock)
    starts = [since.clock - since.slack for since in (before, told) if since.slack is not None]
    if not starts:
        return Since(before.state, latest, None)
    earliest = max(starts)
    if earliest <= latest:
        return Since(before.state, latest, latest - earliest)
    return told if told.clock < before.clock else before


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
