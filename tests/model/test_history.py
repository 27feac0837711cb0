"""The counts over the last minutes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockview.model.history import BIN_SECONDS, BINS, History
from sockview.model.query import Age, StateLine
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, LISTEN, TIME_WAIT, state_rank


def add(history: History, clock: float, **counts: int) -> dict[int, StateLine]:
    states = {"cw": CLOSE_WAIT, "tw": TIME_WAIT, "est": ESTABLISHED, "listen": LISTEN}
    lines = history.add(clock, {states[name]: count for name, count in counts.items()}, {})
    return {line.state: line for line in lines}


def test_close_wait_and_time_wait_are_always_there() -> None:
    lines = History().add(5.0, {}, {})
    assert [(line.state, line.count, line.change, line.series) for line in lines] == [
        (CLOSE_WAIT, 0, None, (0,)),
        (TIME_WAIT, 0, None, (0,)),
    ]


def test_the_most_urgent_comes_first() -> None:
    lines = History().add(5.0, {LISTEN: 1, ESTABLISHED: 3, CLOSE_WAIT: 2}, {CLOSE_WAIT: Age(4.0, None)})
    assert [line.state for line in lines] == [CLOSE_WAIT, TIME_WAIT, ESTABLISHED, LISTEN]
    assert lines[0].oldest == Age(4.0, None)


def test_the_change_is_against_the_refresh_before() -> None:
    history = History()
    assert add(history, 0, est=10)[ESTABLISHED].change is None
    assert add(history, 1, est=14)[ESTABLISHED].change == 4
    assert add(history, 2, est=14)[ESTABLISHED].change == 0
    assert add(history, 3)[ESTABLISHED].change == -14
    assert add(history, 4, cw=2)[CLOSE_WAIT].change == 2


def test_a_bin_keeps_its_last_count_and_the_newest_lives() -> None:
    history = History()
    for clock in range(25):
        line = add(history, float(clock), est=clock)[ESTABLISHED]
    assert line.series == (9, 19, 24)


def test_the_refresh_interval_does_not_move_the_series() -> None:
    def series(interval: float) -> tuple[int, ...]:
        history = History()
        for n in range(int(600 / interval)):
            line = add(history, n * interval, est=int(n * interval // BIN_SECONDS))[ESTABLISHED]
        return line.series

    assert series(0.5) == series(1.0) == series(5.0) == series(10.0) == tuple(range(30, 60))


def test_a_gap_holds_the_count_that_was_last_seen() -> None:
    history = History()
    add(history, 5, est=7)
    assert add(history, 45, est=9)[ESTABLISHED].series == (7, 7, 7, 7, 9)
    assert add(history, 1e9, est=1)[ESTABLISHED].series == (9,) * (BINS - 1) + (1,)


def test_a_clock_that_goes_back_starts_anew() -> None:
    history = History()
    add(history, 500, est=7)
    line = add(history, 3, est=9)[ESTABLISHED]
    assert (line.series, line.change) == ((9,), None)


def test_a_state_stays_in_sight_while_it_is_in_the_series() -> None:
    history = History()
    add(history, 0, est=3)
    assert add(history, 1 * BIN_SECONDS)[ESTABLISHED].series == (3, 0)
    for n in range(2, BINS):
        assert ESTABLISHED in add(history, n * BIN_SECONDS)
    assert ESTABLISHED not in add(history, BINS * BIN_SECONDS)


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
    assert all(1 <= len(line.series) <= BINS and line.series[-1] == line.count for line in lines)
    assert len({len(line.series) for line in lines}) == 1
    assert [line.state for line in lines] == sorted((line.state for line in lines), key=state_rank)
