"""What is wrong, in one line above the filter: the most urgent finding, how many more, and the key that opens them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from textual.message import Message

from sockview.model.finding import Finding
from sockview.model.format_text import cell_width, shorten
from sockview.ui.line_widget import Line, LineWidget, Span, text_line
from sockview.ui.tones import urgency_sign, urgency_tone

#: Seconds for which the last finding is told of when it is gone: one at its threshold comes and goes, and the lines
#: below must not.
GONE_SECONDS: Final = 30.0
#: Cells below which the title has the line alone.
_LEAST_TITLE: Final = 24


class _Gone(NamedTuple):
    """What was wrong last."""

    title: str
    at: float


class FindingsStrip(LineWidget):
    """Takes no room while nothing is wrong. The class ``-urgent`` is for the sheet: a low screen keeps those alone."""

    class Clicked(Message):
        """The user wants to read more."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._findings: Sequence[Finding] = ()
        self._gone: _Gone | None = None
        self.set_class(True, "-empty")

    def show(self, findings: Sequence[Finding], clock: float) -> None:
        """The first one is shown. `clock`: when they were found, in seconds since the epoch."""
        if findings:
            self._gone = None
        elif self._findings:
            self._gone = _Gone(self._findings[0].title, clock)
        elif self._gone is not None and not 0 <= clock - self._gone.at < GONE_SECONDS:
            self._gone = None
        self._findings = findings
        if self._gone is None:
            self.set_class(not findings, "-empty")
            self.set_class(any(finding.urgency != "notice" for finding in findings[:1]), "-urgent")
        self._draw()

    def on_click(self) -> None:
        self.post_message(self.Clicked())

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.size.width or self.app.size.width
        if self._findings:
            self.show_lines([strip_line(self._findings, width)])
        else:
            self.show_lines([gone_line(self._gone.title, self._gone.at, width)] if self._gone is not None else [])


def strip_line(findings: Sequence[Finding], width: int) -> Line:
    """The first finding in `width` cells, its end cut; on the right how many more there are, and the key."""
    first, more = findings[0], len(findings) - 1
    left = f"{urgency_sign(first.urgency):<2} "
    right = [Span(f"  +{more}" if more else "", "dim"), Span("  f ", "key")]
    room = width - len(left) - sum(cell_width(span.text) for span in right)
    if room < _LEAST_TITLE:
        right, room = [], width - len(left)
    title = shorten(first.title, room)
    blanks = " " * (room - cell_width(title))
    return Line((Span(left + title + blanks, urgency_tone(first.urgency)), *right))


def gone_line(title: str, at: float, width: int) -> Line:
    """``   gone at 12:01:07: gunicorn 7306 leaks ...``; `at`: seconds since the epoch, shown as local time."""
    text = f"   gone at {time.strftime('%H:%M:%S', time.localtime(at))}: {title}"
    return text_line(shorten(text, width - 1), "dim")
