"""The first line: whose sockets, how many, how often, with which rights, what time it is."""

from __future__ import annotations

import time

from sockview.model.format_text import cell_width, count_text, seconds_text
from sockview.model.query import Summary
from sockview.ui.line_widget import Line, LineWidget, Span


class Header(LineWidget):
    """One line; parts that do not fit are left out from the least needed."""

    def show(self, summary: Summary | None, now: float) -> None:
        """`now`: seconds since the epoch, shown as local time."""
        self.show_lines([header_line(summary, now, self.size.width or 80)])


def header_line(summary: Summary | None, now: float, width: int) -> Line:
    clock = Span(time.strftime("%H:%M:%S", time.localtime(now)), "dim")
    left = [Span(" sockview ", "strong")]
    if summary is None:
        left.append(Span("reading the socket table ...", "dim"))
    else:
        left += _facts(summary)
    room = width - 1 - len(clock.text)
    while len(left) > 1 and sum(cell_width(span.text) for span in left) >= room:
        left.pop()
    used = sum(cell_width(span.text) for span in left)
    return Line((*left, Span(" " * max(room - used, 0)), clock, Span(" ")))


def _facts(summary: Summary) -> list[Span]:
    """Most needed first: a narrow screen drops them from the end."""
    facts = [Span(f"{summary.host}  ", "accent")]
    if summary.paused:
        taken = time.strftime("%H:%M:%S", time.localtime(summary.taken_at))
        facts.append(Span(f" PAUSED at {taken} ", "badge"))
        facts.append(Span("  "))
    shown = f"{count_text(summary.matched)} of " if summary.matched != summary.total else ""
    facts.append(Span(f"{shown}{count_text(summary.total)} socket{'' if summary.total == 1 else 's'}  "))
    facts.append(_interval(summary))
    facts.append(Span("  root" if summary.privileged else "  not root", "dim" if summary.privileged else "caution"))
    if summary.source != "sock_diag":
        facts.append(Span(f"  {summary.source}", "caution"))
    return facts


def _interval(summary: Summary) -> Span:
    if summary.actual_interval > summary.interval * 1.05:
        return Span(f"every {seconds_text(summary.actual_interval)}, not {seconds_text(summary.interval)}", "caution")
    return Span(f"every {seconds_text(summary.interval)}", "dim")
