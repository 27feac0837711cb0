"""The samples of the last minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockview.model.recent import SPACING, WINDOW, Recent


def test_the_samples_reach_back_a_minute_and_end_now() -> None:
    recent: Recent[int] = Recent()
    for clock in range(200):
        samples = recent.add(float(clock), clock)
    assert samples[-1] == (199.0, 199)
    assert WINDOW <= 199 - samples[0].clock < WINDOW + SPACING + 1


def test_rare_looks_reach_back_to_the_one_before() -> None:
    recent: Recent[str] = Recent()
    recent.add(0, "a")
    recent.add(600, "b")
    assert [sample.value for sample in recent.add(1200, "c")] == ["b", "c"]


def test_a_clock_that_goes_back_starts_anew() -> None:
    recent: Recent[str] = Recent()
    recent.add(500, "a")
    recent.add(501, "b")
    assert recent.add(500.5, "c") == ((500.5, "c"),)


@given(st.lists(st.floats(0, 1000), min_size=1))
def test_the_samples_are_few_and_in_order(gaps: list[float]) -> None:
    recent: Recent[int] = Recent()
    clock = 0.0
    for number, gap in enumerate(gaps):
        clock += gap
        samples = recent.add(clock, number)
    assert samples[-1] == (clock, len(gaps) - 1)
    assert 1 <= len(samples) <= WINDOW / SPACING + 3
    clocks = [sample.clock for sample in samples]
    assert clocks == sorted(clocks)
    assert clock - clocks[0] >= min(WINDOW, clock - gaps[0])
