"""How the tests of a filter are joined: all of them, any of them, none."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from operator import not_
from typing import Final

from sockview.model.filter_lookups import PidTest, ProcessTest, TextTest
from sockview.model.filter_terms import Condition, Cost, Mask, StateTest, any_mask
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable

#: Sockets filtered between two yields: a few ms with a costly test.
STEP: Final = 2500
#: More pairs of tests than that are not compared, to see whether one filter narrows another.
MOST_PAIRS: Final = 1000


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the tests holds."""

    tests: tuple[Condition, ...]

    @property
    def cost(self) -> Cost:
        return max(test.cost for test in self.tests)

    def compile(self, table: SocketTable) -> Mask:
        return any_mask([test.compile(table) for test in _cheapest_first(self.tests)])


@dataclass(frozen=True, slots=True)
class AllOf:
    """All tests hold; none at all lets everything through."""

    tests: tuple[Condition, ...]

    @property
    def cost(self) -> Cost:
        return max((test.cost for test in self.tests), default=Cost.FIELD)

    def sieve_steps(self, selection: Selection) -> Generator[None, None, Selection]:
        """Those that pass, in their order: the cheap tests leave few for the others."""
        for test in _cheapest_first(self.tests):
            mask = test.compile(selection.table)
            passing: list[Selection] = []
            for part in selection.parts(STEP):
                passing.append(part.where(mask(part)))
                yield
            selection = Selection.joined(selection.table, passing)
        return selection

    def narrows(self, wider: AllOf) -> bool:
        """Whether it is certain, whatever the table, that each socket that passes here passes there too.

        So it is while somebody types on at a word, or adds one.
        """
        if len(self.tests) * len(wider.tests) > MOST_PAIRS:
            return False
        return all(any(_implies(test, other) for test in self.tests) for other in wider.tests)


@dataclass(frozen=True, slots=True)
class Not:
    """Exactly the sockets that the test does not match, also where it failed for want of knowledge."""

    test: Condition

    @property
    def cost(self) -> Cost:
        return self.test.cost

    def compile(self, table: SocketTable) -> Mask:
        mask = self.test.compile(table)
        return lambda asked: list(map(not_, mask(asked)))


def _cheapest_first(tests: tuple[Condition, ...]) -> list[Condition]:
    return sorted(tests, key=lambda test: test.cost)


def _implies(test: Condition, other: Condition) -> bool:
    """Whether what passes `test` is known to pass `other`: False proves nothing."""
    match test, other:
        case (Not(test=inner), Not(test=outer)):
            return _implies(outer, inner)
        case (AnyOf() | TextTest() | ProcessTest(), AnyOf() | TextTest() | ProcessTest()):
            narrow, wide = _alternatives(test), _alternatives(other)
            if len(narrow) * len(wide) > MOST_PAIRS:
                return False
            return all(any(_contains(one, part) for part in wide) for one in narrow)
    return test == other


def _alternatives(test: Condition) -> tuple[Condition, ...]:
    return test.tests if isinstance(test, AnyOf) else (test,)


def _contains(test: Condition, other: Condition) -> bool:
    """A text is found only where each part of it is."""
    match test, other:
        case (TextTest(), TextTest()):
            return other.text in test.text and (other.addresses or not test.addresses)
        case (ProcessTest(), ProcessTest()):
            return other.text in test.text and (test.name, test.command) == (other.name, other.command)
    return test == other


def any_of(tests: list[Condition]) -> Condition:
    """The alternatives of one word as one condition; sets of states and PIDs are asked at once."""
    states = [test for test in tests if isinstance(test, StateTest)]
    pids = [test for test in tests if isinstance(test, PidTest)]
    if len(states) > 1:
        rest = [test for test in tests if not isinstance(test, StateTest)]
        return any_of([*rest, StateTest(frozenset().union(*(test.states for test in states)))])
    if len(pids) > 1:
        rest = [test for test in tests if not isinstance(test, PidTest)]
        merged = PidTest(frozenset().union(*(test.pids for test in pids)), any(test.ownerless for test in pids))
        return any_of([*rest, merged])
    return tests[0] if len(tests) == 1 else AnyOf(tuple(tests))
