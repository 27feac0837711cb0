"""The tests of a filter on signs that findings speak of: evidence, the kernel's timer, unanswered tries, silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from sockview.model.filter_terms import Condition, Cost, Mask
from sockview.model.filter_values import Comparison, parse_count, parse_duration
from sockview.model.filter_words import Value
from sockview.model.inet_socket import TIMER_KEEPALIVE, TIMER_RETRANSMIT, TIMER_TIME_WAIT, TIMER_ZERO_WINDOW, InetSocket
from sockview.model.memo import Memo
from sockview.model.owner import Evidence, NoOwner
from sockview.model.socket_table import SocketTable

#: What the kernel's timer waits for, in the words of the filter; ss(8) calls the first ``on``, the last ``persist``.
TIMERS: Final[dict[str, int]] = {
    "retransmit": TIMER_RETRANSMIT,
    "keepalive": TIMER_KEEPALIVE,
    "timewait": TIMER_TIME_WAIT,
    "window": TIMER_ZERO_WINDOW,
}
#: How an owner is known, or why there is none: the words of the JSON output.
EVIDENCE: Final[tuple[str, ...]] = (*(evidence.value for evidence in Evidence), *(reason.value for reason in NoOwner))


@dataclass(frozen=True, slots=True)
class EvidenceTest:
    """All owners of a socket have one and the same evidence; without any, the reason is asked."""

    word: str
    """A value of Evidence or NoOwner."""
    cost: ClassVar[Cost] = Cost.OWNER

    def compile(self, table: SocketTable) -> Mask:
        word, attribution_of = self.word, table.attribution
        held = self.word == Evidence.FD

        def unheld(s: InetSocket) -> bool:
            attribution = attribution_of(s)
            return (attribution.owners[0].evidence if attribution.owners else attribution.no_owner) == word

        return lambda asked: [
            unheld(s) if holder is None else held for s, holder in zip(asked.sockets, asked.holders, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class TimerTest:
    """The kernel's timer of the socket is of that kind."""

    timer: int
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Mask:
        del table
        timer = self.timer
        return lambda asked: [s.timer == timer for s in asked.sockets]


@dataclass(frozen=True, slots=True)
class TriesTest:
    """Unanswered attempts so far."""

    comparison: Comparison
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Mask:
        del table
        known = Memo(self.comparison.holds)
        return lambda asked: [known[s.retransmits] for s in asked.sockets]


@dataclass(frozen=True, slots=True)
class SilentTest:
    """Matches only sockets of which the silence is known: see `Snapshot.silent`."""

    comparison: Comparison
    cost: ClassVar[Cost] = Cost.FIELD

    def compile(self, table: SocketTable) -> Mask:
        holds = self.comparison.holds
        cookies = {cookie for cookie, seconds in table.snapshot.silent.items() if holds(seconds)}
        return lambda asked: [s.cookie in cookies for s in asked.sockets]


def parse_evidence(value: Value) -> Condition:
    """``fd``, ``hidden`` ..."""
    if value.text.lower() not in EVIDENCE:
        raise value.error(f"unknown evidence '{value.shown}', write one of {', '.join(EVIDENCE)}")
    return EvidenceTest(value.text.lower())


def parse_timer(value: Value) -> Condition:
    """``retransmit``, ``window`` ..."""
    timer = TIMERS.get(value.text.lower())
    if timer is None:
        raise value.error(f"unknown timer '{value.shown}', write one of {', '.join(TIMERS)}")
    return TimerTest(timer)


def parse_tries(value: Value) -> Condition:
    """``>=3``"""
    return TriesTest(parse_count(value, "tries"))


def parse_silent(value: Value) -> Condition:
    """``>2h``"""
    return SilentTest(parse_duration(value, "silent"))
