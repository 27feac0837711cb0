"""Bars, which states share a line, and what a line says in how many cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model import tcp_state
from sockview.model.format_text import cell_width
from sockview.model.query import Age, StateLine
from sockview.model.trend import Trend
from sockview.ui.histogram import bar, split_states, state_lines
from sockview.ui.line_widget import Line

HOUR_LONG = tuple(range(0, 240, 4))


def line(state: int, count: int, rate: float | None = 0.0, oldest: Age | None = None) -> StateLine:
    return StateLine(state, count, Trend((*HOUR_LONG[:-1], count), 3540.0, rate), oldest)


def text_of(drawn: Line) -> str:
    return "".join(span.text for span in drawn.spans)


def tone_of(drawn: Line, text: str) -> str:
    return next(span.tone for span in drawn.spans if span.text.strip() == text)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 80))
def test_bar_has_its_cells_and_never_vanishes(count: int, largest: int, cells: int) -> None:
    count = min(count, largest)
    drawn = bar(count, largest, cells)
    assert len(drawn) == cells
    assert bool(drawn.strip()) == bool(count)


def test_the_largest_fills_the_bar_and_one_shows_a_sliver() -> None:
    assert bar(50_000, 50_000, 10) == "█" * 10
    assert bar(1, 50_000, 10) == "▏" + " " * 9
    assert bar(0, 0, 4) == "    "


# ------------------------------------------------------------------ lines
LEAKING = [
    line(tcp_state.CLOSE_WAIT, 250, 3.0, Age(724.0, None)),
    line(tcp_state.TIME_WAIT, 10_000, -40.0),
    line(tcp_state.ESTABLISHED, 40_000, 12 / 60),
]


def test_eighty_columns_say_how_many_how_fast_and_since_when() -> None:
    close_wait, time_wait, established = (text_of(drawn) for drawn in state_lines(LEAKING, 40_000, 80, None))
    assert [word for word in close_wait.split() if not set(word) & set("▏▁█")] == [
        "!CLOSE_WAIT",
        "250",
        "+3/s",
        "oldest",
        ">12m",
    ]
    assert time_wait.rstrip().endswith("last 1h")
    assert established.rstrip().endswith("▁█")
    assert ("10,000" in time_wait, "-40/s" in time_wait, "+12/min" in established) == (True, True, True)


def test_how_far_back_it_goes_is_said_once() -> None:
    said = "".join(text_of(drawn) for drawn in state_lines(LEAKING, 40_000, 120, None))
    assert said.count("last 1h") == 1
    healthy = [line(tcp_state.CLOSE_WAIT, 0), line(tcp_state.TIME_WAIT, 0)]
    assert text_of(state_lines(healthy, 0, 80, None)[0]).rstrip().endswith("last 1h")


def test_the_rate_alarms_only_where_close_wait_grows() -> None:
    close_wait, time_wait, _ = state_lines(LEAKING, 40_000, 80, None)
    assert (tone_of(close_wait, "+3/s"), tone_of(time_wait, "-40/s")) == ("alarm", "plain")
    falling, steady = state_lines(
        [line(tcp_state.CLOSE_WAIT, 9, -0.5), line(tcp_state.TIME_WAIT, 9, 0.0)], 9, 80, tcp_state.CLOSE_WAIT
    )
    assert (tone_of(falling, "-30/min"), tone_of(steady, "0/min")) == ("plain", "dim")
    assert (text_of(falling)[0], falling.ground) == ("›", "cursor")


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 240])
@pytest.mark.parametrize("count", [0, 7, 99_999, 12_345_678])
@pytest.mark.parametrize("oldest", [None, Age(3 * 3600.0, None), Age(4e9, None)])
def test_lines_fit_and_their_parts_stand_below_each_other(width: int, count: int, oldest: Age | None) -> None:
    states = [
        line(tcp_state.CLOSE_WAIT, count, 119_999.0, oldest),
        line(tcp_state.ESTABLISHED, 3, None),
        line(tcp_state.BOUND_INACTIVE, 1, -59 / 60),
    ]
    drawn = state_lines(states, max(count, 3), width, None)
    assert len({tuple(cell_width(span.text) for span in each.spans) for each in drawn}) == 1
    assert cell_width(text_of(drawn[0])) <= width


# ------------------------------------------------------------------ which states share a line
def test_quiet_states_share_a_line_and_the_two_never_do() -> None:
    states = [
        line(tcp_state.CLOSE_WAIT, 0),
        line(tcp_state.TIME_WAIT, 0),
        line(tcp_state.SYN_SENT, 2),
        line(tcp_state.FIN_WAIT2, 9),
        line(tcp_state.ESTABLISHED, 400),
        line(tcp_state.LISTEN, 500),
    ]
    own, folded = split_states(states, 4)
    assert [s.state for s in own] == [
        tcp_state.CLOSE_WAIT,
        tcp_state.TIME_WAIT,
        tcp_state.FIN_WAIT2,
        tcp_state.ESTABLISHED,
    ]
    assert [s.state for s in folded] == [tcp_state.SYN_SENT, tcp_state.LISTEN]


def test_few_states_all_have_their_line() -> None:
    states = [line(tcp_state.CLOSE_WAIT, 1), line(tcp_state.TIME_WAIT, 1), line(tcp_state.LISTEN, 1)]
    assert split_states(states, 4) == (states, [])
