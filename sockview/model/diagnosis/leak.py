"""CLOSE_WAITs of one process, measured: how many, how old, how fast they grow, when its descriptors run out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sockview.model import tcp_state
from sockview.model.attribution import Claim
from sockview.model.diagnosis.gather import ages_of
from sockview.model.format_text import rate_text
from sockview.model.inet_socket import InetSocket
from sockview.model.limits import DescriptorUse
from sockview.model.owner import NoOwner, Process
from sockview.model.query import Age
from sockview.model.socket_table import SocketTable
from sockview.model.thresholds import Thresholds

#: Sockets looked at between two yields: about 2 ms.
STEP: Final = 1000


@dataclass(frozen=True, slots=True)
class Group:
    """CLOSE_WAITs that have the same holders, or the same reason for having none."""

    sockets: Sequence[InetSocket]
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


def close_wait_groups(table: SocketTable, sockets: Sequence[InetSocket]) -> Generator[None, None, list[Group]]:
    """The groups of the CLOSE_WAITs that a process can close: those in an accept queue are not among them.

    A process has one group with all that it owns, as in the view by process.
    """
    by_owners: defaultdict[tuple[Claim, ...], list[InetSocket]] = defaultdict(list)
    alone: defaultdict[Process, list[InetSocket]] = defaultdict(list)
    holders_of = table.snapshot.holders.get
    unowned: defaultdict[tuple[NoOwner, int | None], list[InetSocket]] = defaultdict(list)
    for start in range(0, len(sockets), STEP):
        for s in sockets[start : start + STEP]:
            if not s.inode:
                continue
            held = holders_of(s.inode)
            if held is not None and len(held) == 1:  # nearly every socket, and there are many
                alone[held[0].process].append(s)
                continue
            claims = table.claims(s)
            if claims:
                by_owners[tuple(claims)].append(s)
            else:
                unowned[table.attribution(s).no_owner or NoOwner.GONE, table.uid(s)].append(s)
        yield
    for process, found in alone.items():
        owners = (Claim(process, True, False),)
        by_owners[owners] = [*by_owners[owners], *found] if owners in by_owners else found
    groups = _by_process(by_owners)
    return groups + [Group(found, reason=reason, uid=uid) for (reason, uid), found in unowned.items()]


def _by_process(by_owners: Mapping[tuple[Claim, ...], Sequence[InetSocket]]) -> list[Group]:
    """Processes that own exactly the same sockets are one group."""
    parts: dict[tuple[int, int], list[int]] = {}
    processes: dict[tuple[int, int], Process] = {}
    likely: set[tuple[int, int]] = set()
    gone: set[tuple[int, int]] = set()
    found = list(by_owners.values())
    for number, owners in enumerate(by_owners):
        for process, certain, exited in owners:
            processes[process.identity] = process
            parts.setdefault(process.identity, []).append(number)
            if not certain:
                likely.add(process.identity)
            if exited:
                gone.add(process.identity)
    alike: defaultdict[tuple[int, ...], list[tuple[int, int]]] = defaultdict(list)
    for identity, numbers in parts.items():
        alike[tuple(numbers)].append(identity)
    return [
        Group(
            sockets=found[numbers[0]] if len(numbers) == 1 else [s for number in numbers for s in found[number]],
            processes=tuple(processes[identity] for identity in sorted(identities)),
            certain=likely.isdisjoint(identities),
            exited=not gone.isdisjoint(identities),
        )
        for numbers, identities in alike.items()
    ]


def measure(group: Group, table: SocketTable, thresholds: Thresholds) -> Generator[None, None, Leak | None]:
    """What the group is by the thresholds: None while it is everyday."""
    number = len(group.sockets)
    if number < min(thresholds.close_wait_count, thresholds.close_wait_growing_count):
        return None
    left, eldest, minutes = yield from ages_of(table, group.sockets, thresholds.close_wait_age)
    keep_coming = all(minutes[minute] for minute in range(thresholds.close_wait_minutes))
    if left < thresholds.close_wait_count and not (keep_coming and number >= thresholds.close_wait_growing_count):
        return None
    rate = _rate(table, group.processes)
    # A young leak is told of before so many minutes have passed: then it is those that have.
    covered = min(thresholds.close_wait_minutes, max(minutes, default=0))
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
