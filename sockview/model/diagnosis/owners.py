"""Who owns the sockets of a finding, counted, with what is not known about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final

from sockview.model.columns import LIKELY_MARK
from sockview.model.diagnosis.words import counted, listing, name_text
from sockview.model.grouping import process_key
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import NoOwner, Process
from sockview.model.socket_table import SocketTable

#: Sockets looked up between two yields: about 3 ms.
STEP: Final = 1000
#: Sockets looked up at most: of more, every second, third ... one.
MOST: Final = 5000

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
    return claims[0].process if claims else table.attribution(s).no_owner or NoOwner.GONE


def owners_of(table: SocketTable, sockets: Sequence[InetSocket]) -> Generator[None, None, Owners]:
    """Count the owners in steps of a few milliseconds."""
    counts: Counter[tuple[int, int]] = Counter()
    processes: dict[tuple[int, int], tuple[Process, bool]] = {}
    likely: set[tuple[int, int]] = set()
    unknown: Counter[NoOwner] = Counter()
    every = -(-len(sockets) // MOST) or 1
    for start in range(0, len(sockets), STEP * every):
        for s in sockets[start : start + STEP * every : every]:
            claims = table.claims(s)
            if not claims:
                unknown[table.attribution(s).no_owner or NoOwner.GONE] += 1
            for process, certain, exited in claims:
                identity = (process.pid, process.started)
                counts[identity] += 1
                processes[identity] = (process, exited)
                if not certain:
                    likely.add(identity)
        yield
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shares = (
        Share(process, number, identity not in likely, exited)
        for identity, number in ordered
        for process, exited in [processes[identity]]
    )
    return Owners(tuple(shares), unknown, every)
