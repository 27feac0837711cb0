"""Text from the system comes out harmless, whatever it was."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model.clean_text import clean, clean_bytes


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("nginx: worker process", "nginx: worker process"),
        ("\x1b[2J\x1b]52;c;eA==\x07", "\\x1b[2J\\x1b]52;c;eA==\\x07"),
        ("a\nb\tc\rd\0", "a\\nb\\tc\\x0dd\\x00"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202egpj.exe", "abc\\u202egpj.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028sep", "line\\u2028sep"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("heart\u2764\ufe0f", "heart\u2764\\ufe0f"),
        ("fill\u3164er", "fill\\u3164er"),
        ("lone\ud800", "lone\\ud800"),
        ("日本 é e\u0301", "日本 é e\u0301"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),
    ],
)
def test_what_acts_or_hides_is_written_out(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_bytes_that_are_no_text() -> None:
    assert clean_bytes(b"caf\xc3\xa9 \xff\x1b[m") == "café \\xff\\x1b[m"


def test_plain_text_is_not_copied() -> None:
    text = "gunicorn: worker [app]"
    assert clean(text) is text


def test_long_text_ends_in_an_ellipsis() -> None:
    assert clean("x" * 20, 10) == "x" * 9 + "…"
    assert clean("x" * 10, 10) == "x" * 10
    assert clean("\x1b" * 10, 10) == "\\x1b\\x1b\\…"
    assert clean_bytes("😀".encode() * 11, 10) == "😀" * 9 + "…"


@given(st.text() | st.text(st.characters()), st.integers(1, 50))
def test_nothing_harmful_is_left_and_the_limit_holds(raw: str, limit: int) -> None:
    shown = clean(raw, limit)
    assert len(shown) <= limit
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert clean(shown, limit) == shown
    shown.encode()


@given(st.binary(), st.integers(1, 50))
def test_any_bytes_become_text(raw: bytes, limit: int) -> None:
    shown = clean_bytes(raw, limit)
    assert len(shown) <= limit
    assert clean(shown, limit) == shown
