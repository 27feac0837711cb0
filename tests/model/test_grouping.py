"""Groups by process and by remote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest

from sockview.model.group_counts import group_steps
from sockview.model.group_sieve import sieve_group_steps
from sockview.model.grouping import group_identity, group_name, key_of_identity
from sockview.model.inet_socket import InetSocket
from sockview.model.query import Age, GroupRow
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, TIME_WAIT
from sockview.model.trend import Trend
from tests.model.builders import busy_snapshot, make_process, make_snapshot, make_socket, make_table

NGINX = make_process(80, "nginx")
WORKER = make_process(81, "nginx")
CURL = make_process(4711, "curl")

LISTENER = make_socket("LISTEN", "0.0.0.0:80", uid=0)
SHARED = make_socket("ESTABLISHED", "10.0.0.7:80", "10.1.1.1:1000")
LEAKED = make_socket("CLOSE_WAIT", "10.0.0.7:80", "10.1.1.1:1001")
LEFT = make_socket("TIME_WAIT", "10.0.0.7:80", "10.1.1.2:1002")
ORPHAN = make_socket("LAST_ACK", "10.0.0.7:99", "10.1.1.2:1002")
HIDDEN = make_socket("ESTABLISHED", "10.0.0.7:22", "10.1.1.3:1003", uid=0)
ALL = (LISTENER, SHARED, LEAKED, LEFT, ORPHAN, HIDDEN)
TABLE = make_table(
    make_snapshot(ALL, {NGINX: [LISTENER, SHARED], WORKER: [SHARED, LEAKED]}, unreadable=1, clock=100),
    make_snapshot(ALL, {NGINX: [LISTENER, SHARED], WORKER: [SHARED, LEAKED]}, unreadable=1, clock=130),
)


def groups(
    by: Literal["process", "remote"], sockets: Sequence[InetSocket] = ALL, table: SocketTable = TABLE
) -> dict[str, GroupRow]:
    return {row.key: row for row in (group.row() for group in finish(group_steps(Selection(table, sockets), by)))}


def members(table: SocketTable, key: str) -> list[InetSocket]:
    """The sockets of the table that are in the group."""
    return list(finish(sieve_group_steps(Selection(table, table.snapshot.sockets), key)).sockets)


def counts(row: GroupRow) -> tuple[int, int, int, int]:
    return (row.close_wait, row.time_wait, row.established, row.other)


def test_a_socket_counts_for_each_of_its_owners() -> None:
    found = groups("process")
    assert list(found) == ["pid:80:1000", "pid:81:1000", "none:orphan", "none:hidden"]
    nginx, worker = found["pid:80:1000"], found["pid:81:1000"]
    assert (nginx.pid, nginx.name, counts(nginx), nginx.likely) == (80, "nginx", (0, 1, 1, 1), 1)
    assert (worker.pid, counts(worker), worker.likely) == (81, (1, 0, 1, 0), 0)


def test_likely_sockets_are_counted_by_state() -> None:
    listener = make_socket("LISTEN", "10.0.0.7:90")
    queued = [
        make_socket(state, "10.0.0.7:90", f"10.1.1.{n}:9", inode=0)
        for n, state in enumerate(("ESTABLISHED", "ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT", "FIN_WAIT2"), 1)
    ]
    table = make_table(make_snapshot([listener, *queued], {NGINX: [listener]}))
    (row,) = groups("process", (listener, *queued), table).values()
    likely = (row.likely_close_wait, row.likely_time_wait, row.likely_established)
    assert (counts(row), row.likely, likely) == ((1, 1, 2, 2), 5, (1, 1, 2))


def test_the_oldest_close_wait_has_its_age() -> None:
    assert groups("process")["pid:81:1000"].oldest == Age(30.0, None)
    assert groups("process")["pid:80:1000"].oldest is None


def test_a_process_has_the_trend_of_its_close_wait_or_else_of_its_time_wait() -> None:
    leak, left = Trend((0, 1), 30.0, 1 / 30), Trend((3, 1), 30.0, -2 / 30)
    known = {(WORKER.identity, CLOSE_WAIT): leak, (WORKER.identity, TIME_WAIT): left, (NGINX.identity, TIME_WAIT): left}
    table = make_table(TABLE.snapshot)
    table.trend = lambda identity, state: known.get((identity, state))
    found = groups("process", table=table)
    assert found["pid:81:1000"].trend == leak
    assert found["pid:80:1000"].trend == left
    assert found["none:orphan"].trend is None
    assert all(row.trend is None for row in groups("remote", table=table).values())


def test_what_has_no_owner_is_grouped_by_its_reason() -> None:
    found = groups("process")
    assert (found["none:hidden"].name, counts(found["none:hidden"])) == ("(hidden)", (0, 0, 1, 0))
    assert counts(found["none:orphan"]) == (0, 0, 0, 1)
    assert found["none:orphan"].pid is None


def test_the_user_is_that_of_what_it_opened_itself() -> None:
    found = groups("process")
    assert found["pid:80:1000"].user == "www-data"
    assert groups("process", [LISTENER])["pid:80:1000"].user == "www-data"  # also where that is filtered out
    table = make_table(make_snapshot([LISTENER, SHARED], {NGINX: [LISTENER], WORKER: [SHARED]}))
    for sockets in ([LISTENER], [LISTENER, SHARED]):
        assert groups("process", sockets, table)["pid:80:1000"].user == "root"


def test_only_the_sockets_given_are_counted() -> None:
    assert {key: counts(row) for key, row in groups("process", [LEAKED]).items()} == {"pid:81:1000": (1, 0, 0, 0)}


def test_an_owner_that_exited_is_marked() -> None:
    alive = make_socket("ESTABLISHED", "10.0.0.7:5", "10.1.1.1:80")
    closed = make_socket("TIME_WAIT", "10.0.0.7:5", "10.1.1.1:80")
    table = make_table(make_snapshot([alive], {CURL: [alive]}), make_snapshot([closed], clock=101, pids=[1]))
    row = groups("process", [closed], table)["pid:4711:1000"]
    assert (row.name, row.exited, row.likely, counts(row)) == ("curl", True, 0, (0, 1, 0, 0))


def test_by_remote() -> None:
    found = groups("remote")
    assert {key: (row.name, counts(row), row.ports) for key, row in found.items()} == {
        "remote:10.1.1.1": ("10.1.1.1", (1, 0, 1, 0), "2 ports"),
        "remote:10.1.1.2": ("10.1.1.2", (0, 1, 0, 1), "1002"),
        "remote:10.1.1.3": ("10.1.1.3", (0, 0, 1, 0), "1003"),
        "remote:*": ("(no peer)", (0, 0, 0, 1), ""),
    }


@pytest.mark.parametrize(
    ("key", "sockets", "name"),
    [
        ("pid:80:1000", [LISTENER, SHARED, LEFT], "80 nginx"),
        ("pid:81:1000", [SHARED, LEAKED], "81 nginx"),
        ("pid:81:999", [], None),
        ("none:hidden", [HIDDEN], "(hidden)"),
        ("none:orphan", [ORPHAN], "(orphans)"),
        ("none:gone", [], "(gone)"),
        ("remote:10.1.1.1", [SHARED, LEAKED], "10.1.1.1"),
        ("remote:*", [LISTENER], "(no peer)"),
        ("remote:nowhere", [], "nowhere"),
        ("pid:", [], None),
        ("pid:x:y", [], None),
        ("pid:1", [], None),
        ("none:such", [], "such"),
        ("rubbish", [], ""),
    ],
)
def test_members_and_name_of_a_group(key: str, sockets: list[InetSocket], name: str | None) -> None:
    assert members(TABLE, key) == sockets
    assert group_name(TABLE, key, sockets) == name
    assert key_of_identity(group_identity(key)) == key


@pytest.mark.parametrize("by", ["process", "remote"])
def test_the_members_of_a_group_are_those_it_counts(by: Literal["process", "remote"]) -> None:
    table = make_table(busy_snapshot(700), busy_snapshot(700, offset=50, clock=101))
    for key, row in groups(by, table.snapshot.sockets, table).items():
        assert len(members(table, key)) == sum(counts(row))


def test_a_process_that_took_another_name_is_one_group() -> None:
    closed = make_socket("TIME_WAIT", "10.0.0.7:5", "10.1.1.1:80")
    opened, kept = closed._replace(state=ESTABLISHED, inode=7), make_socket("ESTABLISHED", "10.0.0.7:6", "10.1.1.1:80")
    shell, program = make_process(9, "sh"), make_process(9, "curl")
    table = make_table(
        make_snapshot([opened, kept], {shell: [opened, kept]}),
        make_snapshot([closed, kept], {program: [kept]}, clock=101),
    )
    (row,) = groups("process", (closed, kept), table).values()
    assert counts(row) == (0, 1, 1, 0)
    assert members(table, row.key) == [closed, kept]


def test_of_many_close_waits_the_oldest_counts() -> None:
    times = {cookie: (float(cookie), None if cookie % 2 else cookie + 1.0) for cookie in range(1, 40)}
    sockets = [make_socket("CLOSE_WAIT", "10.0.0.7:5", cookie=cookie) for cookie in times]
    table = make_table(make_snapshot(sockets, {NGINX: sockets}, close_wait_times=times))
    for by in ("process", "remote"):
        (row,) = groups(by, sockets, table).values()
        assert row.oldest == Age(39.0, None)
