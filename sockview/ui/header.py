"""The first line: whose sockets, how many, how often, with which rights, what time it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from sockview.model.format_text import cell_width, count_text, seconds_text
from sockview.model.query import Summary
from sockview.model.trace import TURNED_OFF
from sockview.ui.line_widget import Line, LineWidget, Span


class Header(LineWidget):
    """One line; parts that do not fit are left out, the least needed first."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[Summary | None, float] | None = None

    def show(self, summary: Summary | None, now: float) -> None:
        """`now`: seconds since the epoch, shown as local time."""
        self._shown = (summary, now)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._shown is not None:
            summary, now = self._shown
            self.show_lines([header_line(summary, now, self.size.width or self.app.size.width)])


def header_line(summary: Summary | None, now: float, width: int) -> Line:
    clock = Span(time.strftime("%H:%M:%S", time.localtime(now)), "dim")
    left = [Span(" sockview ", "strong")]
    room = width - 1 - len(clock.text)
    if summary is None:
        left.append(Span("reading the socket table ...", "dim"))
    else:
        left += _fitting(_facts(summary), room - 1 - cell_width(left[0].text))
    used = sum(cell_width(span.text) for span in left)
    return Line((*left, Span(" " * max(room - used, 0)), clock, Span(" ")))


class _Fact(NamedTuple):
    need: int
    """The smaller, the sooner it gets room."""
    spans: tuple[Span, ...]


def _fitting(facts: Sequence[_Fact], room: int) -> list[Span]:
    """The spans of those that have room, in the order in which they were given."""
    chosen = set[int]()
    for number, fact in sorted(enumerate(facts), key=lambda item: item[1].need):
        cells = sum(cell_width(span.text) for span in fact.spans)
        if cells <= room:
            chosen.add(number)
            room -= cells
    return [span for number, fact in enumerate(facts) if number in chosen for span in fact.spans]


def _facts(summary: Summary) -> list[_Fact]:
    facts = [_Fact(0, (Span(summary.host, "accent"),))]
    if summary.paused:
        taken = time.strftime("%H:%M:%S", time.localtime(summary.taken_at))
        facts.append(_Fact(1, (Span("  "), Span(f" PAUSED at {taken} ", "badge"))))
    shown = f"{count_text(summary.matched)} of " if summary.matched != summary.total else ""
    sockets = f"{count_text(summary.total)} socket{'' if summary.total == 1 else 's'}"
    facts.append(_Fact(2, (Span(f"  {shown}{sockets}"),)))
    interval = _interval(summary)
    facts.append(_Fact(5 if interval.tone == "caution" else 7, (Span("  "), interval)))
    rights = Span("  root", "dim") if summary.privileged else Span("  not root", "caution")
    facts.append(_Fact(3, (rights,)))
    as_usual = not summary.lost_reports if summary.tracing else not summary.privileged
    facts.append(_Fact(8 if as_usual else 4, (_tracing(summary),)))
    if summary.source != "sock_diag":
        facts.append(_Fact(6, (Span(f"  {summary.source}", "caution"),)))
    return facts


def _tracing(summary: Summary) -> Span:
    """Whether the kernel reports who closes sockets, or why not; of others than root "not root" is the reason."""
    if summary.tracing and summary.lost_reports:
        return Span(f", tracing, {count_text(summary.lost_reports)} lost", "caution")
    if summary.tracing:
        return Span(", tracing", "dim")
    if not summary.why_not_tracing:
        return Span("")
    if not summary.privileged:
        return Span(", not tracing", "dim")
    tone = "dim" if summary.why_not_tracing == TURNED_OFF else "caution"
    return Span(f", not tracing: {summary.why_not_tracing}", tone)


def _interval(summary: Summary) -> Span:
    if summary.actual_interval > summary.interval * 1.05:
        return Span(f"every {seconds_text(summary.actual_interval)}, not {seconds_text(summary.interval)}", "caution")
    return Span(f"every {seconds_text(summary.interval)}", "dim")
