"""Findings that stay where they are and as urgent as they are for a moment, while their numbers change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final, get_args

from sockview.model.finding import Finding, Urgency

#: Seconds for which a finding stays as urgent as it was: one at its threshold changes sides with every refresh.
URGENT_SECONDS: Final = 30.0
#: Seconds after which equals take the places that the reader gives them: one that grows must not stay behind for ever.
ORDER_SECONDS: Final = 10.0

_RANKS: Final[dict[Urgency, int]] = {urgency: rank for rank, urgency in enumerate(get_args(Urgency))}
#: Words of a filter that hold a number of the moment.
_OF_THE_MOMENT: Final = ("recvq:", "sendq:")

_Name = tuple[str, str | None, tuple[str, ...]]


class SteadyFindings:
    """Take the findings of every view in turn."""

    def __init__(self) -> None:
        self.shown: list[Finding] | None = None
        """In the order in which they are shown; None before the first view."""
        self._urgencies: dict[_Name, tuple[Urgency, float]] = {}
        """The urgency that each has, and when it last was found to be so."""
        self._ordered_at: float | None = None

    def take(self, clock: float, findings: Sequence[Finding]) -> list[Finding]:
        """What to show of those found at `clock`, in seconds, most urgent first; equals come in the reader's order."""
        known = self._urgencies
        self._urgencies = {}
        for finding in findings:
            urgency, at = known.get(_name(finding), (finding.urgency, clock))
            if _RANKS[finding.urgency] <= _RANKS[urgency] or not 0 <= clock - at < URGENT_SECONDS:
                urgency, at = finding.urgency, clock
            self._urgencies[_name(finding)] = urgency, at
        now = self.as_shown(findings)
        if self.shown and self._ordered_at is not None and 0 <= clock - self._ordered_at < ORDER_SECONDS:
            now = steady_order(self.shown, now)
        else:
            self._ordered_at = clock
        self.shown = now
        return now

    def as_shown(self, findings: Iterable[Finding]) -> list[Finding]:
        """Each with the urgency that it is shown with, most urgent first."""
        found = [
            replace(finding, urgency=self._urgencies.get(_name(finding), (finding.urgency, 0.0))[0])
            for finding in findings
        ]
        return sorted(found, key=lambda finding: _RANKS[finding.urgency])


def steady_order(before: Sequence[Finding], now: Sequence[Finding]) -> list[Finding]:
    """The findings of `now`, most urgent first; equals stand as they stood in `before`, new ones behind them."""
    places = {_name(finding): place for place, finding in enumerate(before)}
    return sorted(now, key=lambda finding: (_RANKS[finding.urgency], places.get(_name(finding), len(before))))


def same_finding(findings: Sequence[Finding], wanted: Finding) -> int | None:
    """Where the finding is now; None where it is gone."""
    alike = [place for place, finding in enumerate(findings) if _rule(finding) == _rule(wanted)]
    return max(alike, key=lambda place: _likeness(findings[place].filter, wanted.filter), default=None)


def _name(finding: Finding) -> _Name:
    """What stays the same from one refresh to the next."""
    words = tuple(word for word in finding.filter.split() if not word.startswith(_OF_THE_MOMENT))
    return (*_rule(finding), words)


def _rule(finding: Finding) -> tuple[str, str | None]:
    """One rule may speak of several processes, and of several places of one."""
    return (finding.kind, finding.group)


def _likeness(text: str, other: str) -> tuple[bool, int]:
    """The same filter, else by how many words it begins alike."""
    pairs = zip(text.split(), other.split(), strict=False)
    return text == other, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
