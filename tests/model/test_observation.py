"""The join of snapshots: counts, steps, and what is kept between them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model.inet_socket import InetSocket
from sockview.model.join import STEP
from sockview.model.observation import Observation
from sockview.model.query import Age
from sockview.model.recall import ABSENT_LIMIT
from sockview.model.snapshot import Snapshot
from sockview.model.steps import finish
from sockview.model.tally import STEP as TALLY_STEP
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, FIN_WAIT2, LISTEN, TIME_WAIT, UNCONN
from tests.model.builders import busy_snapshot, make_process, make_snapshot, make_socket, make_table


def test_counts_by_state() -> None:
    table = make_table(busy_snapshot(1200))
    assert table.states == {ESTABLISHED: 800, TIME_WAIT: 200, CLOSE_WAIT: 100, FIN_WAIT2: 100, LISTEN: 20, UNCONN: 1}
    assert len(table.by_cookie) == len(table.snapshot.sockets) == 1221


def test_an_empty_system() -> None:
    table = make_table(make_snapshot())
    assert table.states == {}
    assert [line.state for line in table.lines] == [CLOSE_WAIT, TIME_WAIT]


def test_the_histogram_has_the_oldest_close_wait() -> None:
    old, new = make_socket("CLOSE_WAIT"), make_socket("CLOSE_WAIT", "10.0.0.7:1")
    table = make_table(make_snapshot([old], clock=10), make_snapshot([new, old], clock=15))
    assert table.lines[0].oldest == Age(5.0, None)
    assert table.lines[0].trend.rate == pytest.approx(0.2)


def test_many_sockets_are_joined_in_many_steps() -> None:
    steps = sum(1 for _ in Observation().add(busy_snapshot(4 * STEP)))
    assert steps >= 4


def test_a_join_that_is_given_up_leaves_the_memory_as_it_was() -> None:
    first, second = make_socket("CLOSE_WAIT"), make_socket("CLOSE_WAIT", "10.0.0.7:1")
    observation = Observation()
    finish(observation.add(make_snapshot([first], clock=10)))
    given_up = observation.add(make_snapshot([second], clock=11))
    next(given_up)
    given_up.close()
    table = make_table(make_snapshot([first, second], clock=12), observation=observation)
    assert table.age(first) == Age(2.0, None)
    assert table.age(second) == Age(0.0, 2.0)


def test_a_socket_that_comes_twice_is_one() -> None:
    """It moved while the table was dumped: the later look counts."""
    before, after = make_socket("ESTABLISHED"), make_socket("CLOSE_WAIT")
    table = make_table(make_snapshot([before, make_socket(local="10.0.0.7:1"), after], complete=False))
    assert table.states == {ESTABLISHED: 1, CLOSE_WAIT: 1}
    assert after in table.snapshot.sockets
    assert before not in table.snapshot.sockets


def test_stand_in_cookies_may_be_shared() -> None:
    twins = [make_socket("UNCONN", cookie=-5, inode=inode) for inode in (1, 2)]
    assert make_table(make_snapshot(twins)).states == {UNCONN: 2}


def _size_of_memory(observation: Observation) -> int:
    join = observation._join
    assert join is not None
    return len(join.since) + len(join.remembered)


def test_the_memory_is_that_of_the_last_two_looks() -> None:
    observation = Observation()
    for n in range(20):
        finish(observation.add(busy_snapshot(600, offset=600 * n, clock=100.0 + n)))
    assert _size_of_memory(observation) <= 2 * 2 * 621
    for clock in (200, 201):
        finish(observation.add(make_snapshot(clock=clock)))
    assert _size_of_memory(observation) == 0


def test_a_socket_that_one_complete_look_passed_over_keeps_its_age() -> None:
    """A dump counts its way along a hash chain: it may pass over a socket and not know it."""
    s = make_socket("CLOSE_WAIT")
    looks = [make_snapshot([s], clock=100), make_snapshot(clock=101), make_snapshot([s], clock=102)]
    assert make_table(*looks).age(s) == Age(2.0, None)
    stand_in = s._replace(cookie=-5)
    looks = [make_snapshot([stand_in], clock=100), make_snapshot(clock=101), make_snapshot([stand_in], clock=102)]
    assert make_table(*looks).age(stand_in) == Age(0.0, 1.0)


def test_a_state_is_certain_from_the_end_of_the_look_and_unseen_from_the_start_of_the_one_before() -> None:
    s = make_socket("CLOSE_WAIT")
    none, first, second = (replace(make_snapshot(clock=clock), dump_seconds=0.5) for clock in (100, 102, 104))
    table = make_table(none, replace(first, sockets=(s,)), replace(second, sockets=(s,)))
    assert table.age(s) == Age(1.5, 4.0)


def test_very_many_close_waits_are_joined_in_many_steps() -> None:
    """To find the oldest of them is work too."""
    steps = []
    for state in ("ESTABLISHED", "CLOSE_WAIT"):
        sockets = [make_socket(state, cookie=n + 1, inode=n + 1) for n in range(3 * STEP)]
        steps.append(sum(1 for _ in Observation().add(make_snapshot(sockets))))
    assert steps[1] == steps[0] + 3 + 3 * STEP // TALLY_STEP  # the oldest looked for, counted by process


def test_incomplete_snapshots_without_end_fill_no_memory() -> None:
    observation = Observation()
    process = make_process(1)
    for n in range(6):
        first = n * ABSENT_LIMIT
        sockets = [make_socket(cookie=first + i + 1, inode=first + i + 1) for i in range(ABSENT_LIMIT // 2)]
        finish(observation.add(make_snapshot(sockets, {process: sockets}, clock=float(n), complete=False)))
    assert observation._join is not None
    assert len(observation._join.since) <= ABSENT_LIMIT * 1.5
    assert len(observation._join.remembered) <= ABSENT_LIMIT


def test_what_went_missing_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockview.model.recall.ABSENT_LIMIT", 1)
    first, second = make_socket(), make_socket(local="10.0.0.7:1")
    missing = [make_snapshot(left, clock=clock, complete=False) for clock, left in ((11, [second]), (12, []))]
    back = make_snapshot([first, second], clock=13, complete=False)
    table = make_table(make_snapshot([first, second], clock=10), *missing, back)
    assert table.age(second) == Age(3.0, None)
    assert table.age(first) == Age(0.0, 3.0)


_SOCKETS = [make_socket("ESTABLISHED", f"10.0.0.7:{port}") for port in range(1, 7)]


@given(st.lists(st.tuples(st.sets(st.sampled_from(_SOCKETS)), st.booleans()), min_size=1, max_size=12))
def test_ages_are_true_whatever_is_seen(looks: list[tuple[set[InetSocket], bool]]) -> None:
    """An age spans no gap but looks that may have passed over the socket: incomplete ones, or a single complete one."""
    snapshots: list[Snapshot] = []
    for clock, (present, complete) in enumerate(looks):
        snapshots.append(make_snapshot(sorted(present), clock=float(clock), complete=complete))
    table = make_table(*snapshots)
    now = len(looks) - 1
    for s in table.snapshot.sockets:
        age = table.age(s)
        assert age is not None
        seen = now - int(age.at_least)
        assert s in looks[seen][0]
        gaps = [s not in present for present, _ in looks]
        assert not any(looks[n][1] and gaps[n] and gaps[n - 1] for n in range(seen + 1, now))
        if age.at_most is not None:
            absent = now - int(age.at_most)
            assert looks[absent][1] and s not in looks[absent][0]
