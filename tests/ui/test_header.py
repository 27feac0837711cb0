"""The first line: what it says of tracing, and what it leaves out where there is no room."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.model.query import Summary
from sockview.ui.header import header_line
from tests.wire_messages import view_of

SUMMARY = view_of(5).summary


def header(summary: Summary, width: int = 80) -> tuple[str, dict[str, str]]:
    """The text, and the tone of each part."""
    spans = header_line(summary, 0.0, width).spans
    return "".join(span.text for span in spans), {span.text.strip(" ,"): span.tone for span in spans}


@pytest.mark.parametrize(
    ("summary", "shown", "tone"),
    [
        (replace(SUMMARY, tracing=True), "root, tracing ", "dim"),
        (replace(SUMMARY, tracing=True, lost_reports=1234), "root, tracing, 1,234 lost", "caution"),
        (replace(SUMMARY, why_not_tracing="no tracefs"), "root, not tracing: no tracefs", "caution"),
        (replace(SUMMARY, why_not_tracing="not permitted"), "root, not tracing: not permitted", "caution"),
        (replace(SUMMARY, why_not_tracing="turned off"), "root, not tracing: turned off", "dim"),
    ],
)
def test_it_says_whether_root_is_tracing_or_why_not(summary: Summary, shown: str, tone: str) -> None:
    text, tones = header(replace(summary, matched=SUMMARY.total))
    assert shown in text and len(text) == 80
    assert tones[shown.removeprefix("root, ").strip()] == tone


def test_a_source_that_knows_no_tracing_says_nothing_of_it() -> None:
    assert "trac" not in header(SUMMARY)[0]


def test_for_others_than_root_that_is_the_reason() -> None:
    other = replace(SUMMARY, matched=SUMMARY.total, privileged=False, why_not_tracing="not permitted")
    text, tones = header(other)
    assert "not root, not tracing  " in text
    assert (tones["not root"], tones["not tracing"]) == ("caution", "dim")
    assert "trac" not in header(other, 60)[0]


def test_at_80_columns_what_is_wrong_with_tracing_comes_before_a_plain_interval() -> None:
    lossy = replace(SUMMARY, tracing=True, lost_reports=1234, matched=1000)
    assert header(lossy)[0].startswith(" sockview web-07  1,000 of 60,021 sockets  root, tracing, 1,234 lost ")
    late = replace(SUMMARY, tracing=True, matched=1000, actual_interval=3.0)
    assert header(late)[0].startswith(" sockview web-07  1,000 of 60,021 sockets  every 3 s, not 1 s  root ")
    fine = replace(SUMMARY, tracing=True, matched=1000)
    assert header(fine)[0].startswith(" sockview web-07  1,000 of 60,021 sockets  every 1 s  root, tracing ")


def test_a_narrow_screen_drops_the_least_needed_first() -> None:
    for width, rest in ((65, "  every 1 s  root"), (55, "  root"), (48, "")):
        text = header(replace(SUMMARY, tracing=True), width)[0]
        assert text.rstrip("0: ") == f" sockview web-07  5 of 60,021 sockets{rest}" and len(text) == width
    assert "PAUSED" in header(replace(SUMMARY, paused=True, tracing=True), 60)[0]
