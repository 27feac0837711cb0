"""A series in a few cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockview.model.sparkline import fit_sparks, sparkline, sparks

ANY_SERIES = st.lists(st.integers(0, 10**6), max_size=60)


@given(ANY_SERIES, st.integers(0, 70))
def test_it_has_exactly_its_cells(series: list[int], cells: int) -> None:
    assert len(sparkline(series, cells)) == cells


@given(ANY_SERIES.filter(bool), st.integers(1, 70))
def test_the_highest_is_in_it_and_the_newest_ends_it(series: list[int], cells: int) -> None:
    drawn = sparks(series)
    fitted = fit_sparks(drawn, cells)
    assert fitted[-1] == drawn[-1]
    assert cells == 1 or max(fitted) == max(drawn)


def test_it_rises_with_the_newest_at_the_right() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([5, 5, 5], 5) == "  ▁▁▁"
    assert sparkline([], 3) == "   "


def test_it_shows_the_whole_series_in_fewer_cells() -> None:
    assert sparkline(list(range(60)), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0] * 30 + [100] + [0] * 29, 6) == "▁▁█▁▁▁"


def test_a_flicker_of_a_large_count_is_low() -> None:
    assert sparkline([10_000, 10_003, 10_000], 3) == "▁▁▁"
    assert sparkline([3, 4, 3], 3) == "▁▂▁"
