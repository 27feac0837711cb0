"""What the user has to know about the data: hidden owners, an incomplete table, a failed reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockview.model.format_text import shorten
from sockview.model.notice_text import INCOMPLETE, hidden_owners
from sockview.model.query import Summary
from sockview.ui.line_widget import Line, LineWidget, Span

#: Lines at most; the last one counts the rest.
MOST_LINES: Final = 3


class Notices(LineWidget):
    """A line a notice; takes no room when there is none."""

    def show(self, notices: Sequence[str]) -> None:
        width = max(self.app.size.width - 3, 10)
        shown = list(notices[:MOST_LINES])
        if len(notices) > MOST_LINES:
            shown[-1] = f"{len(notices) - MOST_LINES + 1} more notices; the first is: {shown[-1]}"
        self.styles.height = len(shown) or 1
        self.display = bool(shown)
        self.show_lines([Line((Span(" ! ", "badge"), Span(" " + shorten(text, width), "caution"))) for text in shown])


def notices_of(summary: Summary | None, troubles: Sequence[str]) -> list[str]:
    """Every notice, most urgent first; `troubles` are the reader's."""
    notices = list(troubles)
    if summary is None:
        return notices
    notices += summary.warnings
    if not summary.complete and not summary.warnings:
        notices.append(INCOMPLETE)
    if summary.hidden:
        notices.append(hidden_owners(summary.hidden, summary.privileged))
    return notices
