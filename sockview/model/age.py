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
    length = _timer_length(s, fin_timeout)
    if length is not None and (since is None or _may_be(_timer_start(s, clock, length), since)):
        passed = max(0.0, length - s.timer_left(clock))
        return Age(passed, passed)
    return None if since is None else _since_seen(since, clock)


def began(s: InetSocket, since: Since | None, clock: float, fin_timeout: float | None = None) -> float | None:
    """Monotonic seconds at which, at the latest, `s` came into its state; None when nothing is known.

    `age_in_state` from its other side: an age grows with the clock, this stays as it is while nothing new is known.
    """
    length = _timer_length(s, fin_timeout)
    if length is not None:
        start = _timer_start(s, clock, length)
        if since is None or _may_be(start, since):
            return start
    return None if since is None else since.clock


def _timer_length(s: InetSocket, fin_timeout: float | None) -> float | None:
    """Seconds for which the timer was set with which the kernel ends a socket; None where that is not known.

    TIME_WAIT lasts a constant 60 s. An orphaned FIN_WAIT2 lasts tcp_fin_timeout from its close(), or from the ACK
    of its FIN if that came later. It is another time where that is longer than TIME_WAIT (it runs in two parts
    then), where the process chose its own with TCP_LINGER2 (tcp(7)), and on very slow paths: tcp_close,
    tcp_rcv_state_process and tcp_fin_time of the kernel. What was left tells of that only where it is too much.
    """
    if s.timer != TIMER_TIME_WAIT:
        return None
    if s.state == tcp_state.TIME_WAIT:
        return TIME_WAIT_SECONDS
    if s.state != tcp_state.FIN_WAIT2 or s.inode or fin_timeout is None:
        return None
    return fin_timeout if s.expires_ms / 1000 <= fin_timeout <= TIME_WAIT_SECONDS else None


def _timer_start(s: InetSocket, clock: float, length: float) -> float:
    """Monotonic seconds at which a timer of that length was set."""
    return (clock if s.read_at is None else s.read_at) + s.expires_ms / 1000 - length


def narrowed(before: Since, entered: tuple[float, float | None]) -> Since:
    """Since when a CLOSE_WAIT is in its state, from what was known and what tcp_info tells.

    `before` is what is known without it: of earlier looks, or of this one. `entered`: the latest and the earliest
    moment at which it came into the state, as in `Snapshot.close_wait_times`.
    The tighter bound counts, whoever tells it. Where the two exclude each other: that it was seen in the state
    is certain, that an earlier look did not show it is not (the kernel's walk can pass over a socket).
    """
    latest, earliest = entered
    told = Since(before.state, latest, None if earliest is None else max(0.0, latest - earliest))
    latest = min(before.clock, told.clock)
    starts = [since.clock - since.slack for since in (before, told) if since.slack is not None]
    if not starts:
        return Since(before.state, latest, None)
    start = max(starts)
    if start <= latest:
        return Since(before.state, latest, latest - start)
    return told if told.clock < before.clock else before


def _since_seen(since: Since, clock: float) -> Age:
    seconds = clock - since.clock
    return Age(max(0.0, seconds), None if since.slack is None else max(0.0, seconds + since.slack))


def _may_be(start: float, since: Since) -> bool:
    """Whether a timer that was set then does not contradict what was seen."""
    earliest = None if since.slack is None else since.clock - since.slack
    return start <= since.clock + TOLERANCE and (earliest is None or start >= earliest - TOLERANCE)


def age_rank(age: Age | None) -> tuple[float, float]:
    """Sort key, youngest first: by what is known for certain, then by what is possible; unknown is youngest."""
    if age is None:
        return (-1.0, -1.0)
    return (age.at_least, math.inf if age.at_most is None else age.at_most)


def oldest(ages: Iterable[Age | None]) -> Age | None:
    """The oldest of the ages, None if there is none."""
    return max(ages, key=age_rank, default=None)
