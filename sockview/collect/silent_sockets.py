"""Which connections without keep-alive have been silent for long: from tcp_info, once a minute.

A peer that has vanished from such a connection is noticed only when something is sent to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from heapq import nlargest
from typing import Final

from sockview.collect.netlink import dump_times
from sockview.collect.tcp_info import TcpTimes
from sockview.model import tcp_state
from sockview.model.inet_socket import TCP, TIMER_NONE, InetSocket
from sockview.model.snapshot import Change

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
        self._seen: dict[int, InetSocket] = {}
        """The silent ones, as they were when the kernel was asked."""

    def look(self, sockets: Sequence[InetSocket], change: Change | None) -> Generator[None, None, Mapping[int, float]]:
        """Cookie -> seconds, at the last look, since something had gone over it in either direction.

        `sockets` are all there are now, `change` is in what they differ from those of the last call; None: not known.
        The seconds are a lower bound: the kernel's counters begin anew after 49.7 days. In small steps. Raises
        DumpError.
        """
        now = self._clock()
        if not self._at_once:
            self._at_once = True
            return {}
        if now >= self._next:
            families = yield from _families(sockets)
            self._silent = yield from _ask(families)
            yield from self._drop_moved(sockets, {})
            self._next = now + INTERVAL
        elif self._silent and change is None:
            yield from self._drop_moved(sockets, self._seen)
        elif change is not None and not self._seen.keys().isdisjoint(s.cookie for s in change.gone):
            touched = {s.cookie for s in change.gone}
            rest = [s for cookie, s in self._seen.items() if cookie not in touched]
            yield from self._drop_moved([*rest, *change.come], self._seen)
        return self._silent

    def _drop_moved(self, sockets: Sequence[InetSocket], seen: Mapping[int, InetSocket]) -> Generator[None, None, None]:
        """Keep those of these sockets whose queues and timer are what they were when they were `seen` first."""
        silent: dict[int, float] = {}
        kept: dict[int, InetSocket] = {}
        for start in range(0, len(sockets), _SLICE):
            for s in [s for s in sockets[start : start + _SLICE] if s.cookie in self._silent]:
                if _may_be_silent(s) and _mark(s) == _mark(seen.get(s.cookie, s)):
                    silent[s.cookie], kept[s.cookie] = self._silent[s.cookie], s
            yield
        self._silent, self._seen = silent, kept


def _mark(s: InetSocket) -> tuple[int | None, ...]:
    """What changes when something goes over a connection."""
    return s.timer, s.recv_q, s.send_q


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
