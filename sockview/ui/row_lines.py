"""Rows as lines of spans: what a heading, a socket and a group look like. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockview.model import tcp_state
from sockview.model.columns import Column
from sockview.model.format_text import pad, shorten
from sockview.model.query import GroupRow, SocketRow
from sockview.ui.line_widget import Line, Span
from sockview.ui.tones import rate_tone, state_tone

Row = SocketRow | GroupRow
Layout = Sequence[tuple[Column, int]]

#: Cells of a row that hold no column: the mark at the left and the scroll bar at the right.
MARGIN_CELLS: Final = 2


def heading_line(layout: Layout, sort: str, reverse: bool, width: int) -> Line:
    """The titles; the sorted one carries an arrow."""
    spans = [Span(" ", "heading")]
    for column, cells in layout:
        title = column.title
        if column.key == sort:
            arrow = "▼" if column.descending != reverse else "▲"
            title = shorten(title, cells - 1) + arrow if cells > 1 else arrow
        tone = "key" if column.key == sort else "heading"
        spans.append(Span(pad(shorten(title, cells), cells, column.align) + " ", tone))
    used = sum(cells + 1 for _, cells in layout) + 1
    return Line((*spans, Span(" " * max(width - used, 0), "heading")))


def row_line(row: Row, layout: Layout, *, mark: str, ground: str, bar: str) -> Line:
    """One row; `mark` is the one-cell sign at its left, `bar` its cell of the scroll bar."""
    spans = [Span(mark, "tagged")]
    for column, cells in layout:
        spans.append(Span(column.cell(row, cells) + " ", _tone(row, column.key)))
    spans.append(Span(bar, "rule"))
    return Line(tuple(spans), ground)


def _tone(row: Row, column: str) -> str:
    if isinstance(row, GroupRow):
        return _group_tone(row, column)
    if column == "state":
        return state_tone(row.state)
    if column in ("age", "recv_q", "send_q", "user", "proto"):
        return "dim"
    if column in ("pid", "process"):
        if row.pid is None or row.exited:
            return "dim"
        return "strong" if row.certain else "caution"
    return "plain"


def _group_tone(row: GroupRow, column: str) -> str:
    count = {
        "close_wait": (row.close_wait, tcp_state.CLOSE_WAIT),
        "time_wait": (row.time_wait, tcp_state.TIME_WAIT),
        "established": (row.established, tcp_state.ESTABLISHED),
    }.get(column)
    if count is not None:
        return state_tone(count[1]) if count[0] else "dim"
    if column in ("rate", "trend"):
        return _trend_tone(row, column)
    if column == "oldest":
        return "alarm" if row.oldest is not None else "dim"
    if column in ("pid", "process", "remote"):
        return "strong" if row.pid is not None or row.key.startswith("remote:") else "dim"
    return "dim" if column in ("user", "ports", "other") else "plain"


def _trend_tone(row: GroupRow, column: str) -> str:
    if row.trend is None:
        return "dim"
    state = tcp_state.CLOSE_WAIT if row.close_wait else tcp_state.TIME_WAIT
    return rate_tone(state, row.trend.rate) if column == "rate" else state_tone(state)


def scroll_bar(top: int, height: int, length: int) -> list[str]:
    """`height` cells of a slim bar; blank where everything fits."""
    if length <= height or height < 1:
        return [" "] * height
    thumb = max(1, height * height // length)
    start = round(top * (height - thumb) / (length - height))
    return ["█" if start <= y < start + thumb else "│" for y in range(height)]
