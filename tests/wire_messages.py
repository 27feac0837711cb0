"""Messages of every kind for tests of the wire: generated ones, and a view of any size."""

from __future__ import annotations

import json
from typing import Any, get_args

from hypothesis import strategies as st

from sockview.model.query import (
    MAX_FILTER,
    MAX_INTERVAL,
    MAX_KEY,
    MAX_WINDOW,
    MIN_INTERVAL,
    VIEWS,
    Age,
    FromReader,
    FromScreen,
    PidQuery,
    Query,
    RefreshNow,
    SocketRow,
    StateLine,
    Summary,
    View,
)
from sockview.model.trend import Trend
from sockview.wire import encode

finite = st.floats(allow_nan=False, allow_infinity=False)
keys = st.text(max_size=MAX_KEY)
numbers = st.integers(0, 2**53 - 1)

queries = st.builds(
    Query,
    serial=numbers,
    view=st.sampled_from(VIEWS),
    filter=st.text(max_size=MAX_FILTER),
    group=st.none() | keys,
    sort=keys,
    reverse=st.booleans(),
    first=numbers,
    count=st.integers(1, MAX_WINDOW),
    cursor=st.none() | keys,
    position=numbers,
    paused=st.booleans(),
    interval=st.floats(MIN_INTERVAL, MAX_INTERVAL),
)
pid_queries = st.builds(PidQuery, serial=numbers, keys=st.none() | st.lists(keys, max_size=4).map(tuple))
from_screen = queries | pid_queries | st.just(RefreshNow())

st.register_type_strategy(float, finite)
from_reader = st.one_of([st.from_type(kind) for kind in get_args(FromReader)])


def object_of(message: FromScreen | FromReader) -> dict[str, Any]:
    """The message as JSON values, to be damaged."""
    values = json.loads(encode(message))
    assert isinstance(values, dict)
    return values


def line_of(values: object) -> bytes:
    return json.dumps(values).encode()


def socket_row(number: int = 1) -> SocketRow:
    return SocketRow(
        key=str(number),
        netid="tcp",
        state=8,
        age=Age(12.5, None if number % 2 else 13.0),
        local="10.0.0.7:8080",
        remote=f"10.2.3.4:{number}",
        recv_q=1,
        send_q=None if number % 3 else 0,
        pid=7306,
        process="gunicorn",
        holders=1,
        certain=True,
        exited=False,
        no_owner=None,
        user="www-data",
    )


def view_of(rows: int) -> View:
    summary = Summary(
        host="web-07",
        source="sock_diag",
        privileged=True,
        taken_at=1.7e9,
        total=60021,
        matched=rows,
        complete=True,
        warnings=(),
        hidden=0,
        interval=1.0,
        actual_interval=1.0,
        collect_seconds=0.2,
        refreshes=7,
        paused=False,
    )
    histogram = (StateLine(8, rows, Trend((1, 2, 3), 10.0, 0.1), Age(1.0, 1.5)), StateLine(6, 0, Trend((), 0.0, None)))
    return View(3, summary, histogram, 0, rows, 0, tuple(socket_row(number) for number in range(rows)))
