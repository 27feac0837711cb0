"""CLOSE_WAITs of one process, measured: how many, how old, how fast they grow, when its descriptors run out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sockview.model import tcp_state
from sockview.model.attribution import Claim
from sockview.model.diagnosis.accounts import Account, Accounts
from sockview.model.diagnosis.lot import Lot, ages_of
from sockview.model.format_text import MINUTE, rate_text
from sockview.model.inet_socket import InetSocket
from sockview.model.limits import DescriptorUse
from sockview.model.owner import NoOwner, Process
from sockview.model.query import Age
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts
from sockview.model.thresholds import Thresholds

#: Sockets looked at between two yields: about 2 ms.
STEP: Final = 1000


@dataclass(frozen=True, slots=True)
class Group:
    """CLOSE_WAITs that have the same holders, or the same reason for having none."""

    account: Account | None
    """With those that one process alone holds; it is not to be changed."""
    others: Sequence[InetSocket]
    processes: tuple[Process, ...] = ()
    """Each of them owns all of the sockets (inherited descriptors); by PID."""
    certain: bool = True
    """False: some of them are tied to these by likely evidence only."""
    exited: bool = False
    """One of them is no longer there."""
    reason: NoOwner | None = None
    """Without processes: why."""
    uid: int | None = None
    """Without processes: the user's."""

    @property
    def size(self) -> int:
        return len(self.others) + (len(self.account.lot) if self.account else 0)

    def lots(self, table: SocketTable) -> list[Lot]:
        """All of its sockets."""
        others = [Lot.of(self.others, table)] if self.others else []
        return [self.account.lot, *others] if self.account else others


@dataclass(frozen=True, slots=True)
class Leak:
    """A group that stays, or grows."""

    group: Group
    left: int
    """Of its sockets, how many are older than `Thresholds.close_wait_age`."""
    oldest: Age | None
    rate: float | None
    """Change per second; None: not known (yet)."""
    use: DescriptorUse | None
    """Of the process that has the fewest descriptors left."""
    forecast: float | None
    """Seconds until its descriptors are used up at this rate; None where they do not keep coming or it is not known."""

    @property
    def share(self) -> float:
        """Of its descriptors that are used; 0 where that is not known."""
        return self.use.used / self.use.limit if self.use and self.use.limit else 0.0

    def is_critical(self, thresholds: Thresholds) -> bool:
        soon = self.forecast is not None and self.forecast <= thresholds.descriptor_forecast
        return soon or self.share >= thresholds.descriptor_share


def close_wait_groups(table: SocketTable, close_waits: Accounts) -> Generator[None, None, list[Group]]:
    """The groups of the CLOSE_WAITs that a process can close: those in an accept queue are not among them.

    A process has one group with all that it owns, as in the view by process.
    """
    # A key for each account, with or without others.
    by_claims: defaultdict[tuple[Claim, ...], list[InetSocket]] = defaultdict(
        list, {(Claim(account.process, True, False),): [] for account in close_waits}
    )
    unowned: defaultdict[tuple[NoOwner, int | None], list[InetSocket]] = defaultdict(list)
    claims_of = _Claims(table)
    for part in parts(close_waits.others.sockets, STEP):
        for s in [s for s in part if s.inode]:
            claims = claims_of(s)
            if claims:
                by_claims[claims].append(s)
            else:
                unowned[table.reason(s), table.uid(s)].append(s)
        yield
    groups = _by_process(by_claims, {account.process.identity: account for account in close_waits})
    return groups + [Group(None, found, reason=reason, uid=uid) for (reason, uid), found in unowned.items()]


class _Claims:
    """The claims of sockets, made once for those that are held by the same descriptors of the same processes."""

    def __init__(self, table: SocketTable) -> None:
        self._table = table
        self._of_holders: dict[tuple[int, ...], tuple[Claim, ...]] = {}
        """By the ids of the holding processes, which live as long as the table."""

    def __call__(self, s: InetSocket) -> tuple[Claim, ...]:
        holders = self._table.snapshot.holders.get(s.inode)
        if not holders:
            return tuple(self._table.claims(s))
        ids = tuple([id(process) for process, _fd in holders])
        claims = self._of_holders.get(ids)
        if claims is None:
            claims = self._of_holders[ids] = tuple(self._table.claims(s))
        return claims


def _by_process(
    by_claims: Mapping[tuple[Claim, ...], Sequence[InetSocket]], accounts: Mapping[tuple[int, int], Account]
) -> list[Group]:
    """Processes that own exactly the same sockets are one group; one that has an account owns that alone."""
    numbers_of: dict[tuple[int, int], list[int]] = {}
    processes: dict[tuple[int, int], Process] = {}
    likely: set[tuple[int, int]] = set()
    gone: set[tuple[int, int]] = set()
    found = list(by_claims.values())
    for number, owners in enumerate(by_claims):
        for process, certain, exited in owners:
            processes[process.identity] = process
            numbers_of.setdefault(process.identity, []).append(number)
            if not certain:
                likely.add(process.identity)
            if exited:
                gone.add(process.identity)
    alike: defaultdict[tuple[int, ...], list[tuple[int, int]]] = defaultdict(list)
    for identity, numbers in numbers_of.items():
        alike[tuple(numbers)].append(identity)
    return [
        Group(
            account=accounts.get(identities[0]),
            others=[s for number in numbers for s in found[number]],
            processes=tuple(processes[identity] for identity in sorted(identities)),
            certain=likely.isdisjoint(identities),
            exited=not gone.isdisjoint(identities),
        )
        for numbers, identities in alike.items()
    ]


def measure(group: Group, table: SocketTable, thresholds: Thresholds) -> Generator[None, None, Leak | None]:
    """What the group is by the thresholds: None while it is everyday."""
    number = group.size
    if number < min(thresholds.close_wait_count, thresholds.close_wait_growing_count):
        return None
    left, eldest, minutes = ages_of(
        group.lots(table), table.snapshot.clock, thresholds.close_wait_age, thresholds.close_wait_minutes
    )
    yield
    keep_coming = all(minutes[minute] for minute in range(thresholds.close_wait_minutes))
    if left < thresholds.close_wait_count and not (keep_coming and number >= thresholds.close_wait_growing_count):
        return None
    rate = _rate(table, group.processes)
    # A young leak is told of before so many minutes have passed: then it is those that have.
    passed = 0 if eldest is None else int(eldest.at_least // MINUTE)
    covered = min(thresholds.close_wait_minutes, passed)
    growing = rate is not None and rate_text(rate).startswith("+") and all(minutes[at] for at in range(covered))
    uses = [use for process in group.processes if (use := table.snapshot.descriptors.get(process.identity))]
    use = min((use for use in uses if use.limit), key=_free, default=uses[0] if uses else None)
    forecast = _free(use) / rate if growing and rate and use and use.limit else None
    return Leak(group, left, eldest, rate, use, forecast)


def _rate(table: SocketTable, processes: Iterable[Process]) -> float | None:
    """Change per second. Processes that share all of their CLOSE_WAITs have the same."""
    for process in processes:
        trend = table.trend(process.identity, tcp_state.CLOSE_WAIT)
        if trend is not None:
            return trend.rate
    return None


def _free(use: DescriptorUse) -> int:
    return max(0, (use.limit or 0) - use.used)
