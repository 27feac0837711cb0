"""Sockets of one kind by the process that holds them, kept from table to table: only what has changed is counted."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

from sockview.model.diagnosis.lot import Lot
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Holder, Process
from sockview.model.snapshot import Change
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts

#: Sockets entered between two yields: about 3 ms.
STEP: Final = 2500

Holders = Mapping[int, tuple[Holder, ...]]

_remote_address: Final = attrgetter("remote_address")
_local_port: Final = attrgetter("local_port")
_remote_port: Final = attrgetter("remote_port")
_recv_q: Final = attrgetter("recv_q")


@dataclass(slots=True)
class Traits:
    """What sockets have in common, counted."""

    addresses: Counter[bytes] = field(default_factory=Counter)
    """Of the peers."""
    local_ports: Counter[int] = field(default_factory=Counter)
    remote_ports: Counter[int] = field(default_factory=Counter)
    unread: Counter[int | None] = field(default_factory=Counter)
    """Recv-Q -> sockets."""
    fds: list[int] = field(default_factory=list)
    """Ascending: by which the process holds them, as far as it is known."""

    def add(self, sockets: Sequence[InetSocket], fds: Iterable[int]) -> None:
        for counts, key in self._counters():
            counts.update(map(key, sockets))
        self.fds = sorted([*self.fds, *(fd for fd in fds if fd >= 0)])

    def take_away(self, sockets: Sequence[InetSocket], fds: Iterable[int]) -> None:
        for counts, key in self._counters():
            subtract(counts, map(key, sockets))
        for fd in fds:
            if fd >= 0:
                del self.fds[bisect_left(self.fds, fd)]

    def copy(self) -> Traits:
        return Traits(
            self.addresses.copy(),
            self.local_ports.copy(),
            self.remote_ports.copy(),
            self.unread.copy(),
            self.fds.copy(),
        )

    def _counters(self) -> tuple[tuple[Counter[Any], Callable[[InetSocket], Any]], ...]:
        return (
            (self.addresses, _remote_address),
            (self.local_ports, _local_port),
            (self.remote_ports, _remote_port),
            (self.unread, _recv_q),
        )


@dataclass(slots=True)
class Account:
    """Of one process, the sockets of which it has the only descriptor."""

    process: Process
    lot: Lot = field(default_factory=Lot)
    traits: Traits = field(default_factory=Traits)


class Accounts:
    """The accounts of the sockets that `choose` picks out of those that it is given."""

    def __init__(self, choose: Callable[[Sequence[InetSocket]], list[InetSocket]]) -> None:
        self._choose = choose
        self._accounts: dict[tuple[int, int], Account] = {}
        self.others = Lot()
        """The chosen ones that have several holders, or none."""
        self.addresses: Counter[bytes] = Counter()
        """Of the peers of all of them."""

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def __len__(self) -> int:
        """How many sockets have been chosen."""
        return sum(map(len, self.lots()))

    def lots(self) -> list[Lot]:
        """All of them."""
        return [self.others, *(account.lot for account in self)]

    def fill(self, sockets: Sequence[InetSocket], table: SocketTable) -> Generator[None, None, None]:
        """Begin anew with these sockets of the table."""
        self._accounts, self.others, self.addresses = {}, Lot(), Counter()
        for part in parts(sockets, STEP):
            self._enter(self._choose(part), table)
            yield

    def follow(
        self, change: Change, dated_anew: Set[int], before: Holders, table: SocketTable
    ) -> Generator[None, None, None]:
        """Bring them up to the next table; `before` are the holders in the last one.

        `dated_anew` are the cookies of sockets that have not changed, but of which more is known since when they are in
        their state.
        """
        moved = self._choose(change.reheld)
        if dated_anew:
            reheld = set(map(id, moved))
            for lot in self.lots():
                moved += [s for s in lot.sockets if s.cookie in dated_anew and id(s) not in reheld]
                yield
        yield from self._take_away(self._choose(change.gone) + moved, before)
        self._enter(self._choose(change.come) + moved, table)
        yield

    def _enter(self, sockets: Sequence[InetSocket], table: SocketTable) -> None:
        self.addresses.update(map(_remote_address, sockets))
        by_holder, others = _by_holder(sockets, table.snapshot.holders)
        for process, entered, fds in by_holder:
            account = self._accounts.get(process.identity)
            if account is None:
                account = self._accounts[process.identity] = Account(process)
            account.process = process
            account.lot.add(entered, table)
            account.traits.add(entered, fds)
        self.others.add(others, table)

    def _take_away(self, sockets: Sequence[InetSocket], holders: Holders) -> Generator[None, None, None]:
        subtract(self.addresses, map(_remote_address, sockets))
        by_holder, others = _by_holder(sockets, holders)
        for process, left, fds in by_holder:
            account = self._accounts[process.identity]
            yield from account.lot.take_away(left)
            account.traits.take_away(left, fds)
            if not account.lot:
                del self._accounts[process.identity]
            yield
        if others:
            yield from self.others.take_away(others)


def subtract(counts: Counter[Any], values: Iterable[Any]) -> None:
    """One less of each; nothing stays of what there is none of."""
    for value in values:
        if counts[value] == 1:
            del counts[value]
        else:
            counts[value] -= 1


def _by_holder(
    sockets: Sequence[InetSocket], holders: Holders
) -> tuple[list[tuple[Process, list[InetSocket], list[int]]], list[InetSocket]]:
    """The sockets with one descriptor, by process, with the descriptors; and the others."""
    entered: defaultdict[int, list[InetSocket]] = defaultdict(list)
    fds: defaultdict[int, list[int]] = defaultdict(list)
    processes: dict[int, Process] = {}
    """By their id: they live as long as the holders."""
    others: list[InetSocket] = []
    held = map(holders.get, [s.inode for s in sockets])
    for s, found in zip(sockets, held, strict=True):
        if found is None or len(found) != 1:
            others.append(s)
            continue
        process, fd = found[0]
        number = id(process)
        entered[number].append(s)
        fds[number].append(fd)
        processes[number] = process
    return [(process, entered[number], fds[number]) for number, process in processes.items()], others
