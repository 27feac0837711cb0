"""How long a socket has been in its state."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model import tcp_state
from sockview.model.age import Since, age_in_state, age_rank, narrowed, oldest
from sockview.model.inet_socket import TIMER_KEEPALIVE, TIMER_TIME_WAIT, InetSocket
from sockview.model.query import Age
from sockview.model.tcp_state import CLOSE_WAIT, FIN_WAIT2
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


def orphan(left: float, *, state: int = FIN_WAIT2, inode: int = 0, timer: int = TIMER_TIME_WAIT) -> InetSocket:
    return make_socket(state, inode=inode, time_left=left)._replace(timer=timer)


def test_an_orphaned_fin_wait2_is_exact_at_the_first_look() -> None:
    assert age_in_state(orphan(29), None, 100.0, 60) == Age(31.0, 31.0)
    assert age_in_state(orphan(29), Since(FIN_WAIT2, 100.0, None), 100.0, 30) == Age(1.0, 1.0)


@pytest.mark.parametrize(
    ("s", "fin_timeout"),
    [
        (orphan(29), None),
        (orphan(61), 60.0),  # a length of its own (TCP_LINGER2), or a very slow path
        (orphan(29), 120.0),  # runs in two parts
        (orphan(29, inode=7), 60.0),
        (orphan(29, timer=TIMER_KEEPALIVE), 60.0),
        (orphan(29, state=tcp_state.CLOSING), 60.0),
    ],
)
def test_a_timer_of_unknown_length_tells_nothing(s: InetSocket, fin_timeout: float | None) -> None:
    assert age_in_state(s, None, 100.0, fin_timeout) is None
    assert age_in_state(s, Since(s.state, 95.0, 2.0), 100.0, fin_timeout) == Age(5.0, 7.0)


def test_a_timer_of_an_orphan_that_contradicts_what_was_seen_tells_nothing() -> None:
    """It was half closed for long before its process closed it; or it is new and its timer is a shorter one."""
    assert age_in_state(orphan(59), Since(FIN_WAIT2, 50.0, None), 100.0, 60) == Age(50.0, None)
    assert age_in_state(orphan(5), Since(FIN_WAIT2, 100.0, 1.0), 100.0, 60) == Age(0.0, 1.0)
    assert age_in_state(orphan(59.5), Since(FIN_WAIT2, 100.0, 1.0), 100.0, 60) == Age(0.5, 0.5)


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


# ------------------------------------------------------------------ CLOSE_WAIT: what was seen and what tcp_info tells
NEW = Since(CLOSE_WAIT, 100.0, 1.0)
"""Not there at 99, there at 100."""
FIRST = Since(CLOSE_WAIT, 100.0, None)
"""There at the first look."""


def told(known: Since, passed: tuple[float, float | None], end: float) -> Since:
    """`passed`: the seconds before `end` that it has been in the state, at least and at most."""
    at_least, at_most = passed
    return narrowed(known, (end - at_least, None if at_most is None else end - at_most))


@pytest.mark.parametrize(
    ("fresh", "times", "expected"),
    [
        (FIRST, (720.0, 750.0), Since(CLOSE_WAIT, -620.0, 30.0)),
        (FIRST, (720.0, None), Since(CLOSE_WAIT, -620.0, None)),
        (FIRST, (0.0, None), FIRST),
        (NEW, (0.0, None), NEW),
        (NEW, (0.25, 0.5), Since(CLOSE_WAIT, 99.75, 0.25)),
        (NEW, (0.25, None), Since(CLOSE_WAIT, 99.75, 0.75)),
        (NEW, (0.25, 720.0), Since(CLOSE_WAIT, 99.75, 0.75)),
        (NEW, (0.0, 0.5), Since(CLOSE_WAIT, 100.0, 0.5)),
    ],
)
def test_a_new_close_wait_gets_the_tighter_bounds(
    fresh: Since, times: tuple[float, float | None], expected: Since
) -> None:
    assert told(fresh, times, 100.0) == expected


def test_later_and_weaker_bounds_change_nothing() -> None:
    """The holder went on sending, or a keep-alive probe was answered: the last ACK is a new one."""
    known = told(FIRST, (720.0, 750.0), 100.0)
    assert told(known, (2.0, 810.0), 160.0) == known
    assert told(known, (0.0, None), 160.0) == known
    assert told(NEW, (0.0, 4000.0), 160.0) == NEW


def test_later_and_tighter_bounds_are_taken() -> None:
    known = told(FIRST, (0.0, None), 100.0)
    assert told(known, (700.0, 800.0), 160.0) == Since(CLOSE_WAIT, -540.0, 100.0)


def test_a_look_that_passed_over_a_socket_is_no_bound() -> None:
    assert told(NEW, (720.0, 750.0), 100.0) == Since(CLOSE_WAIT, -620.0, 30.0)
    assert told(NEW, (720.0, None), 100.0) == Since(CLOSE_WAIT, -620.0, None)


def test_what_was_seen_is_certain() -> None:
    """Seen in the state at 100: nothing can say that it came into it at 150."""
    assert told(FIRST, (5.0, 10.0), 160.0) == FIRST
    assert told(NEW, (5.0, 10.0), 160.0) == NEW


@given(
    entered=st.floats(0, 5000),
    looks=st.lists(st.floats(5000, 9000), min_size=1, max_size=6),
    weaker=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 100), st.booleans()), min_size=6, max_size=6),
)
def test_bounds_that_are_true_stay_true_and_only_get_tighter(
    entered: float, looks: list[float], weaker: list[tuple[float, float, bool]]
) -> None:
    known = Since(CLOSE_WAIT, min(looks), None)
    width = math.inf
    for end, (share, extra, bounded) in zip(sorted(looks), weaker, strict=False):
        passed = end - entered
        times = (passed * share, passed + extra if bounded else None)
        known = told(known, times, end)
        assert known.clock - (math.inf if known.slack is None else known.slack) - 1e-6 <= entered <= known.clock + 1e-6
        assert (math.inf if known.slack is None else known.slack) <= width + 1e-6
        width = math.inf if known.slack is None else known.slack
