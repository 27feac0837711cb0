"""Text broken into lines of cells: nothing is lost, nothing is too wide, words stay whole where they can."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockview.model.format_text import cell_width
from sockview.ui.wrapped_text import wrapped

#: Letters of one and of two cells, and one of none.
LETTERS = "ab-/.日本\u0301"


@given(st.text(LETTERS + "  "), st.integers(2, 30))
def test_nothing_is_lost_and_nothing_is_too_wide(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cell_width(line) <= width for line in lines)


@given(st.lists(st.text(LETTERS, min_size=1, max_size=5), min_size=1), st.integers(10, 30))
def test_words_that_fit_stay_whole(words: list[str], width: int) -> None:
    assert " ".join(wrapped(" ".join(words), width)).split() == words


def test_lines_are_as_long_as_they_can_be() -> None:
    assert wrapped("net.ipv4.tcp_fin_timeout is keep-alive now", 24) == [
        "net.ipv4.tcp_fin_timeout",
        "is keep-alive now",
    ]
    assert wrapped("one two three", 7) == ["one two", "three"]
    assert wrapped("日本語プロセス", 6) == ["日本語", "プロセ", "ス"]


def test_no_text_is_one_empty_line() -> None:
    assert wrapped("", 10) == [""]
