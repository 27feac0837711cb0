"""What is gathered while a snapshot is joined: it becomes the memory when the join is whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sockview.model import tcp_state
from sockview.model.age import Since, age_in_state, oldest
from sockview.model.attribution import Attributor, Remembered
from sockview.model.inet_socket import InetSocket
from sockview.model.query import Age
from sockview.model.snapshot import Snapshot
from sockview.model.trace_memory import Traced

#: Sockets joined between two yields: about 2 ms.
STEP: Final = 5000
#: Sockets whose owners are looked for between two yields: about 5 ms if the kernel has reported who closed them.
OWNERS_STEP: Final = 1000


@dataclass(slots=True)
class Join:
    """The parts of a table that is being made, and what later tables need of it."""

    by_cookie: dict[int, InetSocket] = field(default_factory=dict)
    since: dict[int, Since] = field(default_factory=dict)
    remembered: dict[int, Remembered] = field(default_factory=dict)
    traced: dict[int, Traced] = field(default_factory=dict)
    states: Counter[int] = field(default_factory=Counter)
    unheld: list[InetSocket] = field(default_factory=list)
    listeners: list[InetSocket] = field(default_factory=list)
    close_waits: list[InetSocket] = field(default_factory=list)
    time_waits: list[InetSocket] = field(default_factory=list)

    def sort_out(self, part: Sequence[InetSocket], snapshot: Snapshot) -> None:
        """Find the sockets that need more than a look."""
        holders = snapshot.holders
        self.by_cookie.update([(s.cookie, s) for s in part])
        self.unheld += [s for s in part if s.inode not in holders]
        self.listeners += [s for s in part if s.state == tcp_state.LISTEN]
        self.close_waits += [s for s in part if s.state == tcp_state.CLOSE_WAIT]
        self.time_waits += [s for s in part if s.state == tcp_state.TIME_WAIT]

    def without_doubles(self, sockets: Sequence[InetSocket]) -> tuple[InetSocket, ...]:
        """A socket that moved while the table was dumped comes twice: its last look counts.

        Stand-in cookies are made from addresses, which several sockets may share: those all stay.
        """
        return tuple(s for s in sockets if s.cookie <= 0 or self.by_cookie[s.cookie] is s)

    def oldest_close_wait(self, snapshot: Snapshot) -> Generator[None, None, Mapping[int, Age]]:
        """State -> age of its oldest socket, for CLOSE_WAIT."""
        found: Age | None = None
        for start in range(0, len(self.close_waits), STEP):
            part = self.close_waits[start : start + STEP]
            found = oldest((found, *(age_in_state(s, self.since[s.cookie], snapshot.clock) for s in part)))
            yield
        return {} if found is None else {tcp_state.CLOSE_WAIT: found}

    def count_by_process(
        self, attributor: Attributor
    ) -> Generator[None, None, Mapping[tuple[int, int], Mapping[int, int]]]:
        """(PID, start) -> state -> sockets, for CLOSE_WAIT and TIME_WAIT."""
        counts: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)
        for sockets in (self.close_waits, self.time_waits):
            for start in range(0, len(sockets), OWNERS_STEP):
                for s in sockets[start : start + OWNERS_STEP]:
                    for process, _certain, _exited in attributor.claims(s):
                        counts[process.identity][s.state] += 1
                yield
        return counts
