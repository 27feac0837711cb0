"""Counts over an hour in at most 60 bins."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model.series import BINS, WIDTHS, Past, Series

HOUR = 3600


def counted(seconds: int, interval: int = 1) -> Past[str]:
    """The count is the minute of the clock, and one."""
    series: Series[str] = Series()
    for clock in range(0, seconds + 1, interval):
        past = series.add(float(clock), {"a": clock // 60 + 1})
    return past


def test_a_bin_keeps_its_last_count_and_the_newest_lives() -> None:
    series: Series[str] = Series()
    for clock in range(13):
        trend = series.add(100.0 + clock, {"a": clock}).trend("a")
    assert (trend.series, trend.span) == ((4, 9, 12), 12.0)


@pytest.mark.parametrize(
    ("seconds", "length"),
    [(0, 1), (4, 1), (5, 2), (299, 60), (300, 31), (600, 31), (1200, 21), (HOUR - 1, 60), (HOUR, 60), (3 * HOUR, 60)],
)
def test_everything_seen_is_covered_up_to_an_hour(seconds: int, length: int) -> None:
    trend = counted(seconds).trend("a")
    assert len(trend.series) == length
    assert trend.span == (seconds if seconds < HOUR else HOUR - WIDTHS[-1])
    assert trend.series[-1] == seconds // 60 + 1


def test_after_an_hour_it_slides() -> None:
    assert counted(2 * HOUR).trend("a").series == tuple(range(62, 122))


@pytest.mark.parametrize("interval", [5, 10, 20, 60])
def test_the_refresh_interval_does_not_move_the_series(interval: int) -> None:
    often, rarely = counted(2 * HOUR), counted(2 * HOUR, interval)
    assert often.trend("a").series == rarely.trend("a").series


def test_longer_bins_keep_the_last_count_of_those_they_are_made_of() -> None:
    before, after = counted(299).trend("a"), counted(300).trend("a")
    assert after.series == (*before.series[1::2], 6)


def test_a_pause_holds_the_count_that_was_last_seen() -> None:
    series: Series[str] = Series()
    series.add(0, {"a": 7})
    assert series.add(22, {"a": 9}).trend("a").series == (7, 7, 7, 7, 9)
    slept = series.add(1e9, {"a": 1}).trend("a")
    assert slept.series == (9,) * (BINS - 1) + (1,)
    assert HOUR - WIDTHS[-1] <= slept.span <= HOUR


def test_a_clock_that_goes_back_starts_anew() -> None:
    series: Series[str] = Series()
    series.add(500, {"a": 7})
    past = series.add(3, {"b": 9})
    assert past.keys == {"b"}
    assert (past.trend("b").series, past.trend("b").span, past.trend("b").rate) == ((9,), 0.0, None)


def test_those_that_are_absent_had_none() -> None:
    series: Series[str] = Series()
    for clock in range(0, 31, 5):
        past = series.add(clock, {"old": 3} if clock < 10 else {"new": clock})
    assert past.trend("new").series == (0, 0, 10, 15, 20, 25, 30)
    assert past.trend("old").series == (3, 3, 0, 0, 0, 0, 0)
    assert past.keys == {"old", "new"}


def test_those_that_may_have_been_left_out_are_known_from_then_on_only() -> None:
    series: Series[str] = Series()
    series.add(0, {"a": 5, "b": 1})
    series.add(5, {"a": 5}, whole=False)
    past = series.add(20, {"a": 5, "b": 4})
    assert (past.trend("b").series, past.trend("b").span) == ((4,), 0.0)
    assert past.trend("a").series == (5,) * 5
    gone = series.add(40, {"a": 5}, whole=False)
    assert (gone.trend("b").series, gone.trend("b").span, gone.trend("b").rate) == ((), 0.0, None)


def test_what_is_known_at_one_moment_does_not_change() -> None:
    series: Series[str] = Series()
    for clock in range(280):
        past = series.add(float(clock), {"a": clock})
    before = past.trend("a")
    for clock in range(280, 700):
        series.add(float(clock), {"b": clock})
    assert past.trend("a") == before
    assert past.keys == {"a"}


def test_memory_is_bounded_however_many_come_and_go() -> None:
    def grow(hours: range) -> int:
        for clock in range(hours.start * HOUR, hours.stop * HOUR, 10):
            series.add(float(clock), {(clock, number): number + 1 for number in range(50)})
        return tracemalloc.get_traced_memory()[0]

    series: Series[tuple[int, int]] = Series(limit=50)
    tracemalloc.start()
    try:
        first, last = grow(range(2)), grow(range(2, 6))
    finally:
        tracemalloc.stop()
    assert last < first * 1.2
    past = series.add(6.0 * HOUR, {})
    assert len(past.keys) <= 100


@given(st.lists(st.tuples(st.floats(0, 5000), st.dictionaries(st.integers(0, 5), st.integers(0, 10**6))), min_size=1))
def test_whatever_the_intervals_the_series_is_bounded_spans_what_was_seen_and_ends_now(
    steps: list[tuple[float, dict[int, int]]],
) -> None:
    series: Series[int] = Series()
    start = clock = 1000.0 + steps[0][0]
    for number, (gap, counts) in enumerate(steps):
        clock += gap if number else 0.0
        past = series.add(clock, counts)
    for key in range(6):
        trend = past.trend(key)
        assert 1 <= len(trend.series) <= BINS
        assert trend.series[-1] == steps[-1][1].get(key, 0)
        assert trend.span == pytest.approx(clock - start) or HOUR - WIDTHS[-1] <= trend.span <= HOUR
        width = next(width for width in WIDTHS if clock - start < width * BINS or width == WIDTHS[-1])
        assert (len(trend.series) - 1) * width <= trend.span + 1e-6
        assert trend.span <= len(trend.series) * width + 1e-6
