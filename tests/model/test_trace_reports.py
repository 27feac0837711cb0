"""How long reports are kept, and how many."""

from __future__ import annotations

from sockview.model.trace_memory import Traced, TraceMemory
from sockview.model.trace_reports import LOOKS_KEPT, MOST, MOST_BATCHES, MOST_GAPS
from tests.model.trace_builders import CURL, QUIET, WGET, look, matched, report, row


def test_a_report_is_kept_for_the_looks_that_may_need_it() -> None:
    first = look(100.0, reports=[report(100.05)])
    later = [look(101.0 + n) for n in range(LOOKS_KEPT)]
    assert matched(row(), first, *later[:-1]) == Traced((CURL,))
    assert matched(row(), first, *later) is None


def test_looks_that_are_not_complete_forget_nothing_but_for_the_oldest() -> None:
    first = look(100.0, reports=[report(99.0)])
    later = [look(101.0 + n, complete=False, reports=[report(100.5 + n, local="10.0.0.1:1")]) for n in range(20)]
    assert matched(row(), first, *later[: MOST_BATCHES - 1]) == Traced((CURL,))
    assert matched(row(), first, *later[:MOST_BATCHES]) is None


def test_beyond_the_most_the_oldest_are_given_up_and_that_is_a_gap() -> None:
    many = [report(98.5 + n / 1_000_000, local=f"10.0.0.1:{n % 60_000 + 1}") for n in range(MOST)]
    assert matched(row(), look(reports=[report(98.2), *many])) is None
    during = report(100.05)
    assert matched(row(), *QUIET, look(reports=[*many, during]), first=True) == Traced((CURL,), certain=False)
    assert matched(row(), *QUIET, look(reports=[*many[1:], during]), first=True) == Traced((CURL,))


def test_of_very_many_gaps_the_oldest_become_one() -> None:
    gaps = tuple((n / 100, n / 100 + 0.001) for n in range(MOST_GAPS + 50))
    assert matched(row(), look(reports=[report(0.1, WGET), report(5.0)], gaps=gaps)) == Traced((CURL,))
    old = report(0.195, CURL)
    assert matched(row(), look(reports=[old], gaps=gaps)) == Traced((CURL,), certain=False)


def test_steps_enter_what_was_taken_and_may_be_given_up() -> None:
    many = [report(50.0 + n / 10_000, local=f"10.0.0.1:{n % 60_000 + 1}") for n in range(20_000)]
    now = look(reports=[*many, report(99.0)])
    memory = TraceMemory()
    memory.take(now.trace)
    steps = memory.steps()
    next(steps)
    assert memory.match(row(), now) == Traced((CURL,))
    assert list(memory.steps()) == []
