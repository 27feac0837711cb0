"""The findings as lines: what is open, what is cut, and where the chosen one stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.model.finding import Finding
from sockview.model.format_text import cell_width
from sockview.ui.findings_lines import NO_FINDING, FindingsText, findings_text, keys_text, nothing_text, place_text
from tests.ui.scenarios import FINDINGS, LEAK, LOOPBACK, PRESSURE

BARE = Finding("listen-drops", "notice", "12 connection attempts were dropped in the last minute")


def texts_of(text: FindingsText) -> list[str]:
    return ["".join(span.text for span in line.spans) for line in text.lines]


def words_of(texts: list[str]) -> list[str]:
    return " ".join(texts).split()


@pytest.mark.parametrize("width", [40, 76, 116])
def test_everything_is_there_to_read_when_all_are_open(width: int) -> None:
    texts = texts_of(findings_text(FINDINGS, 0, width, all_open=True))
    read = " ".join(words_of(texts))
    for finding in FINDINGS:
        for sentence in (finding.title, *finding.facts, *finding.remedies):
            assert sentence in read
    assert all(cell_width(text) <= width for text in texts)


def test_facts_come_before_remedies_and_each_begins_with_its_sign() -> None:
    texts = texts_of(findings_text([LEAK], 0, 200, all_open=True))
    assert [text.split()[0] for text in texts] == ["›!!", "-", "-", "-", "→", "→"]


def test_only_the_chosen_one_is_open_where_there_is_no_room() -> None:
    texts = texts_of(findings_text(FINDINGS, 1, 60, all_open=False))
    assert texts[0].startswith(" !! gunicorn") and texts[0].endswith("…")
    assert texts[1] == ""
    assert texts[2].startswith("›!  TIME_WAIT")
    assert texts[-2] == ""
    assert texts[-1].startswith(" ·  postgres") and texts[-1].endswith("…")
    read = " ".join(words_of(texts))
    assert all(sentence in read for sentence in (*PRESSURE.facts, *PRESSURE.remedies))
    assert not any(sentence in read for sentence in (*LEAK.facts, *LOOPBACK.facts))


@pytest.mark.parametrize("all_open", [True, False])
@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_the_place_of_the_chosen_one_is_told(chosen: int, all_open: bool) -> None:
    text = findings_text(FINDINGS, chosen, 60, all_open=all_open)
    inside = text.lines[text.first : text.end]
    assert inside[0].ground == "cursor"
    assert FINDINGS[chosen].remedies[-1].split()[-1] in inside[-1].spans[-1].text
    assert all(line.ground == "plain" for line in (*text.lines[: text.first], *text.lines[text.end :]))


def test_the_keys_say_what_they_do_with_this_finding() -> None:
    assert keys_text(LEAK, 74) == "Enter its sockets, i explains CLOSE_WAIT, y copies PID 7306, Esc closes"
    assert keys_text(PRESSURE, 74) == "Enter its sockets, i explains TIME_WAIT, Esc closes"
    assert keys_text(replace(LEAK, certain=False, state=None), 74) == "Enter its sockets, Esc closes"
    assert keys_text(BARE, 74) == "Esc closes"
    assert keys_text(None, 74) == "Esc closes"


def test_the_way_out_is_said_on_the_narrowest_screen_too() -> None:
    assert keys_text(LEAK, 40) == "Enter its sockets, Esc closes"
    assert keys_text(LEAK, 5) == "Esc closes"


def test_the_place_is_counted_from_one() -> None:
    assert place_text(0, 3) == "finding 1 of 3, ↑ ↓ go on"
    assert place_text(0, 0) == "findings"


def test_nothing_wrong_is_said_calmly_and_with_what_was_looked_at() -> None:
    lines = nothing_text(NO_FINDING, 60).lines
    read = " ".join("".join(span.text for span in line.spans) for line in lines)
    assert read.split()[:2] == ["No", "finding:"]
    assert "CLOSE_WAIT" in read and "TIME_WAIT" in read
    assert {span.tone for line in lines for span in line.spans} == {"strong", "dim"}
