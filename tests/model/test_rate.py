"""How fast a count changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model.rate import LEAST_SECONDS, change_rate

SPACING = 5.0


def rate(*counts: int, spacing: float = SPACING) -> float | None:
    return change_rate([(at * spacing, count) for at, count in enumerate(counts)])


def test_nothing_is_said_below_a_few_seconds() -> None:
    assert rate() is None
    assert rate(7) is None
    assert rate(7, 9, spacing=LEAST_SECONDS / 2) is None
    assert rate(7, 17) == 2.0


@pytest.mark.parametrize("step", [-40, -1, 0, 1, 3, 500])
@pytest.mark.parametrize("length", [2, 3, 4, 13])
def test_a_steady_change_is_its_rate(step: int, length: int) -> None:
    assert rate(*(10_000 + step * at for at in range(length))) == step / SPACING


def test_a_slow_leak_counts() -> None:
    assert rate(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3) == 3 / 60


def test_a_leak_in_bursts_counts() -> None:
    assert rate(*[100] * 7, *[150] * 6) == 50 / 60


@pytest.mark.parametrize("at", range(13))
@pytest.mark.parametrize("flicker", [0, 5000])
def test_a_single_flicker_does_not_count(at: int, flicker: int) -> None:
    counts = [100] * 13
    counts[at] = flicker
    assert rate(*counts) == 0


def test_a_collapse_is_no_rate() -> None:
    assert rate(*[100] * 8, 0, 0, 0, 0) == 0
    restarted = rate(*range(200, 320, 12), 3, 13, 23, 33, 43)
    assert restarted == 10 / SPACING


def test_a_count_that_comes_back_did_not_collapse() -> None:
    saw = [20, 5, 25, 4, 22, 5, 21, 3, 24]
    found = rate(*saw * 2)
    assert found is not None
    assert abs(found) <= 25 / (SPACING * 17)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=14))
def test_the_rate_is_within_what_was_seen(counts: list[int]) -> None:
    found = rate(*counts)
    assert found is not None
    assert abs(found) <= (max(counts) - min(counts)) / SPACING
