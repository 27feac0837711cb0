"""A finding with what orders it among the others."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Final, NamedTuple

from sockview.model.finding import Finding, Urgency

_URGENCIES: Final[dict[Urgency, int]] = {"critical": 0, "warning": 1, "notice": 2}


class Ranked(NamedTuple):
    finding: Finding
    size: int
    """How many sockets it is about, or how often it happened."""
    forecast: float = math.inf
    """Seconds until something fails, where that can be told."""

    @property
    def rank(self) -> tuple[int, float, int]:
        """Sort key, most urgent first; soonest, then largest."""
        return (_URGENCIES[self.finding.urgency], self.forecast, -self.size)


#: What a rule gives: its findings, found in steps of a few milliseconds.
Found = Generator[None, None, list[Ranked]]
