"""The wire refuses whatever is not exactly right, with a sentence and never with anything else."""

from __future__ import annotations

import dataclasses
import math
from types import NoneType
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockview.model.query import (
    MAX_FILTER,
    MAX_KEY,
    MAX_KEYS,
    MAX_WINDOW,
    Age,
    Detail,
    FromReader,
    FromScreen,
    GroupRow,
    PidQuery,
    Query,
    RefreshNow,
    SocketRow,
    Trouble,
    View,
)
from sockview.wire import MAX_LINE, WireError, decode_from_reader, decode_from_screen, encode
from sockview.wire_codec import from_object
from tests.wire_messages import from_reader, line_of, object_of, view_of


# ------------------------------------------------------------------ what is refused
@given(st.binary(max_size=300))
def test_random_bytes_are_refused(line: bytes) -> None:
    for decode in (decode_from_screen, decode_from_reader):
        with pytest.raises(WireError):
            decode(line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
field_names = sorted(
    {field.name for kind in (*get_args(FromScreen), *get_args(FromReader)) for field in dataclasses.fields(kind)}
)
types = st.sampled_from([kind.__name__ for kind in (*get_args(FromScreen), *get_args(FromReader))])


@given(types, st.dictionaries(st.sampled_from(field_names), json_values, max_size=6))
def test_random_fields_never_raise_anything_else(kind: str, values: dict[str, Any]) -> None:
    for decode in (decode_from_screen, decode_from_reader):
        try:
            message = decode(line_of({"type": kind, **values}))
        except WireError as error:
            assert str(error).endswith(".") and str(error).isprintable()
        else:
            assert type(message).__name__ == kind


@settings(max_examples=200)
@given(from_reader, st.data())
def test_one_wrong_value_anywhere_is_refused_or_of_the_right_type(message: FromReader, data: st.DataObject) -> None:
    values = object_of(message)
    name = data.draw(st.sampled_from(sorted(values)))
    values[name] = data.draw(json_values)
    try:
        arrived = decode_from_reader(line_of(values))
    except WireError:
        return
    # Whatever was taken must be a message that can be sent again and arrives the same.
    assert decode_from_reader(encode(arrived)) == arrived


def refused(values: object) -> str:
    with pytest.raises(WireError) as caught:
        decode_from_screen(line_of(values))
    return str(caught.value)


def refused_view(values: object) -> str:
    with pytest.raises(WireError) as caught:
        decode_from_reader(line_of(values))
    return str(caught.value)


def test_unknown_type_and_wrong_direction() -> None:
    assert "'Order'" in refused({"type": "Order"}) and "not known" in refused({"type": "Order"})
    assert "does not come from the screen" in refused(object_of(Trouble("x")))
    assert "does not come from the reader" in refused_view(object_of(RefreshNow()))
    assert "does not say its type" in refused({"serial": 1})
    assert "does not say its type" in refused({"type": ["Query"], "serial": 1})
    assert "no JSON object" in refused([1])


def test_unknown_and_missing_fields() -> None:
    assert "unknown field 'colour'" in refused({"type": "Query", "serial": 1, "colour": "red"})
    assert "lacks the field serial" in refused({"type": "Query"})
    assert "lacks the field certain" in refused_view({"type": "Pids", "serial": 1, "likely": [], "ownerless": 0})


def test_hostile_names_in_a_refusal_are_harmless() -> None:
    sentence = refused({"type": "Query", "serial": 1, "\x1b]52;c;eA==\x07": 1})
    assert sentence.isprintable()
    assert refused({"type": "\x1b[2J\u202e" * 1000}).isprintable()
    assert len(refused({"type": "x" * 100_000})) < 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("serial", True),
        ("serial", 1.0),
        ("serial", "1"),
        ("serial", None),
        ("view", "everything"),
        ("view", 1),
        ("filter", None),
        ("filter", 1),
        ("group", 1),
        ("reverse", 1),
        ("reverse", "false"),
        ("interval", True),
        ("interval", "1"),
        ("cursor", []),
    ],
)
def test_wrong_types_name_the_field(field: str, value: object) -> None:
    assert f"Query: {field}" in refused({"type": "Query", "serial": 1, field: value})


def test_the_place_of_a_wrong_value_is_said() -> None:
    values = object_of(view_of(4))
    values["rows"][3][8] = "7306"
    assert "View: rows[3].pid is a text where a whole number or null belongs" in refused_view(values)
    values = object_of(view_of(4))
    values["rows"][2][3] = [1.0, "x"]
    assert "rows[2].age.at_most" in refused_view(values)
    values = object_of(view_of(4))
    values["rows"][1].pop()
    assert "rows[1] has 15 fields where 16 belong" in refused_view(values)
    values = object_of(view_of(1))
    values["histogram"][0]["trend"][0][1] = True
    assert "histogram[0].trend.series[1]" in refused_view(values)
    values = object_of(Detail("1", "t", (), states=((8, 1),)))
    values["states"][0] = [8, 1, 1]
    assert "states[0] has 3 items where 2 belong" in refused_view(values)


def test_wrong_types_are_refused_after_right_ones_were_seen() -> None:
    # Rows are checked by the combination of their types once it has passed.
    values = object_of(view_of(3))
    decode_from_reader(line_of(values))
    for at, name in enumerate(field.name for field in dataclasses.fields(SocketRow)):
        values = object_of(view_of(3))
        values["rows"][2][at] = {}
        assert f"rows[2].{name}" in refused_view(values)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "9" * 10_000])
def test_numbers_that_are_not_finite(text: str) -> None:
    with pytest.raises(WireError):
        decode_from_screen(f'{{"type":"Query","serial":1,"interval":{text}}}'.encode())
    with pytest.raises(WireError):
        decode_from_reader(encode(view_of(1)).replace(b"12.5", text.encode()))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_not_finite_are_not_sent(value: float) -> None:
    with pytest.raises(WireError, match="Query cannot be sent"):
        encode(Query(serial=1, interval=value))


def test_broken_text() -> None:
    for line in (b"", b"\n", b"{", b'{"type":"RefreshNow"', b'{"type":"RefreshNow"}}', b'\xff\xfe{"type":1}', b"\x80"):
        with pytest.raises(WireError):
            decode_from_screen(line)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting(opening: bytes) -> None:
    for decode in (decode_from_screen, decode_from_reader):
        with pytest.raises(WireError):
            decode(opening * (MAX_LINE // len(opening)))
        with pytest.raises(WireError):
            decode(b'{"type":"PidQuery","serial":1,"keys":' + opening * 200_000)


def test_bounds_of_a_query() -> None:
    good: list[dict[str, object]] = [
        {"count": 1},
        {"count": MAX_WINDOW},
        {"interval": 0.1},
        {"filter": "x" * MAX_FILTER},
    ]
    for fields in good:
        decode_from_screen(line_of({"type": "Query", "serial": 1, **fields}))
    bad: list[dict[str, object]] = [
        {"count": 0},
        {"count": MAX_WINDOW + 1},
        {"interval": 0.09},
        {"interval": 3601},
        {"filter": "x" * (MAX_FILTER + 1)},
        {"sort": "x" * (MAX_KEY + 1)},
        {"group": "x" * (MAX_KEY + 1)},
        {"cursor": "x" * (MAX_KEY + 1)},
        {"first": -1},
        {"position": -1},
        {"serial": 2**53},
    ]
    for fields in bad:
        refused({"type": "Query", "serial": 1, **fields})


def test_bounds_of_a_copy() -> None:
    request = PidQuery(serial=1, keys=tuple(str(number) for number in range(MAX_KEYS)))
    assert decode_from_screen(encode(request)) == request
    refused({"type": "PidQuery", "serial": 1, "keys": ["1"] * (MAX_KEYS + 1)})
    refused({"type": "PidQuery", "serial": 1, "keys": ["x" * (MAX_KEY + 1)]})


def test_long_lines_are_neither_taken_nor_sent() -> None:
    with pytest.raises(WireError, match="too long"):
        decode_from_screen(b" " * (MAX_LINE + 1))
    with pytest.raises(WireError, match="too long"):
        encode(Trouble("x" * (MAX_LINE + 1)))


def test_what_has_no_form_is_refused_when_the_codec_is_made() -> None:
    @dataclasses.dataclass
    class Odd:
        when: complex

    @dataclasses.dataclass
    class Ambiguous:
        either: tuple[int, ...] | Age

    Odd.__annotations__["when"] = complex
    Ambiguous.__annotations__["either"] = tuple[int, ...] | Age
    with pytest.raises(TypeError, match="no form"):
        from_object(Odd)
    with pytest.raises(TypeError, match="look alike"):
        from_object(Ambiguous)


def test_rows_are_arrays_of_all_their_fields() -> None:
    row = object_of(view_of(1))["rows"][0]
    assert len(row) == len(dataclasses.fields(SocketRow))
    group = GroupRow("1:2", 1, "n", "u", 1, 2, 3, 4, 0, None)
    values = object_of(View(1, view_of(0).summary, (), 0, 1, 0, groups=(group,)))
    assert [type(value) for value in values["groups"][0]] == [
        str,
        int,
        str,
        str,
        *[int] * 5,
        NoneType,
        bool,
        str,
        *[int] * 3,
        NoneType,
    ]
