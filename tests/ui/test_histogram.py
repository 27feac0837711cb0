"""Bars, sparklines and which states share a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockview.model import tcp_state
from sockview.model.query import StateLine
from sockview.ui.histogram import bar, sparkline, split_states


def line(state: int, count: int) -> StateLine:
    return StateLine(state, count, 0, (count,))


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


@given(st.lists(st.integers(0, 10**6), max_size=60), st.integers(1, 40))
def test_sparkline_has_its_cells(series: list[int], cells: int) -> None:
    assert len(sparkline(series, cells)) == cells


def test_sparkline_rises_with_the_newest_at_the_right() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([5, 5, 5], 5) == "  ▁▁▁"


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
