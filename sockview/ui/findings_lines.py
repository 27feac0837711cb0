"""The findings as lines: a title each, and beneath it the numbers, the evidence and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sockview.model.finding import Finding
from sockview.model.format_text import count_text, shorten
from sockview.model.tcp_state import state_name
from sockview.ui.line_widget import BLANK_LINE, Line, Span, text_line
from sockview.ui.tones import urgency_sign, urgency_tone
from sockview.ui.wrapped_text import wrapped

#: Why there is nothing to read, the answer first.
NOTHING_YET: Final = ("Still looking: the findings come with the first rows.",)
NO_FINDING: Final = (
    "No finding: nothing is wrong with these sockets, as far as sockview can tell.",
    "It looks for CLOSE_WAIT that processes leave open, TIME_WAIT that use up ports or the kernel's room for them, "
    "full accept queues, half-open connections, listeners in each other's way, peers that do not answer or do not "
    "close, data that nobody takes, and peers that have been silent for long.",
    "TIME_WAIT alone is normal: the side that closes first keeps it for 60 s.",
)

#: Cells of mark, sign and blank before a title.
_TITLE_INDENT: Final = 4
_FACT: Final = "    - "
_REMEDY: Final = "    → "


class FindingsText(NamedTuple):
    """All of the lines, and where the chosen finding stands in them."""

    lines: list[Line]
    first: int
    end: int
    """The line behind its last one."""


def findings_text(findings: Sequence[Finding], chosen: int, width: int, *, all_open: bool) -> FindingsText:
    """`chosen`: index of the finding that is open; `all_open`: so is every other."""
    lines: list[Line] = []
    first = end = 0
    for number, finding in enumerate(findings):
        is_open = all_open or number == chosen
        if number and (is_open or number == chosen + 1):
            lines.append(BLANK_LINE)
        if number == chosen:
            first = len(lines)
        lines += _title_lines(finding, width, f"choose({number})", chosen=number == chosen, is_open=is_open)
        if is_open:
            lines += _body_lines(finding, width)
        if number == chosen:
            end = len(lines)
    return FindingsText(lines, first, end)


def nothing_text(sentences: Sequence[str], width: int) -> FindingsText:
    """Sentences in place of findings, the first one the answer."""
    lines: list[Line] = []
    for number, sentence in enumerate(sentences):
        if number:
            lines.append(BLANK_LINE)
        lines += [text_line(f" {text}", "dim" if number else "strong") for text in wrapped(sentence, width - 2)]
    return FindingsText(lines, 0, 0)


def place_text(place: int, number: int) -> str:
    """Which one of how many is chosen, and how to go on."""
    return f"finding {count_text(place + 1)} of {count_text(number)}, ↑ ↓ go on" if number else "findings"


def keys_text(finding: Finding | None, width: int) -> str:
    """What keys do with this finding: as many as fit into `width` cells, the way out always."""
    offers: list[str] = []
    if finding is not None:
        offers += ["Enter its sockets"] if finding.filter else []
        offers += [f"i explains {state_name(finding.state)}"] if finding.state is not None else []
        offers += [f"y copies PID {finding.pid}"] if finding.pid is not None and finding.certain else []
    texts = [*offers, "Esc closes"]
    while len(texts) > 1 and len(", ".join(texts)) > width:
        texts.pop(-2)
    return ", ".join(texts)


def _title_lines(finding: Finding, width: int, action: str, *, chosen: bool, is_open: bool) -> Iterator[Line]:
    """Whole where the finding is open, else cut to one line; a click on it does `action`."""
    room = max(width - _TITLE_INDENT, 1)
    tone = urgency_tone(finding.urgency)
    start = f"{'›' if chosen else ' '}{urgency_sign(finding.urgency):<2} "
    for text in wrapped(finding.title, room) if is_open else [shorten(finding.title, room)]:
        yield Line((Span(start + text, tone, action),), "cursor" if chosen else "plain")
        start = " " * _TITLE_INDENT


def _body_lines(finding: Finding, width: int) -> Iterator[Line]:
    """Beneath the title: the facts, then the remedies."""
    for fact in finding.facts:
        yield from fact_lines(fact, width)
    for remedy in finding.remedies:
        yield from remedy_lines(remedy, width)


def fact_lines(fact: str, width: int) -> Iterator[Line]:
    return _marked_lines(_FACT, fact, "plain", width)


def remedy_lines(remedy: str, width: int) -> Iterator[Line]:
    return _marked_lines(_REMEDY, remedy, "good", width)


def _marked_lines(mark: str, sentence: str, tone: str, width: int) -> Iterator[Line]:
    start = mark
    for text in wrapped(sentence, width - len(mark)):
        yield Line((Span(start, "dim"), Span(text, tone)))
        start = " " * len(mark)
