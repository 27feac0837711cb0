"""The order of sockets and groups: numeric, total, the same whatever order they come in."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockview.model.columns import SOCKET_COLUMNS
from sockview.model.inet_socket import UDP, InetSocket, endpoint_text
from sockview.model.order import STEP, is_descending, key_order, spread_steps
from sockview.model.owner import Process
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable
from sockview.model.sorted_sockets import sort_some_steps
from sockview.model.steps import finish
from sockview.model.tcp_state import state_name, state_rank
from tests.model.builders import busy_snapshot, make_process, make_snapshot, make_socket, make_table


def order_sockets(
    sockets: Sequence[InetSocket], table: SocketTable, column: str, reverse: bool = False
) -> list[InetSocket]:
    """All steps at once."""
    in_order, _keys = finish(sort_some_steps(sockets, table, *key_order(column, reverse)))
    return list(finish(spread_steps(Selection(table, in_order), column, reverse)))


def plain_value(table: SocketTable, column: str) -> Callable[[InetSocket], Any]:
    """What the column compares, in plain words."""

    def end(address: bytes, port: int) -> tuple[int, bytes, int] | None:
        return (len(address), address, port) if port or any(address) else None

    def owner(s: InetSocket) -> Process | None:
        owners = table.attribution(s).owners
        return owners[0].process if owners else None

    values: dict[str, Callable[[InetSocket], Any]] = {
        "state": lambda s: state_rank(s.state),
        "age": lambda s: None if (age := table.age(s)) is None else age.at_least,
        "local": lambda s: end(s.local_address, s.local_port),
        "remote": lambda s: end(s.remote_address, s.remote_port),
        "recv_q": lambda s: s.recv_q,
        "send_q": lambda s: s.send_q,
        "pid": lambda s: None if (found := owner(s)) is None else found.pid,
        "process": lambda s: None if (found := owner(s)) is None else (found.name.casefold(), found.name, found.pid),
        "user": lambda s: table.user(s) or None,
        "proto": lambda s: (s.protocol, s.family),
    }
    return values[column]


SOCKET_KEYS = [column.key for column in SOCKET_COLUMNS]

ALPHA, BETA = make_process(20, "alpha"), make_process(100, "Beta")
SOCKETS = [
    make_socket("LISTEN", "0.0.0.0:80", uid=0),
    make_socket("CLOSE_WAIT", "10.0.0.10:80", "10.2.0.1:9", recv_q=5),
    make_socket("CLOSE_WAIT", "10.0.0.9:80", "10.2.0.1:10", recv_q=50),
    make_socket("TIME_WAIT", "10.0.0.9:443", "10.2.0.1:11", time_left=50),
    make_socket("TIME_WAIT", "10.0.0.9:443", "10.2.0.1:12", time_left=5),
    make_socket("ESTABLISHED", "[::1]:80", "[::1]:70", recv_q=None),
    make_socket("ESTABLISHED", "10.0.0.9:1000", "10.11.0.1:5"),
    make_socket("UNCONN", "0.0.0.0:53", protocol=UDP),
]
TABLE = make_table(make_snapshot(SOCKETS, {ALPHA: SOCKETS[1:2], BETA: [SOCKETS[2], SOCKETS[6]]}))


def ordered(column: str, reverse: bool = False) -> list[str]:
    return [
        f"{state_name(s.state)} {endpoint_text(s.local_address, s.local_port)} {s.remote_port}"
        for s in order_sockets(SOCKETS, TABLE, column, reverse)
    ]


def test_the_standing_order_is_urgency_then_numeric_ends() -> None:
    assert ordered("state") == [
        "CLOSE_WAIT 10.0.0.9:80 10",
        "CLOSE_WAIT 10.0.0.10:80 9",
        "TIME_WAIT 10.0.0.9:443 11",
        "TIME_WAIT 10.0.0.9:443 12",
        "ESTABLISHED 10.0.0.9:1000 5",
        "ESTABLISHED [::1]:80 70",
        "LISTEN 0.0.0.0:80 0",
        "UNCONN 0.0.0.0:53 0",
    ]


def test_reversing_turns_the_values_and_leaves_equal_rows() -> None:
    assert ordered("state", reverse=True)[2:4] == ["ESTABLISHED 10.0.0.9:1000 5", "ESTABLISHED [::1]:80 70"]
    assert ordered("state", reverse=True)[-2:] == ["CLOSE_WAIT 10.0.0.9:80 10", "CLOSE_WAIT 10.0.0.10:80 9"]


def test_ages_and_queues_have_the_largest_on_top() -> None:
    assert ordered("age")[:2] == ["TIME_WAIT 10.0.0.9:443 12", "TIME_WAIT 10.0.0.9:443 11"]
    assert ordered("recv_q")[:2] == ["CLOSE_WAIT 10.0.0.9:80 10", "CLOSE_WAIT 10.0.0.10:80 9"]


def test_an_age_between_bounds_is_sorted_by_what_is_certain() -> None:
    times = {1: (700.0, None), 2: (720.0, 720.5), 3: (650.0, 9000.0), 4: (0.0, None)}
    sockets = [make_socket("CLOSE_WAIT", cookie=cookie) for cookie in times]
    table = make_table(make_snapshot(sockets, close_wait_times=times))
    assert [s.cookie for s in order_sockets(sockets, table, "age")] == [2, 1, 3, 4]
    assert [s.cookie for s in order_sockets(sockets, table, "age", reverse=True)] == [4, 3, 1, 2]


def test_rows_without_value_come_last_in_both_directions() -> None:
    for reverse in (False, True):
        assert ordered("recv_q", reverse)[-1] == "ESTABLISHED [::1]:80 70"
        assert ordered("remote", reverse)[-2:] == ["LISTEN 0.0.0.0:80 0", "UNCONN 0.0.0.0:53 0"]
        owned = {"CLOSE_WAIT 10.0.0.9:80 10", "CLOSE_WAIT 10.0.0.10:80 9", "ESTABLISHED 10.0.0.9:1000 5"}
        assert set(ordered("pid", reverse)[:3]) == owned
        assert set(ordered("process", reverse)[:3]) == owned


def test_text_is_in_the_order_of_the_alphabet_and_numbers_of_size() -> None:
    assert ordered("process")[0] == ordered("pid")[0] == "CLOSE_WAIT 10.0.0.10:80 9"
    assert ordered("remote")[:2] == ["CLOSE_WAIT 10.0.0.10:80 9", "CLOSE_WAIT 10.0.0.9:80 10"]
    assert ordered("local")[0] == "UNCONN 0.0.0.0:53 0"
    assert ordered("proto")[-1] == "UNCONN 0.0.0.0:53 0"


def test_an_unknown_column_is_the_standing_order() -> None:
    assert ordered("close_wait") == ordered("no such") == ordered("state")


# ------------------------------------------------------------------ properties
ADDRESSES = st.one_of(
    st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16), st.just(b""), st.just(b"\0" * 4)
)
MADE_UP = st.builds(
    InetSocket,
    protocol=st.sampled_from((6, 17)),
    family=st.sampled_from((4, 6)),
    state=st.integers(0, 300),
    local_address=ADDRESSES,
    local_port=st.integers(0, 65535),
    remote_address=ADDRESSES,
    remote_port=st.integers(0, 65535),
    recv_q=st.none() | st.integers(0, 3),
    send_q=st.none() | st.integers(0, 2**32),
    uid=st.none() | st.sampled_from((0, 33, 1000)),
    inode=st.integers(0, 5),
    cookie=st.integers(-(2**63), 2**64 - 1),
)


@settings(deadline=None)
@given(
    sockets=st.lists(MADE_UP, max_size=25, unique_by=lambda s: s.cookie % 2**64),
    column=st.sampled_from(SOCKET_KEYS),
    reverse=st.booleans(),
    seed=st.randoms(use_true_random=False),
)
def test_the_order_is_total(sockets: list[InetSocket], column: str, reverse: bool, seed: random.Random) -> None:
    table = make_table(make_snapshot(sockets))
    result = order_sockets(sockets, table, column, reverse)
    assert sorted(s.cookie for s in result) == sorted(s.cookie for s in sockets)
    mixed = list(sockets)
    seed.shuffle(mixed)
    assert order_sockets(mixed, table, column, reverse) == result
    value = plain_value(table, column)
    known = [found for s in result if (found := value(s)) is not None]
    assert known == sorted(known, reverse=is_descending(column, reverse))
    assert all(value(s) is None for s in result[len(known) :])


@pytest.fixture(scope="module")
def large() -> SocketTable:
    return make_table(busy_snapshot(20_000))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("column", SOCKET_KEYS)
def test_many_steps_give_what_one_sort_gives(large: SocketTable, column: str, reverse: bool) -> None:
    table = large
    sockets = list(table.snapshot.sockets)
    random.Random(7).shuffle(sockets)
    assert sum(1 for _ in sort_some_steps(sockets, table, *key_order(column, reverse))) >= len(sockets) // STEP
    standing = order_sockets(sockets, table, "state")
    value = plain_value(table, column)
    known = [s for s in standing if value(s) is not None]
    expected = sorted(known, key=value, reverse=is_descending(column, reverse))
    expected += [s for s in standing if value(s) is None]
    assert order_sockets(sockets, table, column, reverse) == expected


def test_of_the_close_waits_the_oldest_stand_first_and_keep_their_places() -> None:
    young, old, older = (make_socket("CLOSE_WAIT", f"10.0.0.7:{port}") for port in (80, 81, 82))
    times: Mapping[int, tuple[float, float | None]] = {old.cookie: (200.0, 200.0), older.cookie: (90_000.0, None)}
    established = make_socket("ESTABLISHED", "10.0.0.7:79")
    sockets = [established, young, old, older]
    first = make_snapshot(sockets, clock=100, close_wait_times=times)
    later = make_snapshot(sockets, clock=160)
    for table in (make_table(first), make_table(first, later)):
        assert order_sockets(sockets, table, "state") == [older, old, young, established]


def test_twins_are_told_apart_by_their_cookie() -> None:
    twins = [make_socket("LISTEN", "0.0.0.0:80", cookie=cookie) for cookie in (9, 3, 2**64 - 1, -5)]
    table = make_table(make_snapshot(twins))
    assert [s.cookie for s in order_sockets(twins, table, "state")] == [3, 9, -5, 2**64 - 1]


def test_no_sockets() -> None:
    assert order_sockets([], TABLE, "age") == []
