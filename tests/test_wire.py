"""The wire: what goes in comes out, and a stream is cut into lines wherever it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockview.model.query import (
    Age,
    FromReader,
    FromScreen,
    Pids,
    Query,
    RefreshNow,
    SocketRow,
    View,
)
from sockview.wire import LineBuffer, WireError, decode_from_reader, decode_from_screen, encode
from tests.wire_messages import from_reader, from_screen, line_of, view_of


# ------------------------------------------------------------------ there and back
@given(from_screen)
def test_what_the_screen_sends_arrives(message: FromScreen) -> None:
    line = encode(message)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert decode_from_screen(line) == message


@settings(max_examples=200)
@given(from_reader)
def test_what_the_reader_sends_arrives(message: FromReader) -> None:
    line = encode(message)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert decode_from_reader(line) == message


def test_many_rows_arrive_with_exact_types() -> None:
    view = view_of(50)
    arrived = decode_from_reader(encode(view))
    assert arrived == view
    assert isinstance(arrived, View)
    assert [type(row) for row in arrived.rows] == [SocketRow] * 50
    assert type(arrived.rows) is tuple and type(arrived.histogram[0].trend.series) is tuple
    assert type(arrived.rows[0].age) is Age


def test_a_float_written_as_a_whole_number_is_a_float() -> None:
    line = line_of({"type": "Query", "serial": 1, "interval": 2})
    query = decode_from_screen(line)
    assert isinstance(query, Query)
    assert type(query.interval) is float and query.interval == 2.0


def test_absent_fields_take_their_defaults() -> None:
    assert decode_from_screen(b'{"type":"Query","serial":4}') == Query(serial=4)
    assert decode_from_screen(b'{"type":"RefreshNow"}') == RefreshNow()


def test_a_lone_surrogate_survives() -> None:
    # An argument that is no UTF-8 reaches Python as surrogates, and may be the first filter.
    query = Query(serial=1, filter="\udcff")
    assert decode_from_screen(encode(query)) == query


# ------------------------------------------------------------------ lines from a stream
@given(st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"")), max_size=8), st.data())
def test_lines_are_found_however_the_stream_is_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    buffer = LineBuffer()
    found: list[bytes] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += buffer.feed(stream[:size])
        stream = stream[size:]
    assert found == lines


def test_an_endless_line_is_refused() -> None:
    buffer = LineBuffer(limit=100)
    assert buffer.feed(b"x" * 100) == []
    with pytest.raises(WireError, match="longer than 100"):
        buffer.feed(b"x")
    with pytest.raises(WireError):
        LineBuffer(limit=100).feed(b"good\n" + b"x" * 101)
    assert LineBuffer(limit=100).feed(b"x" * 100 + b"\n" + b"y" * 100) == [b"x" * 100]


def test_pids_keep_their_order() -> None:
    pids = Pids(1, (3, 1, 2), (), 0)
    assert decode_from_reader(encode(pids)) == pids
