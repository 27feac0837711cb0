"""The findings to read and to choose from: one is chosen, and stays so while the numbers change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual import events
from textual.message import Message

from sockview.model.finding import Finding
from sockview.model.format_text import cell_width
from sockview.ui.findings_lines import NO_FINDING, NOTHING_YET, FindingsText, findings_text, nothing_text
from sockview.ui.line_widget import BLANK_LINE, Line, LineWidget, Span
from sockview.ui.row_lines import scroll_bar
from sockview.ui.steady_findings import same_finding

#: Lines for one notch of the wheel.
WHEEL_LINES: Final = 3
#: Cells at the right: a blank and the scroll bar.
_MARGIN_CELLS: Final = 2
#: Lines that must be to spare before all findings open again: a number that grows by a digit closes nothing.
_SPARE_LINES: Final = 2


class FindingsList(LineWidget):
    """Keeps its own window on the lines, so that keys which arrive in one burst find it where the last one left it."""

    class Changed(Message):
        """Another finding is chosen, or there are others."""

    def __init__(self, findings: Sequence[Finding] | None, *, id: str | None = None) -> None:
        """`findings`: None while nobody has looked yet."""
        super().__init__(id=id)
        self._findings = findings
        self._chosen = 0
        self._top = 0
        self._all_open = True

    @property
    def chosen(self) -> Finding | None:
        return self._findings[self._chosen] if self._findings else None

    @property
    def place(self) -> int:
        """Index of the chosen one."""
        return self._chosen

    @property
    def findings(self) -> Sequence[Finding]:
        return self._findings or ()

    def show(self, findings: Sequence[Finding]) -> None:
        """As they are now. The chosen one stays chosen, and its title where it is on the screen."""
        before, at = self.chosen, self._text().first - self._top
        self._findings = findings
        place = None if before is None else same_finding(findings, before)
        self._chosen = min(self._chosen, max(len(findings) - 1, 0)) if place is None else place
        self._top = self._text().first - at
        self._draw()
        self._tell()

    def move(self, step: int) -> None:
        """To the next finding (1) or the previous one (-1); first through what of this one is out of sight."""
        text, height = self._text(), self.size.height
        if height and step > 0 and self._top + height < text.end:
            self.scroll_lines(min(text.end - self._top - height, max(height - 1, 1)))
        elif height and step < 0 and text.first < self._top < text.end:
            self.scroll_lines(-min(self._top - text.first, max(height - 1, 1)))
        elif 0 <= self._chosen + step < len(self.findings):
            self.choose(self._chosen + step)

    def choose(self, number: int) -> None:
        """The finding of this index, or the nearest; its beginning comes into sight, and its end where it can."""
        self._chosen = max(0, min(number, len(self.findings) - 1))
        text = self._text()
        self._top = min(max(self._top, text.end - self.size.height), text.first)
        self._draw()
        self._tell()

    def action_choose(self, number: int) -> None:
        """A click on a title."""
        self.choose(number)

    def scroll_pages(self, pages: int) -> None:
        self.scroll_lines(pages * max(self.size.height - 1, 1))

    def scroll_lines(self, lines: int) -> None:
        """Move the window; what is chosen stays."""
        self._top += lines
        self._draw()

    def on_resize(self) -> None:
        self._all_open = True
        self._top = 0
        self.choose(self._chosen)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_lines(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_lines(-WHEEL_LINES)

    def _text(self) -> FindingsText:
        width = max(self.size.width - _MARGIN_CELLS, 1)
        if not self._findings:
            return nothing_text(NOTHING_YET if self._findings is None else NO_FINDING, width)
        if len(self._findings) <= self.size.height:
            whole = findings_text(self._findings, self._chosen, width, all_open=True)
            self._all_open = len(whole.lines) + (0 if self._all_open else _SPARE_LINES) <= self.size.height
            if self._all_open:
                return whole
        return findings_text(self._findings, self._chosen, width, all_open=False)

    def _tell(self) -> None:
        if self.is_mounted:
            self.post_message(self.Changed())

    def _draw(self) -> None:
        width, height = self.size.width, self.size.height
        if not width or not height:
            return
        lines = self._text().lines
        self._top = max(0, min(self._top, len(lines) - height))
        bar = scroll_bar(self._top, height, len(lines))
        shown = [*lines[self._top : self._top + height], *[BLANK_LINE] * (height - len(lines))]
        self.show_lines([_with_bar(line, bar[y], width) for y, line in enumerate(shown)])


def _with_bar(line: Line, bar: str, width: int) -> Line:
    """The line in `width` cells, the last one of them of the scroll bar."""
    used = sum(cell_width(span.text) for span in line.spans)
    return line._replace(spans=(*line.spans, Span(" " * (width - used - 1)), Span(bar, "rule")))
