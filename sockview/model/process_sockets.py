"""The sockets of one process: found in a table once, and kept from then on at the cost of what changes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import chain
from typing import Final

from sockview.model.inet_socket import InetSocket
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts

#: Sockets looked at between two yields: about 2 ms.
STEP: Final = 10_000
#: Sockets whose owner is asked for between two yields: about 2 ms.
CLAIMS_STEP: Final = 1000


class ProcessSockets:
    """Of the process that was asked for last. As long as it is the same one, and the tables follow one another, nobody
    looks through all of their sockets again.
    """

    def __init__(self) -> None:
        self._identity = (0, 0)
        self._last: Snapshot | None = None
        """That in which the others were found; None: in none."""
        self._held: list[InetSocket] = []
        """By the process."""
        self._unheld: list[InetSocket] = []
        """By nobody in sight."""

    def of(self, table: SocketTable, identity: tuple[int, int]) -> Generator[None, None, list[InetSocket]]:
        """Every socket that the process (PID, start) owns, by whatever evidence, those that it holds first; in steps of
        a few milliseconds. Given up, it begins anew the next time.
        """
        last, self._last = self._last, None
        snapshot = table.snapshot
        if last is not snapshot or identity != self._identity:
            follows = last is not None and identity == self._identity and (yield from self._follow(last, snapshot))
            self._identity = identity
            if not follows:
                self._held, self._unheld = [], []
                yield from self._enter(snapshot.sockets, snapshot)
        self._last = snapshot
        found, pick = self._held.copy(), table.suspects_of(identity)
        yield
        for part in parts(self._unheld, STEP):
            for suspects in parts(pick(part), CLAIMS_STEP):
                found += [s for s in suspects if any(claim.process.identity == identity for claim in table.claims(s))]
                yield
            yield
        return found

    def _follow(self, last: Snapshot, now: Snapshot) -> Generator[None, None, bool]:
        """Bring what was found up to the next snapshot; False where its change does not lead there from the last."""
        change = now.change
        if change is None or not last.serial or change.since != last.serial:
            return False
        if not all(one.complete and one.owners_read for one in (last, now)):
            return False
        if len(last.sockets) - len(change.gone) + len(change.come) != len(now.sockets):
            return False
        old = set(map(id, chain(change.gone, change.reheld)))
        self._held = [s for s in self._held if id(s) not in old]
        self._unheld = [s for s in self._unheld if id(s) not in old]
        yield
        yield from self._enter([*change.come, *change.reheld], now)
        return True

    def _enter(self, sockets: Sequence[InetSocket], snapshot: Snapshot) -> Generator[None, None, None]:
        pid, holders_of = self._identity[0], snapshot.holders.get
        for part in parts(sockets, STEP):
            held = [holders_of(s.inode) for s in part]
            self._unheld += [s for s, holders in zip(part, held, strict=True) if not holders]
            # Nearly every socket has one descriptor, and its holder is another process.
            maybe = [
                (s, holders)
                for s, holders in zip(part, held, strict=True)
                if holders and (len(holders) > 1 or holders[0][0][0] == pid)
            ]
            for s, holders in maybe:
                if any(process.identity == self._identity for process, _fd in holders):
                    self._held.append(s)
            yield
