"""Numbers in words, and text in an exact number of cells."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sockview.model.clean_text import clean
from sockview.model.format_text import (
    age_text,
    bytes_text,
    cell_width,
    count_text,
    duration_text,
    pad,
    rate_text,
    seconds_text,
    shorten,
    shorten_before,
    shorten_endpoint,
    shorten_middle,
    span_text,
)
from sockview.model.query import Age

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [
        (0, "0s", "0s"),
        (59.9, "59s", "59s"),
        (60, "1m", "1m00s"),
        (12 * MINUTE + 4, "12m", "12m04s"),
        (HOUR - 1, "59m", "59m59s"),
        (3 * HOUR + 4 * MINUTE, "3h04m", "3h04m"),
        (14 * HOUR + 59 * MINUTE, "14h", "14h59m"),
        (3 * DAY + 4 * HOUR, "3d04h", "3d04h"),
        (21 * DAY, "21d", "21d00h"),
        (9999 * DAY, "9999d", "9999d00h"),
        (20_000 * DAY, ">9999d", "20000d00h"),
    ],
)
def test_ages(seconds: float, short: str, long: str) -> None:
    assert age_text(Age(seconds, seconds)) == short
    assert duration_text(seconds) == long
    bound = ">" + short.removeprefix(">") if seconds else "-"
    assert age_text(Age(seconds, None)) == bound


@given(st.floats(-10, 1e12), st.floats(0, 1e6) | st.none())
def test_an_age_takes_at_most_six_cells(seconds: float, slack: float | None) -> None:
    assert len(age_text(Age(seconds, None if slack is None else seconds + slack))) <= 6


def test_an_age_says_how_well_it_is_known() -> None:
    assert age_text(None) == "-"
    assert age_text(Age(720, 800)) == ">12m"
    assert age_text(Age(724, 730)) == "12m"
    assert age_text(Age(0.2, 0.9)) == "0s"
    assert age_text(Age(0.2, 5.0)) == "-"


def test_numbers() -> None:
    assert [count_text(n) for n in (0, 999, 60021, None)] == ["0", "999", "60,021", "-"]
    assert [seconds_text(s) for s in (0.25, 1.0, 1.34, 60.0)] == ["0.25 s", "1 s", "1.3 s", "60 s"]


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (None, ""),
        (0.0, "0/min"),
        (0.4 / 60, "0/min"),
        (1 / 60, "+1/min"),
        (1 / 20, "+3/min"),
        (-12 / 60, "-12/min"),
        (59.4 / 60, "+59/min"),
        (59.6 / 60, "+1/s"),
        (3.0, "+3/s"),
        (3.24, "+3.2/s"),
        (9.94, "+9.9/s"),
        (9.96, "+10/s"),
        (-40.0, "-40/s"),
        (999.4, "+999/s"),
        (999.6, "+1k/s"),
        (-1234.0, "-1.2k/s"),
        (123_456.0, "+123k/s"),
        (1_234_567.0, "+1.2M/s"),
    ],
)
def test_rates(rate: float | None, text: str) -> None:
    assert rate_text(rate) == text


@given(st.floats(-1e11, 1e11))
def test_a_rate_takes_at_most_seven_cells_and_keeps_its_sign(rate: float) -> None:
    text = rate_text(rate)
    assert len(text) <= 7
    assert text == "0/min" or text[0] == ("-" if rate < 0 else "+")


def test_spans() -> None:
    spans = (0, 25.9, 60, 299, 300, 58 * MINUTE + 59, 59 * MINUTE, HOUR)
    said = ["", "last 25s", "last 1m", "last 4m", "last 5m", "last 58m", "last 1h", "last 1h"]
    assert [span_text(s) for s in spans] == said


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1.0K"),
        (int(9.96 * 1024), "10K"),
        (1024 * 1024 - 1, "1.0M"),
        (212 * 1024**2, "212M"),
        (1500 * 1024**2, "1.5G"),
        (3 * 1024**5, "3.0P"),
    ],
)
def test_bytes(count: int | None, text: str) -> None:
    assert bytes_text(count) == text


@given(st.integers(0, 1024**6 - 1))
def test_bytes_take_at_most_five_cells(count: int) -> None:
    assert len(bytes_text(count)) <= 5


# ------------------------------------------------------------------ cells
#: Letters of one and two cells, combining marks, and anything else that cleaning lets through.
TEXTS = st.text(st.sampled_from("ab:[]… ée\u0301\u0300日本ｱ１가")) | st.text().map(clean)


def test_cell_widths() -> None:
    widths = {"abc": 3, "日本": 4, "👍🏽": 2, "\u1100\u1161": 2, "e\u0301": 1, "１": 2, "ｱ": 1, "가": 2, "…": 1, "": 0}
    assert {text: cell_width(text) for text in widths} == widths


@given(TEXTS, st.integers(-2, 30))
@example("\u0301", -1)
def test_shortening_never_exceeds_the_width(text: str, width: int) -> None:
    for cut in (shorten, shorten_middle, shorten_endpoint):
        shown = cut(text, width)
        assert cell_width(shown) <= max(0, width)
        assert (shown == text) == (cell_width(text) <= max(0, width))
        assert shown == text or "…" in shown or width <= 0 or (cut is shorten_endpoint and ":" in shown)


@given(TEXTS, st.integers(0, 30), st.sampled_from(("left", "right")))
def test_padding_is_exact(text: str, width: int, align: str) -> None:
    padded = pad(text, width, "right" if align == "right" else "left")
    assert cell_width(padded) == width
    assert shorten(text, width) in padded


def test_shorten() -> None:
    assert shorten("gunicorn", 8) == "gunicorn"
    assert shorten("gunicorn", 5) == "guni…"
    assert shorten("日本語", 4) == "日…"
    assert pad(shorten("日本語", 4), 4) == "日… "
    assert shorten("e\u0301e\u0301e\u0301", 2) == "e\u0301…"
    assert shorten("x", 0) == ""
    assert pad("12", 5, "right") == "   12"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("10.0.0.7:8080", 13, "10.0.0.7:8080"),
        ("192.168.100.200:49152", 18, "192.16…0.200:49152"),
        ("[2001:db8::1:2]:443", 16, "[2001:…:1:2]:443"),
        ("[2001:db8:85a3::8a2e:370:7348]:51234", 18, "[2001:…7348]:51234"),
        ("192.168.100.200:49152", 9, "1…0:49152"),
        ("192.168.100.200:49152", 8, "…:49152"),
        ("192.168.100.200:49152", 7, "…:49152"),
        ("192.168.100.200:49152", 6, ":49152"),
        ("192.168.100.200:49152", 4, ":49…"),
        ("0.0.0.0:*", 4, "…:*"),
        ("(no peer)", 5, "(no …"),
    ],
)
def test_an_endpoint_keeps_its_port(text: str, width: int, shown: str) -> None:
    assert shorten_endpoint(text, width) == shown


@given(st.ip_addresses(), st.integers(1, 65535), st.integers(1, 60))
def test_a_cut_port_cannot_be_taken_for_another(address: object, port: int, width: int) -> None:
    text = f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
    shown = shorten_endpoint(text, width)
    assert len(shown) <= width
    assert shown.endswith((f":{port}", "…"))


def test_an_ending_is_kept_where_there_is_room() -> None:
    assert shorten_before("celery-worker (exited)", " (exited)", 14) == "cele… (exited)"
    assert shorten_before("celery-worker (exited)", " (exited)", 10) == "celery-wo…"
    assert shorten_before("celery-worker", " (exited)", 10) == "celery-wo…"
    assert shorten_middle("2001:db8:85a3::7348", 12) == "2001:d…:7348"
