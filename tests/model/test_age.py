"""How long a socket has been in its state."""

from __future__ import annotations

import pytest

from sockview.model.age import age_rank, oldest
from sockview.model.inet_socket import TIMER_TIME_WAIT
from sockview.model.query import Age
from tests.model.builders import make_snapshot, make_socket, make_table


def test_time_wait_is_exact_at_the_first_look() -> None:
    s = make_socket("TIME_WAIT", time_left=29)
    assert make_table(make_snapshot([s])).age(s) == Age(31.0, 31.0)


def test_a_timer_that_has_more_than_sixty_seconds_left_is_no_negative_age() -> None:
    s = make_socket("TIME_WAIT", time_left=61)
    assert make_table(make_snapshot([s])).age(s) == Age(0.0, 0.0)


def test_a_timer_that_started_anew_makes_no_socket_younger() -> None:
    """The peer sent its FIN again: TIME_WAIT starts anew, but it was there before."""
    s = make_socket("TIME_WAIT", time_left=30)
    again = make_socket("TIME_WAIT", time_left=59)
    assert make_table(make_snapshot([s], clock=100), make_snapshot([again], clock=105)).age(again) == Age(5.0, None)


def test_a_timer_that_says_more_than_can_be_is_of_another_length() -> None:
    s = make_socket("TIME_WAIT", time_left=15)
    assert make_table(make_snapshot(clock=100), make_snapshot([s], clock=101)).age(s) == Age(0.0, 1.0)


def test_the_timer_of_an_orphaned_fin_wait2_runs_for_another_time() -> None:
    s = make_socket("FIN_WAIT2", inode=0)._replace(timer=TIMER_TIME_WAIT, expires_ms=29_000)
    assert make_table(make_snapshot([s])).age(s) == Age(0.0, None)


def test_what_was_there_at_first_has_no_upper_bound() -> None:
    s = make_socket("CLOSE_WAIT")
    assert make_table(make_snapshot([s], clock=100), make_snapshot([s], clock=107)).age(s) == Age(7.0, None)


def test_what_came_later_came_after_the_look_before() -> None:
    s = make_socket("CLOSE_WAIT")
    table = make_table(make_snapshot(clock=100), make_snapshot([s], clock=102), make_snapshot([s], clock=112))
    assert table.age(s) == Age(10.0, 12.0)


def test_a_new_state_begins_anew() -> None:
    alive, waiting = make_socket("ESTABLISHED"), make_socket("CLOSE_WAIT")
    table = make_table(make_snapshot([alive], clock=100), make_snapshot([waiting], clock=103))
    assert table.age(waiting) == Age(0.0, 3.0)


def test_an_incomplete_look_bounds_nothing() -> None:
    """A socket that it does not show may have been there."""
    s = make_socket("CLOSE_WAIT")
    gap = make_snapshot(clock=105, complete=False)
    assert make_table(make_snapshot(clock=100), gap, make_snapshot([s], clock=106)).age(s) == Age(0.0, 6.0)
    assert make_table(gap, make_snapshot([s], clock=106)).age(s) == Age(0.0, None)


def test_an_incomplete_look_forgets_no_age() -> None:
    s = make_socket("CLOSE_WAIT")
    gap = make_snapshot(clock=105, complete=False)
    assert make_table(make_snapshot([s], clock=100), gap, make_snapshot([s], clock=106)).age(s) == Age(6.0, None)


def test_the_oldest_is_the_one_known_to_be_oldest() -> None:
    ages = [Age(5.0, 6.0), None, Age(7.0, 7.5), Age(7.0, None), Age(2.0, 2.0)]
    assert oldest(ages) == Age(7.0, None)
    assert oldest([]) is None
    assert sorted(ages, key=age_rank)[0] is None


@pytest.mark.parametrize("state", ["LISTEN", "ESTABLISHED", "CLOSE_WAIT"])
def test_the_age_grows_with_the_clock(state: str) -> None:
    s = make_socket(state)
    ages = []
    snapshots = [make_snapshot(clock=0.0)]
    for clock in range(1, 6):
        snapshots.append(make_snapshot([s], clock=float(clock)))
        ages.append(make_table(*snapshots).age(s))
    assert ages == [Age(float(n), float(n + 1)) for n in range(5)]
