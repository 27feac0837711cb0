"""What the rules look at, found without a look at every socket: a table's change tells what became of the last ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sockview.model.diagnosis.accounts import Accounts, subtract
from sockview.model.inet_socket import TCP, TIMER_RETRANSMIT, TIMER_ZERO_WINDOW, InetSocket
from sockview.model.snapshot import Change, Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, FIN_WAIT2
from sockview.model.thresholds import Thresholds

#: Sockets looked at between two yields: about 2 ms.
STEP: Final = 10_000
#: A change of more than this share of the sockets is not followed: it is as quick to begin anew.
_GREAT: Final = 0.2

_NO_PORTS: Final = (1, 0)


@dataclass(frozen=True, slots=True)
class Suspects:
    """The sockets of a table that may be part of a finding, in no particular order."""

    table: SocketTable
    close_waits: Accounts
    fin_wait2: Accounts
    not_read: Accounts
    """ESTABLISHED with data that the peer does not take, ..."""
    not_answered: Accounts
    """... or does not confirm."""
    busy_ports: frozenset[int]
    """Remote ports to which enough ephemeral local ports lead for a finding."""

    def of(self, state: int) -> Sequence[InetSocket]:
        """Those in one state."""
        return self.table.of_state(state)


class SuspectFinder:
    """Finds them in every table in turn. It remembers what it counted, and the last snapshot until the next one."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._close_waits = Accounts(lambda sockets: [s for s in sockets if s.state == CLOSE_WAIT])
        self._fin_wait2 = Accounts(lambda sockets: [s for s in sockets if s.state == FIN_WAIT2])
        self._not_read = Accounts(self._not_read_of)
        self._not_answered = Accounts(self._not_answered_of)
        self._ports = _NO_PORTS
        """First and last local port that is an ephemeral one."""
        self._remote_ports: Counter[int] = Counter()
        """Remote port -> sockets whose local port is an ephemeral one."""
        self._last: Snapshot | None = None
        """Of which that is true; None: of none."""

    def find(self, table: SocketTable) -> Generator[None, None, Suspects]:
        """In steps of a few milliseconds; given up, it begins anew with the next table."""
        last, self._last = self._last, None
        change = self._change_since(last, table.snapshot)
        if last is not None and change is not None:
            yield from self._follow(change, last, table)
        # A change that does not lead to this table would leave its trace here.
        if change is None or len(self._close_waits) != len(table.of_state(CLOSE_WAIT)):
            yield from self._begin(table)
        self._last = table.snapshot
        needed = max(1, ephemeral_count(self._ports) * self._thresholds.port_share)
        busy = frozenset([port for port, number in self._remote_ports.items() if number >= needed and port])
        return Suspects(table, self._close_waits, self._fin_wait2, self._not_read, self._not_answered, busy)

    def _change_since(self, last: Snapshot | None, now: Snapshot) -> Change | None:
        change = now.change
        if last is None or change is None or not last.serial or change.since != last.serial:
            return None
        if not all(one.complete and one.owners_read for one in (last, now)):
            return None
        if last.limits.ephemeral_ports != now.limits.ephemeral_ports:
            return None
        great = len(change.gone) + len(change.come) > _GREAT * len(now.sockets)
        return None if great else change

    def _follow(self, change: Change, last: Snapshot, table: SocketTable) -> Generator[None, None, None]:
        told, before = table.snapshot.close_wait_times, last.close_wait_times
        dated_anew = set() if told is before else told.keys() - before.keys() - {s.cookie for s in change.come}
        for accounts in (self._close_waits, self._fin_wait2, self._not_read, self._not_answered):
            yield from accounts.follow(change, dated_anew, last.holders, table)
        self._remote_ports.update(self._ports_of(change.come))
        subtract(self._remote_ports, self._ports_of(change.gone))
        yield

    def _begin(self, table: SocketTable) -> Generator[None, None, None]:
        snapshot = table.snapshot
        yield from self._close_waits.fill(table.of_state(CLOSE_WAIT), table)
        yield from self._fin_wait2.fill(table.of_state(FIN_WAIT2), table)
        yield from self._not_read.fill(snapshot.sockets, table)
        yield from self._not_answered.fill(snapshot.sockets, table)
        self._ports = snapshot.limits.ephemeral_ports or _NO_PORTS
        self._remote_ports = Counter()
        for part in parts(snapshot.sockets, STEP):
            self._remote_ports.update(self._ports_of(part))
            yield

    def _ports_of(self, sockets: Iterable[InetSocket]) -> list[int]:
        first, last = self._ports
        return [s.remote_port for s in sockets if first <= s.local_port <= last]

    def _not_read_of(self, sockets: Sequence[InetSocket]) -> list[InetSocket]:
        least = self._thresholds.stuck_probe * 1000
        probed = [s for s in sockets if s.timer == TIMER_ZERO_WINDOW]
        return [s for s in probed if _has_data(s) and s.expires_ms >= least]

    def _not_answered_of(self, sockets: Sequence[InetSocket]) -> list[InetSocket]:
        least = self._thresholds.stuck_tries
        repeated = [s for s in sockets if s.timer == TIMER_RETRANSMIT]
        return [s for s in repeated if _has_data(s) and s.retransmits >= least]


def ephemeral_count(ports: tuple[int, int]) -> int:
    """How many ports there are from the first to the last."""
    return ports[1] - ports[0] + 1


def _has_data(s: InetSocket) -> bool:
    return s.state == ESTABLISHED and s.protocol == TCP and bool(s.send_q)
