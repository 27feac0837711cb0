"""Who owns the sockets of a finding, counted, with what is not known about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final

from sockview.model.columns import LIKELY_MARK
from sockview.model.diagnosis.accounts import Account, Accounts
from sockview.model.diagnosis.lot import Lot
from sockview.model.diagnosis.words import addresses_text, counted, listing, name_text, pids_word
from sockview.model.grouping import process_key
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import NoOwner, Process
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts

#: Sockets looked up between two yields: about 2 ms.
STEP: Final = 1000
#: Sockets out of which those are chosen between two yields: the same.
CHOICE_STEP: Final = 20_000
#: About so many sockets are looked up at most: of more, every second, third ... one.
MOST: Final = 2000

ASK_ROOT: Final = "Run sockview with sudo to see the processes that are hidden from you."


@dataclass(frozen=True, slots=True)
class Share:
    """A process and how many of the sockets it owns."""

    process: Process
    count: int
    certain: bool
    """False: one of these at least is tied to it by likely evidence only."""
    exited: bool

    @property
    def text(self) -> str:
        """``gunicorn 7306 (250)``"""
        likely = "likely " if not self.certain else ""
        return f"{likely}{name_text(self.process)} ({self.count:,}{', exited' if self.exited else ''})"


@dataclass(frozen=True, slots=True)
class Owners:
    """Of a number of sockets."""

    shares: tuple[Share, ...]
    """Most sockets first."""
    unknown: Counter[NoOwner]
    """Sockets without a known owner, by reason."""
    every: int = 1
    """One of so many sockets was looked up."""

    def does(self, one: str, several: str) -> str:
        """The beginning of a title: who, and the verb for one and for several; ``~`` marks what is only likely."""
        unknown = sum(self.unknown.values())
        if not self.shares:
            word = "hidden" if self.unknown[NoOwner.HIDDEN] else "unknown"
            article = "A" if word == "hidden" else "An"
            return f"{article} {word} process {one}" if unknown == 1 else f"{word.capitalize()} processes {several}"
        first, more = self.shares[0], len(self.shares) - 1
        who = f"{'' if first.certain else LIKELY_MARK}{name_text(first.process)}"
        if unknown:
            return f"{who} and others {several}"
        return f"{who} and {more:,} more {several}" if more else f"{who} {one}"

    @property
    def process(self) -> Process | None:
        """The one that most of them belong to."""
        return self.shares[0].process if self.shares else None

    @property
    def key(self) -> str | None:
        """Of its group."""
        return process_key(self.shares[0].process) if self.shares else None

    @property
    def certain(self) -> bool:
        """Whether that one is certain and still there."""
        return bool(self.shares) and self.shares[0].certain and not self.shares[0].exited

    @property
    def pid(self) -> int | None:
        return self.shares[0].process.pid if self.shares else None

    def sentence(self, verb: str) -> str:
        """``Opened by curl 4711 (12) and 3 whose process is hidden.``"""
        parts = [share.text for share in self.shares]
        said = f"{verb} {listing(parts)}." if parts else ""
        if self.unknown:
            number = sum(self.unknown.values())
            reason = "is hidden" if self.unknown[NoOwner.HIDDEN] else "is not known"
            said = f"{said} Of {counted(number, 'socket')} the process {reason}.".strip()
        return said if self.every == 1 or not said else f"Of one socket in {self.every} looked up: {said}"

    def remedies(self, table: SocketTable) -> tuple[str, ...]:
        """How to learn more, where something is hidden."""
        return (ASK_ROOT,) if self.unknown[NoOwner.HIDDEN] and not table.snapshot.privileged else ()


def owner_or_reason(table: SocketTable, s: InetSocket) -> Process | NoOwner:
    """The first owner, or why there is none: what sockets are grouped by."""
    claims = table.claims(s)
    return claims[0].process if claims else table.reason(s)


@dataclass(frozen=True, slots=True)
class OwnerGroup:
    """Sockets of one process, or those that have none for one reason."""

    owner: Process | NoOwner
    account: Account | None
    """With those that the process alone holds; it is not to be changed."""
    others: list[InetSocket]

    @property
    def size(self) -> int:
        return len(self.others) + (len(self.account.lot) if self.account else 0)

    @property
    def sockets(self) -> Sequence[InetSocket]:
        if self.account is None:
            return self.others
        return [*self.account.lot.sockets, *self.others]

    def lots(self, table: SocketTable) -> list[Lot]:
        """All of its sockets."""
        others = [Lot.of(self.others, table)] if self.others else []
        return [self.account.lot, *others] if self.account else others

    @property
    def word(self) -> str:
        """A word of the filter language that selects what the owner has."""
        return f"evidence:{self.owner.value}" if isinstance(self.owner, NoOwner) else pids_word([self.owner])

    def owners(self, table: SocketTable) -> Generator[None, None, Owners]:
        return owners_of(table, self.others, self.account)

    def peers(self) -> str:
        """The addresses of the peers, as `addresses_text` writes them."""
        counts = self.account.traits.addresses if self.account else Counter[bytes]()
        return addresses_text(counts + Counter([s.remote_address for s in self.others]) if self.others else counts)


#: The first owner of a socket, or why there is none; None: the socket does not count.
Whose = Callable[[InetSocket], Process | NoOwner | None]


def owner_groups(
    accounts: Accounts, others: Sequence[InetSocket], whose: Whose
) -> Generator[None, None, list[OwnerGroup]]:
    """The sockets of accounts, and others, by their first owner; `whose` tells that of the others."""
    groups: dict[tuple[int, int] | NoOwner, OwnerGroup] = {}
    for account in accounts:
        groups[account.process.identity] = OwnerGroup(account.process, account, [])
    for part in parts(others, STEP):
        for s in part:
            owner = whose(s)
            if owner is None:
                continue
            key = owner.identity if isinstance(owner, Process) else owner
            group = groups.get(key)
            if group is None:
                group = groups[key] = OwnerGroup(owner, None, [])
            group.others.append(s)
        yield
    return list(groups.values())


def _sample_of(sockets: Sequence[InetSocket], every: int) -> Generator[None, None, list[InetSocket]]:
    """The same ones at each look, while they are there. Cookies are given in turn: neighbours stay together, such as
    the two ends of a connection.
    """
    found: list[InetSocket] = []
    for part in parts(sockets, CHOICE_STEP):
        found += [s for s in part if not (s.cookie >> 4) % every]
        yield
    return found


def owners_of(
    table: SocketTable, sockets: Sequence[InetSocket], account: Account | None = None
) -> Generator[None, None, Owners]:
    """Count the owners of these and of the account's sockets, in steps of a few milliseconds."""
    if account is not None and len(sockets) > MOST:
        sockets, account = [*sockets, *account.lot.sockets], None
    count = OwnerCount(table)
    if account is not None:
        count.hold(account.process, len(account.lot))
    every = -(-len(sockets) // MOST) or 1
    sample = sockets if every == 1 else (yield from _sample_of(sockets, every))
    for part in parts(sample, STEP):
        count.take(part)
        yield
    return count.owners(every)


class OwnerCount:
    """Sockets by owner, while they are counted."""

    def __init__(self, table: SocketTable) -> None:
        self._table = table
        self._counts: Counter[tuple[int, int]] = Counter()
        self._processes: dict[tuple[int, int], tuple[Process, bool]] = {}
        self._likely: set[tuple[int, int]] = set()
        self._unknown: Counter[NoOwner] = Counter()

    def hold(self, process: Process, number: int) -> None:
        """So many that the process holds."""
        self._counts[process.identity] += number
        self._processes[process.identity] = (process, False)

    def take(self, sockets: Sequence[InetSocket]) -> None:
        """Each for all that own it."""
        alone = self._table.sole_holders(sockets)
        held = dict(zip(map(id, alone), alone, strict=True))
        for number, times in Counter(map(id, alone)).items():
            process = held[number]
            if process is not None:
                self.hold(process, times)
        for s in [s for s, process in zip(sockets, alone, strict=True) if process is None]:
            claims = self._table.claims(s)
            if not claims:
                self._unknown[self._table.reason(s)] += 1
            for process, certain, exited in claims:
                identity = (process.pid, process.started)
                self._counts[identity] += 1
                self._processes[identity] = (process, exited)
                if not certain:
                    self._likely.add(identity)

    def owners(self, every: int = 1) -> Owners:
        """`every`: one of so many sockets has been taken."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        shares = (
            Share(process, number, identity not in self._likely, exited)
            for identity, number in ordered
            for process, exited in [self._processes[identity]]
        )
        return Owners(tuple(shares), self._unknown, every)
