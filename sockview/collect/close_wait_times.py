"""When the sockets in CLOSE_WAIT came into that state, also before sockview was started: from tcp_info.

The peer's FIN carries an ACK, so it came no later than the last ACK did; and no data comes after it,
so it came no earlier than the last data did (RFC 9293 3.10.7.4; tcp_ack, tcp_event_data_recv and
tcp_fin in ``net/ipv4/tcp_input.c``). ACKs that come later, of what the holder still sends or of
keep-alive probes, make the first bound weaker but never wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Final

from sockview.collect.netlink import ask_times, dump_times
from sockview.collect.tcp_info import TcpTimes
from sockview.model import tcp_state
from sockview.model.inet_socket import InetSocket

#: Seconds by which a time of the kernel may be off: it counts in ticks, of 10 ms at most.
TICK_ERROR: Final = 0.02
#: The counters have 32 bits of milliseconds: where a host has been up for longer, any time may be too short.
WRAP_SECONDS: Final = 2**32 / 1000

#: What asking for one socket costs, in sockets of a dump; and what a dump costs besides, to go through the table.
_COST_OF_ONE: Final = 4
_COST_OF_DUMP: Final = 1000

Entered = tuple[float, float | None]
"""The latest and the earliest moment at which a socket came into the state; None: no earliest is known."""


def uptime() -> float:
    """Seconds since the host was started, its sleep included (``clock_gettime(2)``)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class CloseWaitTimes:
    """Asks the kernel only about sockets that are new in the state: of the others it can't tell more than before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, uptime_clock: Callable[[], float] = uptime) -> None:
        self._clock = clock
        self._uptime = uptime_clock
        self._entered: Mapping[int, Entered] = {}

    def look(self, close_waits: Mapping[int, InetSocket]) -> Generator[None, None, Mapping[int, Entered]]:
        """Cookie -> monotonic seconds at which it came into CLOSE_WAIT, at the latest and at the earliest.

        `close_waits` are all sockets in the state, by cookie. One that has left it meanwhile is absent. In small
        steps. Raises DumpError.
        """
        entered = self._entered
        new = close_waits.keys() - entered.keys()
        if new or len(entered) > len(close_waits):
            known = dict(entered)
            for cookie in entered.keys() - close_waits.keys():
                del known[cookie]
            yield
            yield from self._ask([close_waits[cookie] for cookie in new], len(close_waits), known)
            self._entered = known
        return self._entered

    def _ask(self, new: Sequence[InetSocket], total: int, known: dict[int, Entered]) -> Generator[None, None, None]:
        """Add what the kernel tells of these of `total` sockets in the state."""
        if not new:
            return
        wanted, wrapped, asked = {s.cookie for s in new}, self._uptime() >= WRAP_SECONDS, self._clock()

        def take(times: Sequence[TcpTimes]) -> None:
            received = self._clock()
            known.update(
                (t.cookie, _entered(t, asked, received, wrapped))
                for t in times
                if t.cookie in wanted and t.state == tcp_state.CLOSE_WAIT
            )

        if len(new) * _COST_OF_ONE < total + _COST_OF_DUMP:
            yield from ask_times(new, take)
        else:
            yield from dump_times(sorted({s.family for s in new}), tcp_state.CLOSE_WAIT, take)


def _entered(t: TcpTimes, asked: float, received: float, wrapped: bool) -> Entered:
    """The bounds that one socket's times give; the kernel wrote them between `asked` and `received`."""
    latest = received - t.last_ack_recv / 1000 + TICK_ERROR
    if wrapped:
        return latest, None
    earliest = asked - t.last_data_recv / 1000 - TICK_ERROR
    # Data later than every ACK: the FIN's ACK was an old one and was not noted. Nothing is known then.
    return (latest, earliest) if earliest <= latest else (received, None)
