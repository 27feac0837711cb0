"""How the tests of a filter are joined: all of them, any of them, none."""

from __future__ import annotations

from dataclasses import dataclass

from sockview.model.filter_lookups import PidTest
from sockview.model.filter_terms import Condition, Cost, Predicate, StateTest, everything
from sockview.model.socket_table import SocketTable


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the tests holds."""

    tests: tuple[Condition, ...]

    @property
    def cost(self) -> Cost:
        return max(test.cost for test in self.tests)

    def compile(self, table: SocketTable) -> Predicate:
        match _cheapest_first(self.tests, table):
            case [one]:
                return one
            case [one, two]:
                return lambda s: one(s) or two(s)
            case many:
                return lambda s: any(matches(s) for matches in many)


@dataclass(frozen=True, slots=True)
class AllOf:
    """All tests hold; none at all lets everything through."""

    tests: tuple[Condition, ...]

    @property
    def cost(self) -> Cost:
        return max((test.cost for test in self.tests), default=Cost.FIELD)

    def compile(self, table: SocketTable) -> Predicate:
        match _cheapest_first(self.tests, table):
            case [one]:
                return one
            case [one, two]:
                return lambda s: one(s) and two(s)
            case [one, *rest]:
                return lambda s: one(s) and all(matches(s) for matches in rest)
            case _:
                return everything


@dataclass(frozen=True, slots=True)
class Not:
    """Exactly the sockets that the test does not match, also where it failed for want of knowledge."""

    test: Condition

    @property
    def cost(self) -> Cost:
        return self.test.cost

    def compile(self, table: SocketTable) -> Predicate:
        matches = self.test.compile(table)
        return lambda s: not matches(s)


def _cheapest_first(tests: tuple[Condition, ...], table: SocketTable) -> list[Predicate]:
    return [test.compile(table) for test in sorted(tests, key=lambda test: test.cost)]


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
