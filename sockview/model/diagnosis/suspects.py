"""One pass over a table that keeps what the rules look at: all else costs them nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sockview.model import tcp_state
from sockview.model.inet_socket import TCP, TIMER_RETRANSMIT, TIMER_ZERO_WINDOW, InetSocket
from sockview.model.socket_table import SocketTable
from sockview.model.thresholds import Thresholds

#: Sockets sorted between two yields: about 2 ms.
STEP: Final = 5000

#: Kept whole: there are few of them on a sound machine. TIME_WAIT and ESTABLISHED, which are many, are not.
_KEPT: Final = (
    tcp_state.CLOSE_WAIT,
    tcp_state.LISTEN,
    tcp_state.SYN_RECV,
    tcp_state.SYN_SENT,
    tcp_state.FIN_WAIT1,
    tcp_state.FIN_WAIT2,
    tcp_state.LAST_ACK,
    tcp_state.CLOSING,
)


@dataclass(frozen=True, slots=True)
class Suspects:
    """The sockets of a table that may be part of a finding, in the snapshot's order."""

    by_state: Mapping[int, Sequence[InetSocket]]
    """Every state but TIME_WAIT and ESTABLISHED; absent where there is none."""
    stuck: Sequence[InetSocket]
    """ESTABLISHED with data that the peer does not confirm or does not take."""
    busy_ports: frozenset[int]
    """Remote ports to which enough ephemeral local ports lead for a finding."""

    def of(self, state: int) -> Sequence[InetSocket]:
        """Those in one state."""
        return self.by_state.get(state, ())


def find_suspects(table: SocketTable, thresholds: Thresholds) -> Generator[None, None, Suspects]:
    """Sort out the suspicious ones, in steps of a few milliseconds."""
    sockets = table.snapshot.sockets
    kept: dict[int, list[InetSocket]] = {state: [] for state in _KEPT if state in table.states}
    stuck: list[InetSocket] = []
    remote_ports: Counter[int] = Counter()
    ports = table.snapshot.limits.ephemeral_ports or (1, 0)
    needed = max(1, ephemeral_count(ports) * thresholds.port_share)
    many = len(sockets) >= needed and ports[0] <= ports[1]
    for start in range(0, len(sockets), STEP):
        part = sockets[start : start + STEP]
        for s in [s for s in part if s.state in kept]:
            kept[s.state].append(s)
        stuck += [s for s in part if s.timer in (TIMER_RETRANSMIT, TIMER_ZERO_WINDOW) and _is_stuck(s, thresholds)]
        if many:
            remote_ports.update([s.remote_port for s in part if ports[0] <= s.local_port <= ports[1]])
        yield
    busy = frozenset(port for port, number in remote_ports.items() if port and number >= needed)
    return Suspects({state: found for state, found in kept.items() if found}, stuck, busy)


def ephemeral_count(ports: tuple[int, int]) -> int:
    """How many ports there are from the first to the last."""
    return ports[1] - ports[0] + 1


def _is_stuck(s: InetSocket, thresholds: Thresholds) -> bool:
    if s.state != tcp_state.ESTABLISHED or s.protocol != TCP or not s.send_q:
        return False
    if s.timer == TIMER_ZERO_WINDOW:
        return s.expires_ms >= thresholds.stuck_probe * 1000
    return s.retransmits >= thresholds.stuck_tries
