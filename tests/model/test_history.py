"""The lines of the histogram over time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockview.model.history import KEPT_SECONDS, History
from sockview.model.query import Age, StateLine
from sockview.model.series import BINS
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, LISTEN, TIME_WAIT, state_rank
from sockview.model.trend import Trend


def add(history: History, clock: float, **counts: int) -> dict[int, StateLine]:
    states = {"cw": CLOSE_WAIT, "tw": TIME_WAIT, "est": ESTABLISHED, "listen": LISTEN}
    lines = history.add(clock, {states[name]: count for name, count in counts.items()}, {})
    return {line.state: line for line in lines}


def test_close_wait_and_time_wait_are_always_there() -> None:
    nothing = Trend((0,), 0.0, None)
    assert History().add(5.0, {}, {}) == (StateLine(CLOSE_WAIT, 0, nothing), StateLine(TIME_WAIT, 0, nothing))


def test_the_most_urgent_comes_first() -> None:
    lines = History().add(5.0, {LISTEN: 1, ESTABLISHED: 3, CLOSE_WAIT: 2}, {CLOSE_WAIT: Age(4.0, None)})
    assert [line.state for line in lines] == [CLOSE_WAIT, TIME_WAIT, ESTABLISHED, LISTEN]
    assert lines[0].oldest == Age(4.0, None)


def test_a_line_has_its_trend() -> None:
    history = History()
    for clock in range(0, 61, 5):
        lines = add(history, clock, est=100 - clock, cw=clock // 20)
    assert lines[ESTABLISHED].trend == Trend(tuple(range(100, 35, -5)), 60.0, -1.0)
    assert lines[CLOSE_WAIT].trend.rate == 3 / 60
    assert lines[TIME_WAIT].trend == Trend((0,) * 13, 60.0, 0.0)


def test_a_clock_that_goes_back_starts_anew() -> None:
    history = History()
    add(history, 500, est=7)
    lines = add(history, 3, listen=9)
    assert lines.keys() == {CLOSE_WAIT, TIME_WAIT, LISTEN}
    assert lines[LISTEN].trend == Trend((9,), 0.0, None)


def test_a_state_stays_in_sight_while_its_series_shows_it() -> None:
    history = History()
    for clock in range(0, 3600, 30):
        lines = add(history, clock, **({"est": 9} if clock < 600 else {}))
        assert ESTABLISHED in lines
    assert lines[ESTABLISHED].count == 0
    assert ESTABLISHED not in add(history, 3600 + 600)


def test_a_flicker_stays_in_sight_for_some_minutes() -> None:
    history = History()
    add(history, 0, est=9)
    for clock in range(1, int(KEPT_SECONDS), 10):
        assert ESTABLISHED in add(history, clock)
    assert ESTABLISHED not in add(history, KEPT_SECONDS)


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e9), st.dictionaries(st.integers(0, 20), st.integers(1, 10**6))), min_size=1)
)
def test_whatever_the_clock_does_the_series_is_bounded_and_ends_in_now(
    steps: list[tuple[float, dict[int, int]]],
) -> None:
    history = History()
    for clock, counts in steps:
        lines = history.add(clock, counts, {})
    assert {line.state: line.count for line in lines if line.count} == counts
    assert all(1 <= len(line.trend.series) <= BINS and line.trend.series[-1] == line.count for line in lines)
    assert len({(len(line.trend.series), line.trend.span) for line in lines}) == 1
    assert [line.state for line in lines] == sorted((line.state for line in lines), key=state_rank)
