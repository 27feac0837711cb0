"""Cells of rows, and which columns fit into a width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model import tcp_state
from sockview.model.columns import PROCESS_COLUMNS, REMOTE_COLUMNS, SOCKET_COLUMNS, Column, widest
from sockview.model.format_text import cell_width
from sockview.model.layout import GAP, fit_columns
from sockview.model.owner import NoOwner
from sockview.model.query import Age, GroupRow, SocketRow
from sockview.model.trend import Trend

ROW = SocketRow(
    key="4",
    netid="tcp",
    state=tcp_state.CLOSE_WAIT,
    age=Age(724.0, 725.0),
    local="10.0.0.7:8080",
    remote="10.2.3.4:51234",
    recv_q=1,
    send_q=None,
    pid=7306,
    process="gunicorn",
    holders=1,
    certain=True,
    exited=False,
    no_owner=None,
    user="www-data",
)
GROUP = GroupRow(
    key="pid:7306:1",
    pid=7306,
    name="gunicorn",
    user="www-data",
    close_wait=5250,
    time_wait=0,
    established=12,
    other=1,
    likely=0,
    oldest=Age(724.0, None),
)
ALL_COLUMNS = {"sockets": SOCKET_COLUMNS, "process": PROCESS_COLUMNS, "remote": REMOTE_COLUMNS}


def with_changes(**changes: object) -> SocketRow:
    fields = {name: getattr(ROW, name) for name in SocketRow.__slots__}
    return SocketRow(**{**fields, **changes})


def cell(column: str, row: SocketRow) -> str:
    return next(c for c in SOCKET_COLUMNS if c.key == column).text(row)


@pytest.mark.parametrize(
    ("reason", "candidates", "shown"),
    [("orphan", 0, "(orphan)"), ("orphan", 1, "(1 candidate)"), ("orphan", 2, "(2 candidates)"), ("gone", 2, "(gone)")],
)
def test_without_an_owner_it_counts_those_who_may_be_it(reason: str, candidates: int, shown: str) -> None:
    row = with_changes(pid=None, process="", holders=0, certain=False, no_owner=reason, candidates=candidates)
    assert cell("process", row) == shown


def test_the_cells_of_a_socket() -> None:
    assert {column.key: column.text(ROW) for column in SOCKET_COLUMNS} == {
        "proto": "tcp",
        "state": "CLOSE_WAIT",
        "age": "12m",
        "local": "10.0.0.7:8080",
        "remote": "10.2.3.4:51234",
        "recv_q": "1",
        "send_q": "-",
        "pid": "7306",
        "process": "gunicorn",
        "user": "www-data",
    }


def test_how_an_owner_is_written() -> None:
    assert cell("pid", with_changes(certain=False)) == "~7306"
    assert cell("pid", with_changes(holders=4)) == "7306+3"
    assert cell("pid", with_changes(pid=None, process="", no_owner="hidden")) == "-"
    assert cell("process", with_changes(exited=True)) == "gunicorn (exited)"
    assert cell("user", with_changes(user="")) == "-"


@pytest.mark.parametrize("reason", NoOwner)
def test_a_row_without_process_says_why(reason: NoOwner) -> None:
    text = cell("process", with_changes(pid=None, process="", no_owner=reason.value))
    assert text.startswith("(")
    assert text.endswith(")")
    assert len(text) <= 14


def test_the_cells_of_a_group() -> None:
    assert [column.text(GROUP) for column in PROCESS_COLUMNS] == [
        *("7306", "gunicorn", "www-data"),
        *("5,250", "0", "12", "1", ">12m", "-", ""),
    ]
    remote = GroupRow("remote:10.2.3.4", None, "10.2.3.4", "", 5, 0, 0, 0, 0, None, ports="3 ports")
    assert [column.text(remote) for column in REMOTE_COLUMNS] == ["10.2.3.4", "3 ports", "5", "0", "0", "0", "-"]


def test_the_trend_of_a_process() -> None:
    rate, trend = PROCESS_COLUMNS[-2:]
    row = replace(GROUP, trend=Trend(tuple(range(0, 5250, 88)), 3590.0, 1.5))
    assert rate.text(row) == "+1.5/s"
    assert rate.text(replace(GROUP, trend=Trend((5250,), 0.0, None))) == "-"
    assert trend.cell(row, 8) == "▁▂▃▄▅▆▇█"
    assert trend.cell(replace(GROUP, trend=Trend((0, 7), 5.0, None)), 8) == "      ▁█"


def test_a_group_is_likely_when_nothing_in_it_is_certain() -> None:
    pid = PROCESS_COLUMNS[0]
    left = GroupRow("pid:1:1", 1, "celery", "", 0, 9, 0, 0, 9, None, exited=True)
    assert pid.text(left) == "~1"
    assert PROCESS_COLUMNS[1].text(left) == "celery (exited)"
    mixed = GroupRow("pid:1:1", 1, "celery", "", 1, 9, 0, 0, 9, None)
    assert pid.text(mixed) == "1"


def test_counts_with_likely_sockets_in_them_carry_the_mark() -> None:
    row = GroupRow("pid:1:1", 1, "nginx", "", 1, 1200, 7, 3, 1201, None, likely_time_wait=1200)
    texts = {column.key: column.text(row) for column in PROCESS_COLUMNS}
    assert (texts["close_wait"], texts["time_wait"], texts["established"], texts["other"]) == ("1", "~1,200", "7", "~3")


def test_each_count_is_marked_for_its_own_sockets_alone() -> None:
    """Connections in an accept queue belong to the listener by likely evidence; that it listens is certain."""
    row = GroupRow("pid:1:1", 1, "app", "", 2, 0, 6, 1, 8, None, likely_close_wait=2, likely_established=6)
    texts = {column.key: column.text(row) for column in PROCESS_COLUMNS}
    assert (texts["close_wait"], texts["time_wait"], texts["established"], texts["other"]) == ("~2", "0", "~6", "1")


@pytest.mark.parametrize("columns", ALL_COLUMNS.values(), ids=ALL_COLUMNS)
def test_the_registry_is_sound(columns: Sequence[Column]) -> None:
    keys = [column.key for column in columns]
    assert len(set(keys)) == len(keys)
    assert len({column.rank for column in columns}) == len(keys)
    for column in columns:
        assert len(column.title) < column.min_width <= column.usual_width


def test_cells_have_the_width_of_their_column() -> None:
    for column in SOCKET_COLUMNS:
        for width in range(1, 30):
            assert cell_width(column.cell(ROW, width)) == width
    local = next(c for c in SOCKET_COLUMNS if c.key == "local")
    assert local.cell(ROW, 11) == "10.….7:8080"


# ------------------------------------------------------------------ layout
def shown(columns: Sequence[Column], width: int, needs: dict[str, int] | None = None) -> dict[str, int]:
    return {column.key: cells for column, cells in fit_columns(columns, width, needs or {})}


def test_eighty_columns_show_what_matters() -> None:
    always = {"state", "age", "local", "remote", "pid", "process"}
    needs = {"local": 19, "remote": 19, "process": 9, "pid": 6}
    for width in (78, 80):
        assert set(shown(SOCKET_COLUMNS, width, needs)) == always
        assert all(shown(SOCKET_COLUMNS, width, needs)[key] >= cells for key, cells in needs.items())
    assert {column.key for column in PROCESS_COLUMNS} - set(shown(PROCESS_COLUMNS, 78)) == {"trend"}
    assert set(shown(REMOTE_COLUMNS, 78)) == {column.key for column in REMOTE_COLUMNS}


def test_more_width_brings_more_columns() -> None:
    assert set(shown(PROCESS_COLUMNS, 118)) == {column.key for column in PROCESS_COLUMNS}
    assert "trend" not in shown(PROCESS_COLUMNS, 98)
    assert set(shown(SOCKET_COLUMNS, 118)) == {column.key for column in SOCKET_COLUMNS}
    assert "user" in shown(SOCKET_COLUMNS, 92)
    assert "recv_q" not in shown(SOCKET_COLUMNS, 92)


def test_less_width_drops_the_least_important() -> None:
    assert set(shown(SOCKET_COLUMNS, 64)) == {"state", "age", "local", "remote", "pid", "process"}
    assert set(shown(SOCKET_COLUMNS, 57)) == {"state", "local", "remote", "pid", "process"}
    assert set(shown(SOCKET_COLUMNS, 40)) == {"state", "remote", "pid", "process"}
    assert set(shown(SOCKET_COLUMNS, 12)) == {"state"}
    assert shown(SOCKET_COLUMNS, 5) == {"state": 5}
    assert shown(SOCKET_COLUMNS, 0) == {}
    assert shown((), 80) == {}


def test_long_content_takes_what_others_do_not_need() -> None:
    narrow = shown(SOCKET_COLUMNS, 78, {"local": 12, "remote": 12, "process": 40})
    assert narrow["local"] >= 12
    assert narrow["process"] >= 22
    wide = shown(SOCKET_COLUMNS, 200, {"local": 47, "remote": 47, "process": 14})
    assert wide["local"] == wide["remote"] == 47


NEEDS = st.fixed_dictionaries({}, optional={c.key: st.integers(0, 300) for c in (*SOCKET_COLUMNS, *PROCESS_COLUMNS)})


@pytest.mark.parametrize("columns", ALL_COLUMNS.values(), ids=ALL_COLUMNS)
@given(width=st.integers(-1, 300), needs=NEEDS, other=NEEDS)
def test_a_layout_never_exceeds_its_width(
    columns: Sequence[Column], width: int, needs: dict[str, int], other: dict[str, int]
) -> None:
    layout = fit_columns(columns, width, needs)
    assert sum(cells for _, cells in layout) + GAP * max(0, len(layout) - 1) <= max(0, width)
    assert all(cells >= 1 for _, cells in layout)
    chosen = [column for column, _ in layout]
    assert chosen == [column for column in columns if column in chosen]
    assert chosen == [column for column, _ in fit_columns(columns, width, other)]
    if len(layout) > 1:
        assert all(cells >= column.min_width for column, cells in layout)


def test_the_widest_content() -> None:
    needs = widest(SOCKET_COLUMNS, [ROW, with_changes(process="日本語の名前", recv_q=1_000_000)])
    assert needs["process"] == 12
    assert needs["recv_q"] == 9
    assert widest(SOCKET_COLUMNS, [])["pid"] == 0
