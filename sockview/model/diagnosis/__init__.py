"""What is wrong with the sockets of a table. Each rule is a module of its own; `Thresholds` has their numbers."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final

from sockview.model.diagnosis.accept_queue import accept_queues
from sockview.model.diagnosis.close_wait import close_wait_leaks
from sockview.model.diagnosis.closing import closing_unanswered
from sockview.model.diagnosis.ephemeral_ports import ephemeral_ports
from sockview.model.diagnosis.fin_wait2 import half_closed, peers_not_closing
from sockview.model.diagnosis.half_open import half_open
from sockview.model.diagnosis.no_answer import no_answer
from sockview.model.diagnosis.ranked import TITLES, Found, Ranked
from sockview.model.diagnosis.shared_port import shared_ports
from sockview.model.diagnosis.silent import silent_peers
from sockview.model.diagnosis.stuck import stuck
from sockview.model.diagnosis.suspects import SuspectFinder, Suspects
from sockview.model.diagnosis.time_wait_buckets import time_wait_buckets
from sockview.model.diagnosis.unaccepted import not_accepting
from sockview.model.diagnosis.words import counted
from sockview.model.finding import Finding
from sockview.model.socket_table import SocketTable
from sockview.model.thresholds import Thresholds

__all__ = ["Diagnosis", "diagnose"]

_DEFAULTS: Final = Thresholds()

_RULES: Final[tuple[Callable[[Suspects, SocketTable, Thresholds], Found], ...]] = (
    close_wait_leaks,
    not_accepting,
    ephemeral_ports,
    time_wait_buckets,
    accept_queues,
    half_open,
    shared_ports,
    no_answer,
    closing_unanswered,
    half_closed,
    peers_not_closing,
    stuck,
    silent_peers,
)


class Diagnosis:
    """Looks at every table in turn: what has not changed since the last one is not looked at again."""

    def __init__(self, thresholds: Thresholds = _DEFAULTS) -> None:
        self._thresholds = thresholds
        self._finder = SuspectFinder(thresholds)

    def of(self, table: SocketTable) -> Generator[None, None, tuple[Finding, ...]]:
        """The findings, most urgent first, in steps of a few milliseconds; none on a healthy machine.

        Of one kind there are at most `Thresholds.findings_per_rule` and one for the rest.
        """
        thresholds = self._thresholds
        suspects = yield from self._finder.find(table)
        found: list[Ranked] = []
        for rule in _RULES:
            of_rule = yield from rule(suspects, table, thresholds)
            found += _bounded(of_rule, thresholds.findings_per_rule)
        return tuple(ranked.finding for ranked in sorted(found, key=lambda ranked: ranked.rank))


def diagnose(table: SocketTable, thresholds: Thresholds = _DEFAULTS) -> Generator[None, None, tuple[Finding, ...]]:
    """The findings of one table alone."""
    return Diagnosis(thresholds).of(table)


def _bounded(found: list[Ranked], most: int) -> list[Ranked]:
    """The most urgent ones, and the rest in one."""
    if len(found) <= most + 1:
        return found
    ordered = sorted(found, key=lambda ranked: ranked.rank)
    rest = ordered[most:]
    number = len(rest) + sum(ranked.others for ranked in found)
    finding = Finding(
        kind=rest[0].finding.kind,
        urgency=rest[0].finding.urgency,
        title=f"{counted(number, 'more finding')} of this kind: {rest[0].finding.title}",
        facts=tuple(f"{ranked.finding.title}." for ranked in rest[:TITLES]),
        state=rest[0].finding.state,
    )
    return [*ordered[:most], Ranked(finding, rest[0].size, rest[0].forecast)]
