"""When the sockets in CLOSE_WAIT came into that state, also before sockview was started: from tcp_info.

The peer's FIN carries an ACK, so it came no later than the last ACK did; and no data comes after it,
so it came no earlier than the last data did (RFC 9293 3.10.7.4; tcp_ack, tcp_event_data_recv and
tcp_fin in ``net/ipv4/tcp_input.c``). ACKs that come later, of what the holder still sends or of
keep-alive probes, make the first bound weaker but never wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Final

from sockview.collect.netlink import dump_times
from sockview.collect.tcp_info import TcpTimes
from sockview.model import tcp_state
from sockview.model.inet_socket import InetSocket

#: Seconds by which a time of the kernel may be off: it counts in ticks, of 10 ms at most.
TICK_ERROR: Final = 0.02
#: The counters have 32 bits of milliseconds: where a host has been up for longer, any time may be too short.
WRAP_SECONDS: Final = 2**32 / 1000

#: Sockets handled in one step.
_SLICE: Final = 10_000

Entered = tuple[float, float | None]
"""The latest and the earliest moment at which a socket came into the state; None: no earliest is known."""
Passed = tuple[float, float | None]
"""Seconds that have passed since then, at least and at most."""


def uptime() -> float:
    """Seconds since the host was started, its sleep included (``clock_gettime(2)``)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class CloseWaitTimes:
    """Asks the kernel only when a socket is new in the state: for the others it can't tell more than before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, uptime_clock: Callable[[], float] = uptime) -> None:
        self._clock = clock
        self._uptime = uptime_clock
        self._entered: dict[int, Entered] = {}

    def look(self, close_waits: Sequence[InetSocket], end: float) -> Generator[None, None, dict[int, Passed]]:
        """Cookie -> seconds before `end` in which it came into CLOSE_WAIT, at least and at most, in small steps.

        `close_waits` are the sockets that a look which ended at `end` showed in the state. Sockets
        that have left it meanwhile are absent. Raises DumpError.
        """
        known, new = yield from self._sort_out(close_waits)
        if new:
            asked, wrapped = self._clock(), self._uptime() >= WRAP_SECONDS

            def take(times: Sequence[TcpTimes]) -> None:
                received = self._clock()
                known.update((t.cookie, _entered(t, asked, received, wrapped)) for t in times if t.cookie in new)

            yield from dump_times(sorted(set(new.values())), tcp_state.CLOSE_WAIT, take)
        self._entered = known
        return (yield from _before(end, known))

    def _sort_out(
        self, close_waits: Sequence[InetSocket]
    ) -> Generator[None, None, tuple[dict[int, Entered], dict[int, int]]]:
        """What is known of these sockets; cookie -> address family of the others."""
        known: dict[int, Entered] = {}
        new: dict[int, int] = {}
        for start in range(0, len(close_waits), _SLICE):
            for s in close_waits[start : start + _SLICE]:
                entered = self._entered.get(s.cookie)
                if entered is None:
                    new[s.cookie] = s.family
                else:
                    known[s.cookie] = entered
            yield
        return known, new


def _entered(t: TcpTimes, asked: float, received: float, wrapped: bool) -> Entered:
    """The bounds that one socket's times give; the kernel wrote them between `asked` and `received`."""
    latest = received - t.last_ack_recv / 1000 + TICK_ERROR
    if wrapped:
        return latest, None
    earliest = asked - t.last_data_recv / 1000 - TICK_ERROR
    # Data later than every ACK: the FIN's ACK was an old one and was not noted. Nothing is known then.
    return (latest, earliest) if earliest <= latest else (received, None)


def _before(end: float, entered: dict[int, Entered]) -> Generator[None, None, dict[int, Passed]]:
    found: dict[int, Passed] = {}
    for number, (cookie, (latest, earliest)) in enumerate(entered.items(), 1):
        found[cookie] = (max(0.0, end - latest), None if earliest is None else max(0.0, end - earliest))
        if number % _SLICE == 0:
            yield
    return found
