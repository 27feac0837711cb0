"""The states of the process in the pane: how many sockets in each, which way they go, and the oldest. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockview.model import tcp_state
from sockview.model.format_text import age_text, cell_width, count_text, rate_text, span_text
from sockview.model.query import Detail
from sockview.model.sparkline import MOST_SPARK_CELLS, sparkline
from sockview.model.trend import Trend
from sockview.ui.line_widget import Line, Span
from sockview.ui.tones import rate_tone, state_tone

#: Cells of the first and of the other sparklines in one line: the first pair that leaves room for all states, or the
#: last.
_SPARK_CELLS: Final = ((12, 12), (8, 8), (8, 0))
_LEAST_OWN_CELLS: Final = 8
_GAP: Final = 3
#: What a state's own line needs besides its sparkline.
_OWN_CELLS: Final = 54


def states_lines(detail: Detail, width: int, room: int) -> list[Line]:
    """At most `room` lines: each state with a trend has its own where there is room for them, else all share one."""
    trends, counts = dict(detail.trends), dict(detail.states)
    own = sorted(trends, key=tcp_state.state_rank) if room > len(trends) else []
    lines = [_own_line(detail, state, counts.get(state, 0), trends[state], width) for state in own]
    rest = {tcp_state.CLOSE_WAIT} & trends.keys() | counts.keys()  # no CLOSE_WAIT any more is worth its cells
    parts = [
        (state, counts.get(state, 0), trends.get(state))
        for state in sorted(rest, key=tcp_state.state_rank)
        if state not in own
    ]
    return [*lines, _shared_line(detail, parts, width)] if parts else lines


def _own_line(detail: Detail, state: int, count: int, trend: Trend, width: int) -> Line:
    cells = max(min(width - _OWN_CELLS, MOST_SPARK_CELLS), _LEAST_OWN_CELLS)
    name = f" {tcp_state.state_name(state):<10} {count_text(count):>7}"
    return _within(
        [
            Span(name, state_tone(state)),
            Span(f"  {sparkline(trend.series, cells)}", state_tone(state)),
            Span(f" {rate_text(trend.rate):>7}", rate_tone(state, trend.rate)),
            Span(_oldest(detail, state), state_tone(state)),
            Span(f"  {span_text(trend.span)}", "dim"),
        ],
        width,
    )


def _shared_line(detail: Detail, parts: Sequence[tuple[int, int, Trend | None]], width: int) -> Line:
    """The sparklines as long as leaves room for all of the states; else as many states as fit."""
    for first, others in _SPARK_CELLS:
        spans = [Span(" ")]
        for number, (state, count, trend) in enumerate(parts):
            spans += [Span(" " * _GAP)] if number else []
            spans += _state_spans(detail, state, count, trend, others if number else first)
        if sum(cell_width(span.text) for span in spans) <= width:
            break
    return _within(spans, width)


def _state_spans(detail: Detail, state: int, count: int, trend: Trend | None, cells: int) -> list[Span]:
    """``CLOSE_WAIT 250 ▁▂▃▅ +3/s, oldest 12m``"""
    tone = state_tone(state)
    spans = [Span(f"{tcp_state.state_name(state)} {count_text(count)}", tone)]
    if trend is not None:
        drawn, rate = sparkline(trend.series, cells).strip(), rate_text(trend.rate)
        spans += [Span(f" {drawn}", tone)] if drawn else []
        spans += [Span(f" {rate}", rate_tone(state, trend.rate))] if rate else []
    oldest = _oldest(detail, state)
    return [*spans, Span(oldest, tone)] if oldest else spans


def _oldest(detail: Detail, state: int) -> str:
    if state != tcp_state.CLOSE_WAIT or not detail.close_waits:
        return ""
    return f", oldest {age_text(detail.close_waits[0].age)}"


def _within(spans: Sequence[Span], width: int) -> Line:
    """The spans that fit whole, up to the first that does not."""
    shown: list[Span] = []
    used = 0
    for span in spans:
        used += cell_width(span.text)
        if used > width:
            break
        shown.append(span)
    return Line(tuple(shown))
