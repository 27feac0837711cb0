"""How many CLOSE_WAIT and TIME_WAIT sockets each process had over time."""

from __future__ import annotations

import tracemalloc

from sockview.model.process_trends import MOST_PROCESSES, ProcessTrends
from sockview.model.socket_table import TrendLookup
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, TIME_WAIT
from sockview.model.trend import Trend

GUNICORN = (7306, 4200)
CELERY = (7410, 4300)


def series(lookup: TrendLookup, identity: tuple[int, int], state: int = CLOSE_WAIT) -> tuple[int, ...] | None:
    trend = lookup(identity, state)
    return None if trend is None else trend.series


def test_each_process_and_state_has_its_own_trend() -> None:
    trends = ProcessTrends()
    for clock in range(0, 61, 5):
        lookup = trends.add(
            clock, {GUNICORN: {CLOSE_WAIT: clock, ESTABLISHED: 4}, CELERY: {TIME_WAIT: 120 - clock, CLOSE_WAIT: 0}}
        )
    assert lookup(GUNICORN, CLOSE_WAIT) == Trend(tuple(range(0, 61, 5)), 60.0, 1.0)
    assert lookup(CELERY, CLOSE_WAIT) is None


def test_time_wait_counts_from_when_all_of_them_are_known() -> None:
    """A flood of 10 a second that began before: the first minute's growth is that of what is known."""
    trends = ProcessTrends()
    for clock in range(1000, 1060):
        assert trends.add(clock, {CELERY: {TIME_WAIT: 10 * (clock - 1000)}})(CELERY, TIME_WAIT) is None
    for clock in range(1060, 1121, 5):
        lookup = trends.add(clock, {CELERY: {TIME_WAIT: 600}})
    assert lookup(CELERY, TIME_WAIT) == Trend((600,) * 13, 60.0, 0.0)
    assert trends.add(5, {CELERY: {TIME_WAIT: 9}})(CELERY, TIME_WAIT) is None
    assert trends.add(65, {CELERY: {TIME_WAIT: 9}})(CELERY, TIME_WAIT) == Trend((9,), 0.0, None)


def test_a_process_that_never_had_any_has_no_trend() -> None:
    lookup = ProcessTrends().add(1.0, {GUNICORN: {CLOSE_WAIT: 0, ESTABLISHED: 4}})
    assert lookup(GUNICORN, CLOSE_WAIT) is None
    assert lookup(GUNICORN, TIME_WAIT) is None
    assert lookup(GUNICORN, ESTABLISHED) is None
    assert lookup((1, 1), CLOSE_WAIT) is None


def test_a_new_process_had_none_before() -> None:
    trends = ProcessTrends()
    for clock in range(0, 60, 5):
        trends.add(clock, {})
    trends.add(60, {GUNICORN: {CLOSE_WAIT: 300}})
    trend = trends.add(65, {GUNICORN: {CLOSE_WAIT: 330}})(GUNICORN, CLOSE_WAIT)
    assert trend is not None
    assert trend.series == (0,) * 12 + (300, 330)
    assert trend.rate is not None
    assert trend.rate >= 300 / 65


def test_a_new_process_of_the_same_pid_is_another() -> None:
    trends = ProcessTrends()
    trends.add(0, {GUNICORN: {CLOSE_WAIT: 300}})
    lookup = trends.add(5, {(GUNICORN[0], 9999): {CLOSE_WAIT: 1}})
    assert series(lookup, (GUNICORN[0], 9999)) == (0, 1)
    assert series(lookup, GUNICORN) == (300, 0)


def test_a_process_is_forgotten_when_its_series_is_zero() -> None:
    trends = ProcessTrends()
    trends.add(0, {GUNICORN: {CLOSE_WAIT: 300}})
    for clock in range(60, 3600, 60):
        assert series(trends.add(clock, {}), GUNICORN) is not None
    assert series(trends.add(3600, {}), GUNICORN) is None


def test_a_lookup_does_not_change_with_later_snapshots() -> None:
    trends = ProcessTrends()
    lookup = trends.add(0, {GUNICORN: {CLOSE_WAIT: 300}})
    for clock in range(1, 400):
        trends.add(clock, {CELERY: {CLOSE_WAIT: clock}})
    assert lookup(GUNICORN, CLOSE_WAIT) == Trend((300,), 0.0, None)
    assert lookup(CELERY, CLOSE_WAIT) is None


def test_of_too_many_the_largest_are_kept_and_nobody_is_said_to_have_had_none() -> None:
    trends = ProcessTrends()
    many = {(pid, 1): {CLOSE_WAIT: pid} for pid in range(1, 2 * MOST_PROCESSES + 1)}
    trends.add(0, many)
    lookup = trends.add(5, many)
    assert sum(lookup(identity, CLOSE_WAIT) is not None for identity in many) == MOST_PROCESSES
    assert series(lookup, (2 * MOST_PROCESSES, 1)) == (2 * MOST_PROCESSES,) * 2
    assert series(lookup, (1, 1)) is None
    lookup = trends.add(10, {(1, 1): {CLOSE_WAIT: 1}})
    assert series(lookup, (1, 1)) == (1,), "it may have had some before"


def test_equal_ones_do_not_take_turns() -> None:
    trends = ProcessTrends()
    many = {(pid, 1): {CLOSE_WAIT: 5} for pid in range(2 * MOST_PROCESSES)}
    first = trends.add(0, many)
    second = trends.add(5, dict(reversed(many.items())))
    kept = [identity for identity in many if first(identity, CLOSE_WAIT) is not None]
    assert all(series(second, identity) == (5, 5) for identity in kept)


def test_the_memory_is_bounded_when_processes_live_shortly() -> None:
    trends = ProcessTrends()
    tracemalloc.start()
    try:
        for clock in range(0, 7200, 40):
            trends.add(clock, {(clock * 1000 + number, clock): {TIME_WAIT: 300} for number in range(600)})
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert used < 4_000_000
