"""What the user has to know about the data: hidden owners, an incomplete table, a failed reader."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from sockview.model.format_text import shorten
from sockview.model.notice_text import INCOMPLETE, hidden_owners
from sockview.model.query import Summary
from sockview.ui.line_widget import Line, LineWidget, Span

#: Lines at most; the last one counts the notices that have no room.
MOST_LINES: Final = 3
_BADGE: Final = " ! "


class Notices(LineWidget):
    """A badge a notice; takes no room when there is none, which the sheet sees to."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_class(True, "-empty")

    def show(self, notices: Sequence[str]) -> None:
        lines = notice_lines(notices, self.app.size.width)
        self.styles.height = len(lines) or 1
        self.set_class(not lines, "-empty")
        self.show_lines(lines)


def notice_lines(notices: Sequence[str], width: int) -> list[Line]:
    """The notices in at most MOST_LINES lines of `width` cells, the first ones whole where they can be."""
    room = max(width - len(_BADGE) - 1, 10)
    lines: list[Line] = []
    for number, notice in enumerate(notices):
        left = MOST_LINES - len(lines)
        rest = len(notices) - number - 1
        most = max(1, left - rest) if left > 1 else 1
        texts = textwrap.wrap(notice, room, max_lines=most, placeholder=" …") or [""]
        if left == 1 and rest:
            texts = [f"and {rest + 1} more notices, such as: {notice}"]
        for index, text in enumerate(texts):
            badge = Span(_BADGE, "badge") if index == 0 else Span(" " * len(_BADGE))
            lines.append(Line((badge, Span(" " + shorten(text, room), "caution"))))
        if len(lines) >= MOST_LINES:
            break
    return lines


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
