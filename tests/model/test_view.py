"""Answers to queries: windows, filters, groups and PIDs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.model.query import MAX_WINDOW, Age, PidQuery, Query, SocketRow, View, ViewName
from sockview.model.socket_row import socket_row
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from sockview.model.tcp_state import CLOSE_WAIT, TIME_WAIT
from sockview.model.view import Pace, ViewMaker
from tests.model.builders import Held, busy_snapshot, make_process, make_snapshot, make_socket, make_table

PACE = Pace(interval=1.0, actual_interval=1.5, collect_seconds=0.3, refreshes=4, paused=False)
NGINX = make_process(80, "nginx")
WORKER = make_process(81, "nginx")
CURL = make_process(4711, "curl")


def shown(table: SocketTable, query: Query | None = None) -> ViewMaker:
    maker = ViewMaker()
    finish(maker.show(table, query or Query(1)))
    return maker


def answer(maker: ViewMaker, query: Query) -> View:
    view = maker.answer(query, PACE)
    assert view is not None
    return view


# ------------------------------------------------------------------ a row
def test_a_row_says_all_that_a_table_shows() -> None:
    s = make_socket("CLOSE_WAIT", "10.0.0.7:8080", "[fd00::1]:443", cookie=77, recv_q=5, send_q=6)
    table = make_table(make_snapshot([s], {NGINX: [(9, s), (10, s)], WORKER: [(9, s)]}))
    assert socket_row(table, s) == SocketRow(
        key="77",
        netid="tcp",
        state=CLOSE_WAIT,
        age=Age(0.0, None),
        local="10.0.0.7:8080",
        remote="[fd00::1]:443",
        recv_q=5,
        send_q=6,
        pid=80,
        process="nginx",
        holders=2,
        certain=True,
        exited=False,
        no_owner=None,
        user="www-data",
    )


def test_a_row_without_owner_says_why() -> None:
    s = make_socket("TIME_WAIT", time_left=20)
    row = socket_row(make_table(make_snapshot([s])), s)
    assert (row.pid, row.process, row.holders, row.certain, row.no_owner) == (None, "", 0, False, "orphan")
    assert (row.age, row.user) == (Age(40.0, 40.0), "")


# ------------------------------------------------------------------ windows
def test_before_the_first_table_there_is_no_answer() -> None:
    maker = ViewMaker()
    assert maker.answer(Query(1), PACE) is None
    assert maker.pids(PidQuery(3)).certain == ()


def test_the_summary() -> None:
    snapshot = busy_snapshot(100)
    view = answer(shown(make_table(snapshot)), Query(7, filter="cw"))
    assert view.serial == 7
    assert (view.summary.total, view.summary.matched, view.length) == (121, 8, 8)
    assert (view.summary.host, view.summary.taken_at) == ("web-07", snapshot.taken_at)
    assert (view.summary.interval, view.summary.actual_interval, view.summary.refreshes) == (1.0, 1.5, 4)
    assert view.histogram[0].count == 8
    assert {row.state for row in view.rows} == {CLOSE_WAIT}


@pytest.mark.parametrize("count", [-5, 0, 1, 50, MAX_WINDOW, 10**9])
@pytest.mark.parametrize("row", [0, 3, 700, 1500])
def test_the_window_is_around_the_cursor_and_bounded(count: int, row: int) -> None:
    maker = shown(make_table(busy_snapshot(1480)))
    key = answer(maker, Query(1, first=row, count=1)).rows[0].key
    view = answer(maker, Query(2, cursor=key, count=count))
    assert view.cursor == row
    assert view.rows[view.cursor - view.first].key == key
    assert len(view.rows) == max(1, min(count, MAX_WINDOW))
    assert 0 <= view.first <= view.length - len(view.rows)


@pytest.mark.parametrize(("first", "shown_first"), [(-9, 0), (0, 0), (40, 40), (500, 111)])
def test_without_a_cursor_the_window_starts_where_it_is_wanted(first: int, shown_first: int) -> None:
    view = answer(shown(make_table(busy_snapshot(100))), Query(1, first=first, count=10, position=10**6))
    assert (view.first, len(view.rows), view.cursor) == (shown_first, 10, 120)


def test_nothing_to_show() -> None:
    maker = shown(make_table(make_snapshot()))
    for query in (Query(1), Query(1, cursor="5", position=9), Query(1, view="process"), Query(1, cursor="x")):
        view = answer(maker, query)
        assert (view.length, view.cursor, view.first, view.rows, view.groups) == (0, 0, 0, (), ())


# ------------------------------------------------------------------ filters
def test_a_refused_filter_leaves_the_last_good_one() -> None:
    maker = shown(make_table(busy_snapshot(100)))
    good = answer(maker, Query(1, filter="cw"))
    bad = answer(maker, Query(2, filter="nosuchkey:1"))
    assert good.filter_error is None
    assert bad.filter_error is not None
    assert bad.rows == good.rows
    assert answer(maker, Query(3, filter="tw")).summary.matched == 16
    finish(maker.show(make_table(busy_snapshot(200)), Query(4, filter="nosuchkey:1")))
    assert {row.state for row in answer(maker, Query(4, filter="nosuchkey:1")).rows} == {TIME_WAIT}


def test_a_refused_first_filter_shows_everything() -> None:
    query = Query(1, filter="nosuchkey:1")
    view = answer(shown(make_table(busy_snapshot(10)), query), query)
    assert view.filter_error is not None
    assert view.summary.matched == 31


# ------------------------------------------------------------------ refresh
def test_the_old_table_answers_until_the_new_one_is_prepared() -> None:
    maker = shown(make_table(busy_snapshot(100)))
    steps = maker.show(make_table(busy_snapshot(200)), Query(1, filter="state:established"))
    next(steps)
    assert answer(maker, Query(2)).summary.total == 121
    finish(steps)
    assert answer(maker, Query(2)).summary.total == 221


def test_what_was_arranged_is_not_arranged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    query = Query(1, filter="cw", sort="local")
    maker = shown(make_table(busy_snapshot(300)), query)
    key = answer(maker, query).rows[5].key

    def refuse(*_: object) -> None:
        raise AssertionError("arranged again")

    monkeypatch.setattr("sockview.model.view.arrange_steps", refuse)
    assert answer(maker, replace(query, serial=2, cursor=key)).cursor == 5
    with pytest.raises(AssertionError, match="arranged again"):
        maker.answer(replace(query, reverse=True), PACE)


def test_what_was_prepared_costs_only_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(busy_snapshot(300))
    maker, query = shown(table), Query(2, filter="cw", sort="local")
    finish(maker.prepare(query))
    expected = answer(shown(table, query), query)
    monkeypatch.setattr("sockview.model.view.arrange_steps", None)
    assert answer(maker, query) == expected


def test_what_was_prepared_for_an_older_table_is_not_used() -> None:
    maker = shown(make_table(busy_snapshot(100)))
    steps = maker.prepare(Query(2, sort="pid"))
    next(steps)
    finish(maker.show(make_table(busy_snapshot(200)), Query(1)))
    finish(steps)
    assert answer(maker, Query(2, sort="pid")).summary.matched == 221


def test_a_filter_that_was_understood_while_preparing_is_the_last_good_one() -> None:
    maker = shown(make_table(busy_snapshot(100)))
    next(maker.prepare(Query(2, filter="cw")))
    refused = answer(maker, Query(3, filter="cw port:x"))
    assert refused.filter_error is not None
    assert refused.rows == answer(maker, Query(4, filter="cw")).rows


VIEWS_AND_DIRECTIONS: list[tuple[ViewName, bool]] = [("sockets", False), ("sockets", True), ("process", False)]


def test_no_order_sorts_the_whole_table_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another order or filter starts from the standing order, which the first view had to make."""
    table = make_table(busy_snapshot(300))
    queries = [
        Query(2, sort=sort, reverse=reverse, filter=text, view=view)
        for sort in ("pid", "user", "state")
        for text in ("", "worker-3", "estab")
        for view, reverse in VIEWS_AND_DIRECTIONS
    ]
    expected = [answer(shown(table, query), query) for query in queries]
    maker = shown(table)
    for module in ("arrangement", "sorted_sockets"):
        monkeypatch.setattr(f"sockview.model.{module}.sort_some_steps", None)
    assert [answer(maker, query) for query in queries] == expected


def test_the_way_back_to_the_last_order_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    maker = shown(make_table(busy_snapshot(300)))
    expected = [answer(maker, Query(2, sort=sort)) for sort in ("state", "remote")]
    for module in ("arrangement", "sorted_sockets"):
        monkeypatch.setattr(f"sockview.model.{module}.sort_some_steps", None)
    assert [answer(maker, Query(2, sort=sort)) for sort in ("state", "remote")] == expected


def test_sort_and_reverse() -> None:
    maker = shown(make_table(busy_snapshot(100)))
    up = answer(maker, Query(1, sort="pid", count=1000)).rows
    down = answer(maker, Query(2, sort="pid", reverse=True, count=1000)).rows
    pids = [row.pid for row in up if row.pid is not None]
    assert pids == sorted(pids)
    assert [row.pid for row in down if row.pid is not None] == pids[::-1]


def test_typing_a_filter_gives_what_sorting_anew_gives() -> None:
    table = make_table(busy_snapshot(300))
    for sort in ("state", "pid", "age", "remote"):
        query = Query(1, sort=sort, filter="worker-3,worker-4", count=1000)
        typed = shown(table, replace(query, filter=""))
        assert answer(typed, query).rows == answer(shown(table, query), query).rows
        assert answer(typed, replace(query, filter="")).length == 321


# ------------------------------------------------------------------ groups
def test_groups_and_their_sockets() -> None:
    maker = shown(make_table(busy_snapshot(240)))
    by_process = answer(maker, Query(1, view="process", filter="cw", sort="pid"))
    assert by_process.rows == ()
    assert by_process.summary.matched == sum(row.close_wait for row in by_process.groups) == 20
    row = by_process.groups[0]
    inside = answer(maker, Query(2, group=row.key, filter="cw"))
    assert (inside.length, inside.summary.matched) == (row.close_wait, row.close_wait)
    assert inside.group_name == f"{row.pid} {row.name}"
    assert {found.pid for found in inside.rows} == {row.pid}
    by_remote = answer(maker, Query(3, view="remote", sort="remote", count=1000))
    assert by_remote.length == len({row.name for row in by_remote.groups})


def test_a_group_keeps_its_name_when_it_is_empty() -> None:
    s = make_socket()
    maker = shown(make_table(make_snapshot([s], {NGINX: [s]})))
    assert answer(maker, Query(1, group="pid:80:1000")).group_name == "80 nginx"
    finish(maker.show(make_table(make_snapshot()), Query(1, group="pid:80:1000")))
    view = answer(maker, Query(1, group="pid:80:1000"))
    assert (view.group_name, view.length) == ("80 nginx", 0)
    assert answer(maker, Query(1, group="pid:5:1")).group_name == "PID 5"
    assert answer(maker, Query(1, group="pid")).group_name == "PID pid"


# ------------------------------------------------------------------ PIDs
LISTENER = make_socket("LISTEN", "0.0.0.0:80")
HELD = make_socket("CLOSE_WAIT", "10.0.0.7:8080", "10.1.1.1:1")
LIKELY = make_socket("TIME_WAIT", "10.0.0.7:80", "10.1.1.1:2")
GONE = make_socket("TIME_WAIT", "10.0.0.7:5", "10.1.1.2:3")
ORPHAN = make_socket("TIME_WAIT", "10.0.0.7:6", "10.1.1.3:4")


def pid_table() -> SocketTable:
    before = make_socket("ESTABLISHED", "10.0.0.7:5", "10.1.1.2:3")
    first = make_snapshot([before], {CURL: [before]})
    held: Held = {WORKER: [HELD], make_process(82, "nginx"): [HELD], NGINX: [LISTENER]}
    now = [LISTENER, HELD, LIKELY, GONE, ORPHAN]
    return make_table(first, make_snapshot(now, held, clock=101, pids=[1, 80, 81, 82]))


@pytest.mark.parametrize(
    ("query", "certain", "likely", "ownerless"),
    [
        (Query(1), (80, 81, 82), (), 1),
        (Query(1, filter="cw"), (81, 82), (), 0),
        (Query(1, filter="tw"), (), (80,), 1),
        (Query(1, view="process"), (80, 81, 82), (), 1),
        (Query(1, view="process", filter="tw"), (), (80,), 1),
        (Query(1, view="remote", filter="tw"), (), (80,), 1),
        (Query(1, view="remote"), (80, 81, 82), (), 1),
        (Query(1, group="pid:81:1000"), (81, 82), (), 0),
    ],
)
def test_pids_of_the_whole_view(
    query: Query, certain: tuple[int, ...], likely: tuple[int, ...], ownerless: int
) -> None:
    maker = shown(pid_table())
    answer(maker, query)
    found = maker.pids(PidQuery(9))
    assert (found.serial, found.certain, found.likely, found.ownerless) == (9, certain, likely, ownerless)


@pytest.mark.parametrize(
    ("view", "keys", "certain", "likely", "ownerless"),
    [
        ("sockets", (str(HELD.cookie), str(LIKELY.cookie)), (81, 82), (80,), 0),
        ("sockets", (str(LISTENER.cookie), str(LIKELY.cookie)), (80,), (), 0),
        ("sockets", (str(GONE.cookie), str(ORPHAN.cookie)), (), (), 1),
        ("sockets", ("123456789", "rubbish", "", "-1"), (), (), 0),
        ("process", ("pid:81:1000",), (81,), (), 0),
        ("process", ("pid:80:1000", "none:orphan"), (80,), (), 1),
        ("process", ("pid:4711:1000",), (), (), 0),
        ("remote", ("remote:10.1.1.1",), (81, 82), (80,), 0),
        ("remote", ("remote:10.1.1.3", "remote:nowhere"), (), (), 1),
    ],
)
def test_pids_of_rows(
    view: ViewName, keys: tuple[str, ...], certain: tuple[int, ...], likely: tuple[int, ...], ownerless: int
) -> None:
    maker = shown(pid_table())
    answer(maker, Query(1, view=view))
    found = maker.pids(PidQuery(9, keys))
    assert (found.certain, found.likely, found.ownerless) == (certain, likely, ownerless)


def test_pids_of_a_group_are_of_what_the_filter_shows() -> None:
    maker = shown(pid_table())
    answer(maker, Query(1, view="process", filter="tw"))
    found = maker.pids(PidQuery(9, ("pid:80:1000",)))
    assert (found.certain, found.likely) == ((), (80,))
