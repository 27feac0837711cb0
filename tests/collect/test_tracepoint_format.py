"""Where a tracepoint's fields lie, from its format file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockview.collect.tracepoint_format import Field, parse_format
from tests.collect.perf_bytes import FORMAT


def test_fields_have_the_name_without_their_type_and_length() -> None:
    fields = parse_format(FORMAT)
    assert fields["common_flags"] == Field(2, 1, False)
    assert fields["skaddr"] == Field(8, 8, False)
    assert fields["newstate"] == Field(20, 4, True)
    assert fields["saddr_v6"] == Field(40, 16, False)
    assert next(iter(fields)) == "common_type" and len(fields) == 15


def test_lines_that_tell_of_no_field_are_passed_over() -> None:
    assert parse_format("field:int a;\n\tfield:int;\toffset:4;\tsize:0;\nfield:int b; offset:x; size:4;") == {}


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    parse_format(text)
    parse_format(f"field:{text};offset:1;size:1;")
