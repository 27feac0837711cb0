"""The join of snapshots: counts, steps, and what is kept between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model.inet_socket import InetSocket
from sockview.model.observation import ABSENT_LIMIT, STEP, Observation
from sockview.model.query import Age
from sockview.model.snapshot import Snapshot
from sockview.model.steps import finish
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
    assert table.lines[0].change == 1


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
    return len(observation._since) + len(observation._remembered)


def test_the_memory_is_that_of_the_sockets_present() -> None:
    observation = Observation()
    for n in range(20):
        finish(observation.add(busy_snapshot(600, offset=600 * n, clock=100.0 + n)))
    assert _size_of_memory(observation) <= 2 * 621
    finish(observation.add(make_snapshot(clock=200)))
    assert _size_of_memory(observation) == 0


def test_incomplete_snapshots_without_end_fill_no_memory() -> None:
    observation = Observation()
    process = make_process(1)
    for n in range(6):
        first = n * ABSENT_LIMIT
        sockets = [make_socket(cookie=first + i + 1, inode=first + i + 1) for i in range(ABSENT_LIMIT // 2)]
        finish(observation.add(make_snapshot(sockets, {process: sockets}, clock=float(n), complete=False)))
    assert len(observation._since) <= ABSENT_LIMIT * 1.5
    assert len(observation._remembered) <= ABSENT_LIMIT


def test_what_went_missing_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockview.model.observation.ABSENT_LIMIT", 1)
    first, second = make_socket(), make_socket(local="10.0.0.7:1")
    missing = [make_snapshot(left, clock=clock, complete=False) for clock, left in ((11, [second]), (12, []))]
    back = make_snapshot([first, second], clock=13, complete=False)
    table = make_table(make_snapshot([first, second], clock=10), *missing, back)
    assert table.age(second) == Age(3.0, None)
    assert table.age(first) == Age(0.0, 3.0)


_SOCKETS = [make_socket("ESTABLISHED", f"10.0.0.7:{port}") for port in range(1, 7)]


@given(st.lists(st.tuples(st.sets(st.sampled_from(_SOCKETS)), st.booleans()), min_size=1, max_size=12))
def test_ages_are_true_whatever_is_seen(looks: list[tuple[set[InetSocket], bool]]) -> None:
    """An age never claims more than what complete looks without a gap can prove."""
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
        assert not any(complete and s not in present for present, complete in looks[seen:])
        if age.at_most is not None:
            absent = now - int(age.at_most)
            assert looks[absent][1] and s not in looks[absent][0]
