"""The order of all sockets: worked out from the last one, it is what sorting anew gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockview.model.inet_socket import TIMER_NONE, TIMER_TIME_WAIT, InetSocket
from sockview.model.observation import Observation
from sockview.model.owner import Process
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.sort_keys import KEYED, STANDING
from sockview.model.sorted_sockets import SortedSockets, follow_steps, sort_steps
from sockview.model.steps import finish
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, FIN_WAIT2, LISTEN, TIME_WAIT
from tests.model.builders import busy_snapshot, make_process, make_snapshot, make_socket, make_table
from tests.model.changes import following

ORDERS = [STANDING, *((column, descending) for column in sorted(KEYED) for descending in (False, True))]


def anew(table: SocketTable, order: tuple[str, bool]) -> SortedSockets:
    return finish(sort_steps(table, *order))


def in_turn(first: Snapshot, *later: Snapshot) -> list[SocketTable]:
    """The tables of snapshots from a source that tells changes."""
    memory, told = Observation(), replace(first, serial=1)
    tables = [make_table(told, observation=memory)]
    for snapshot in later:
        told = following(told, snapshot)
        tables.append(make_table(told, observation=memory))
    return tables


def busy(step: int) -> Snapshot:
    """One of a row of snapshots that share most sockets; their timers were read at one moment and run on."""
    snapshot = busy_snapshot(9000, clock=100.0 + step, offset=200 * step)
    return replace(snapshot, sockets=tuple(s._replace(read_at=100.0) for s in snapshot.sockets))


def assert_follows(tables: Sequence[SocketTable], order: tuple[str, bool]) -> None:
    """Each order can be made from the one before it, and is the one that sorting gives."""
    known = finish(anew(tables[0], order).with_holders_steps())
    for table in tables[1:]:
        followed = finish(follow_steps(known, table))
        assert followed is not None
        assert followed.holders == table.sole_holders(followed.sockets)
        expected = anew(table, order)
        assert list(map(id, followed.sockets)) == list(map(id, expected.sockets))
        assert list(followed.keys) == list(expected.keys)
        known = followed


@pytest.fixture(scope="module")
def busy_tables() -> list[SocketTable]:
    return in_turn(*map(busy, range(4)))


@pytest.mark.parametrize("order", ORDERS)
def test_a_change_is_worked_in(busy_tables: list[SocketTable], order: tuple[str, bool]) -> None:
    assert_follows(busy_tables, order)


def test_nothing_changed() -> None:
    snapshot = busy_snapshot(100)
    first, second = in_turn(snapshot, replace(snapshot, clock=101.0))
    known = anew(first, STANDING)
    followed = finish(follow_steps(known, second))
    assert followed is not None and followed.sockets == known.sockets
    assert finish(follow_steps(known, first)) is known


@pytest.mark.parametrize("order", [STANDING, ("local", False), ("age", True)])
def test_a_close_wait_that_is_told_to_be_older_moves(order: tuple[str, bool]) -> None:
    """The socket itself has not changed: the kernel tells more of its past."""
    sockets = [make_socket("CLOSE_WAIT", f"10.0.0.7:{port}", cookie=port) for port in range(80, 120)]
    told: list[Mapping[int, tuple[float, float | None]]] = [
        {},
        {95: (50.0, None)},
        {95: (51.0, 51.5), 81: (60.0, None)},
    ]
    snapshots = [make_snapshot(sockets, clock=100.0 + step, close_wait_times=times) for step, times in enumerate(told)]
    tables = in_turn(*snapshots)
    assert_follows(tables, order)
    if order == STANDING:
        assert [s.cookie for s in anew(tables[-1], order).sockets[:3]] == [81, 95, 80]


def test_a_socket_that_is_passed_to_another_process_has_another_holder() -> None:
    sockets = [make_socket("ESTABLISHED", f"10.0.0.7:{port}") for port in range(80, 120)]
    first, second = PROCESSES
    tables = in_turn(
        make_snapshot(sockets, {first: sockets}),
        make_snapshot(sockets, {first: sockets[1:], second: sockets[:2]}, clock=101.0),
        make_snapshot(sockets, {second: sockets[:2]}, clock=102.0),
    )
    assert_follows(tables, STANDING)


@pytest.mark.parametrize("unrelated", ["no change", "another one", "too large", "not there"])
def test_what_does_not_follow_is_sorted_anew(unrelated: str) -> None:
    first = replace(busy_snapshot(100), serial=1)
    told = following(first, busy_snapshot(100, clock=101.0, offset=60 if unrelated == "too large" else 2))
    assert told.change is not None
    stranger = make_socket("ESTABLISHED", "10.9.9.9:9")
    told = {
        "no change": replace(told, change=None),
        "another one": replace(told, change=replace(told.change, since=7)),
        "not there": replace(told, change=replace(told.change, gone=(*told.change.gone, stranger))),
    }.get(unrelated, told)
    known, table = anew(make_table(first), STANDING), make_table(told)
    assert finish(follow_steps(known, table)) is None
    assert finish(sort_steps(table, *STANDING, [known])) == anew(table, STANDING)


def test_a_join_that_leaves_a_double_out_is_no_trap() -> None:
    first = replace(busy_snapshot(100), serial=1)
    double = first.sockets[50]._replace(recv_q=7)
    told = following(first, replace(busy_snapshot(100, clock=101.0), sockets=(*first.sockets, double)))
    known, table = anew(make_table(first), STANDING), make_table(told)
    assert len(table.snapshot.sockets) == len(first.sockets)
    assert list(finish(sort_steps(table, *STANDING, [known])).sockets) == list(anew(table, STANDING).sockets)


def test_another_fin_timeout_makes_other_ages() -> None:
    closed = make_socket("FIN_WAIT2", "10.0.0.7:5", cookie=1, inode=0)._replace(
        timer=TIMER_TIME_WAIT, expires_ms=10_000, read_at=100.0
    )
    others = [make_socket("ESTABLISHED", f"10.0.0.7:{port}", cookie=port) for port in range(2, 30)]
    snapshots = [
        make_snapshot([*others, closed], clock=clock, parameters={"net.ipv4.tcp_fin_timeout": seconds})
        for clock, seconds in ((100.0, "60"), (101.0, "20"))
    ]
    first, second = in_turn(*snapshots)
    known = anew(first, ("age", True))
    assert finish(sort_steps(second, "age", True, [known])) == anew(second, ("age", True))


ADDRESSES = st.sampled_from([b"", b"\0" * 4, b"\x0a\0\0\x07", b"\x0a\0\0\x08", b"\0" * 16, b"\0" * 15 + b"\1"])
MADE_UP = st.builds(
    InetSocket,
    protocol=st.sampled_from((6, 17)),
    family=st.sampled_from((4, 6)),
    state=st.sampled_from((ESTABLISHED, TIME_WAIT, CLOSE_WAIT, FIN_WAIT2, LISTEN, 200)),
    local_address=ADDRESSES,
    local_port=st.integers(0, 2),
    remote_address=ADDRESSES,
    remote_port=st.integers(0, 2),
    recv_q=st.none() | st.integers(0, 3),
    send_q=st.just(0),
    uid=st.just(33),
    inode=st.integers(0, 5),
    cookie=st.integers(-5, 20),
    timer=st.sampled_from((TIMER_NONE, TIMER_TIME_WAIT)),
    expires_ms=st.integers(0, 70_000),
    read_at=st.none() | st.floats(90, 105),
)
PROCESSES = [make_process(80), make_process(81)]
#: Sockets that stay, so that a change is small enough to be worked in.
RESIDENTS = [make_socket("CLOSE_WAIT", f"10.0.0.7:{port}", cookie=1000 + port) for port in range(300)]


def _unique(sockets: Sequence[InetSocket]) -> list[InetSocket]:
    """No two values of one socket; stand-in cookies may be those of several."""
    return list({(s.cookie if s.cookie > 0 else s): s for s in sockets}.values())


@settings(deadline=None, max_examples=150)
@given(
    looks=st.lists(
        st.tuples(
            st.lists(MADE_UP, max_size=12),
            st.dictionaries(st.sampled_from([s.cookie for s in RESIDENTS]), st.floats(0, 90), max_size=3),
            st.dictionaries(st.sampled_from(RESIDENTS), st.sets(st.sampled_from(PROCESSES)), max_size=3),
        ),
        min_size=2,
        max_size=4,
    ),
    order=st.sampled_from(ORDERS),
)
def test_whatever_changes_it_is_the_order_that_sorting_gives(
    looks: list[tuple[list[InetSocket], dict[int, float], dict[InetSocket, set[Process]]]], order: tuple[str, bool]
) -> None:
    snapshots = [
        make_snapshot(
            [*RESIDENTS, *_unique(sockets)],
            {process: [s for s in RESIDENTS if process in held.get(s, PROCESSES[:1])] for process in PROCESSES},
            clock=100.0 + number,
            close_wait_times={cookie: (seconds, None) for cookie, seconds in told.items()},
            parameters={"net.ipv4.tcp_fin_timeout": "60"},
        )
        for number, (sockets, told, held) in enumerate(looks)
    ]
    assert_follows(in_turn(*snapshots), order)
