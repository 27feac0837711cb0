"""Which connections without keep-alive have been silent for long: from tcp_info, once a minute.

A peer that has vanished from such a connection is noticed only when something is sent to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from heapq import nlargest
from typing import Final

from sockview.collect.netlink import dump_times
from sockview.collect.tcp_info import TcpTimes
from sockview.model import tcp_state
from sockview.model.inet_socket import TCP, TIMER_NONE, InetSocket

#: Seconds between two looks.
INTERVAL: Final = 60.0
#: Seconds of silence from which on a socket is told of.
LONG: Final = 3600.0
#: Sockets told of, the most silent ones.
MOST: Final = 5000

#: Sockets handled in one step.
_SLICE: Final = 10_000


class SilentSockets:
    """Between the looks the last result is told again, without the sockets that have moved since."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, at_once: bool = True) -> None:
        """`at_once`: ask the kernel the first time, not only the second."""
        self._clock = clock
        self._at_once = at_once
        self._next = -1.0
        self._silent: dict[int, float] = {}
        self._marks: dict[int, tuple[int, int | None, int | None]] = {}

    def look(self, sockets: Sequence[InetSocket]) -> Generator[None, None, dict[int, float]]:
        """Cookie -> seconds, at the last look, since something had gone over it in either direction.

        `sockets` are all there are now. The seconds are a lower bound: the kernel's counters begin
        anew after 49.7 days. In small steps. Raises DumpError.
        """
        now = self._clock()
        if not self._at_once:
            self._at_once = True
            return {}
        if now >= self._next:
            families = yield from _families(sockets)
            self._silent = yield from _ask(families)
            self._marks = {}
            self._next = now + INTERVAL
        if self._silent:
            yield from self._drop_moved(sockets)
        return dict(self._silent)

    def _drop_moved(self, sockets: Sequence[InetSocket]) -> Generator[None, None, None]:
        """Those that are no longer there, or whose queues or timer are not what they were at the last look."""
        silent, marks = {}, {}
        for start in range(0, len(sockets), _SLICE):
            for s in sockets[start : start + _SLICE]:
                if s.cookie not in self._silent:
                    continue
                mark = (s.timer, s.recv_q, s.send_q)
                if _may_be_silent(s) and self._marks.get(s.cookie, mark) == mark:
                    silent[s.cookie], marks[s.cookie] = self._silent[s.cookie], mark
            yield
        self._silent, self._marks = silent, marks


def _may_be_silent(s: InetSocket) -> bool:
    """A connection for which the kernel waits for nothing: no keep-alive, nothing unacknowledged."""
    return s.state == tcp_state.ESTABLISHED and s.timer == TIMER_NONE and s.protocol == TCP


def _families(sockets: Sequence[InetSocket]) -> Generator[None, None, list[int]]:
    """The address families for which it is worth asking."""
    found: set[int] = set()
    for start in range(0, len(sockets), _SLICE):
        found.update([s.family for s in sockets[start : start + _SLICE] if _may_be_silent(s)])
        yield
    return sorted(found)


def _ask(families: Sequence[int]) -> Generator[None, None, dict[int, float]]:
    found: list[tuple[int, int]] = []

    def take(times: Sequence[TcpTimes]) -> None:
        # Sending is noted when data goes out, receiving when data or an ACK comes in: silence is the least of all.
        for t in times:
            silence = min(t.last_data_sent, t.last_data_recv, t.last_ack_recv)
            if silence >= LONG * 1000 and t.timer == TIMER_NONE:
                found.append((silence, t.cookie))
        if len(found) > 2 * MOST:
            found[:] = nlargest(MOST, found)

    yield from dump_times(families, tcp_state.ESTABLISHED, take)
    return {cookie: silence / 1000 for silence, cookie in nlargest(MOST, found)}
