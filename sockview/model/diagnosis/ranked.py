"""A finding with what orders it among the others."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Generator
from typing import Final, NamedTuple, TypeVar

from sockview.model.finding import Finding, Urgency
from sockview.model.thresholds import Thresholds

T = TypeVar("T")

_URGENCIES: Final[dict[Urgency, int]] = {"critical": 0, "warning": 1, "notice": 2}

#: Findings of one rule that are told in the one for the rest.
TITLES: Final = 12


class Ranked(NamedTuple):
    finding: Finding
    size: int
    """How many sockets it is about, or how often it happened."""
    forecast: float = math.inf
    """Seconds until something fails, where that can be told."""
    others: int = 0
    """How many more there are of its rule, all of them milder than those that were made."""

    @property
    def rank(self) -> tuple[int, float, int]:
        """Sort key, most urgent first; soonest, then largest."""
        return (_URGENCIES[self.finding.urgency], self.forecast, -self.size)


def foremost(
    things: Collection[T], rank: Callable[[T], tuple[object, ...]], thresholds: Thresholds
) -> tuple[list[T], int]:
    """The first by `rank`, as many as a rule tells of, and how many others there are: to make a finding takes time."""
    most = thresholds.findings_per_rule + 1 + TITLES
    return heapq.nsmallest(most, things, key=rank), max(0, len(things) - most)


def with_others(found: list[Ranked], others: int) -> list[Ranked]:
    """The findings of a rule, and how many more it could have made."""
    return [*found[:-1], found[-1]._replace(others=others)] if found and others else found


#: What a rule gives, in steps of a few milliseconds: its findings, in an order that does not depend on the sockets'.
Found = Generator[None, None, list[Ranked]]
