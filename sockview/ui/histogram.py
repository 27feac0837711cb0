"""The state histogram: how many sockets in each state, which way they go, and a filter at a key.

CLOSE_WAIT and TIME_WAIT always have their line, a 0 is an answer. On a low screen the quiet states
share the last line. How far back the sparklines go is said once, where a line has no oldest socket to name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.message import Message

from sockview.model import tcp_state
from sockview.model.format_text import age_text, count_text, rate_text, span_text
from sockview.model.query import StateLine
from sockview.model.sparkline import MOST_SPARK_CELLS, sparkline
from sockview.ui.line_widget import Line, LineWidget, Span
from sockview.ui.tones import rate_tone, state_tone

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"

#: The count's column has room for 100,000; a larger one widens it.
_COUNT_CELLS: Final = 7
_RATE_CELLS: Final = 7
#: Mark, name, the rate and the blanks between: what a line needs besides count, bar and sparkline.
_FIXED_CELLS: Final = 13 + 1 + 1 + _RATE_CELLS + 1
_OLDEST_CELLS: Final = 15
#: A longer bar tells no more.
_MOST_BAR_CELLS: Final = 60


class StateHistogram(LineWidget, can_focus=True):
    """Up and down choose a state, Enter filters to it and lifts it again; a click does the same."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "choose(1)", "next state", show=False),
        Binding("up,k", "choose(-1)", "previous state", show=False),
        Binding("enter", "take", "filter by the state", show=False),
    ]

    class Taken(Message):
        """The user wants this state, or no longer."""

        def __init__(self, state: int) -> None:
            super().__init__()
            self.state = state

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._states: tuple[StateLine, ...] = ()
        self._most_rows = 4
        self._chosen = tcp_state.CLOSE_WAIT

    @property
    def chosen(self) -> int:
        """The state that the cursor is on while the histogram has the focus."""
        return self._chosen

    def show(self, states: tuple[StateLine, ...], most_rows: int) -> None:
        """`most_rows`: how many states may have a line of their own."""
        self._states = states
        self._most_rows = most_rows
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def on_focus(self) -> None:
        self._draw()

    def on_blur(self) -> None:
        self._draw()

    def action_choose(self, step: int) -> None:
        order = [line.state for line in self._in_order()]
        if not order:
            return
        at = order.index(self._chosen) if self._chosen in order else -step
        self._chosen = order[max(0, min(len(order) - 1, at + step))]
        self._draw()

    def action_take(self) -> None:
        if any(line.state == self._chosen for line in self._states):
            self.post_message(self.Taken(self._chosen))

    def action_take_state(self, state: int) -> None:
        """A click on a state."""
        self._chosen = state
        self.post_message(self.Taken(state))

    def _in_order(self) -> list[StateLine]:
        own, folded = split_states(self._states, self._most_rows)
        return [*own, *(line for line in folded if line.count)]

    def _draw(self) -> None:
        own, folded = split_states(self._states, self._most_rows)
        width = self.size.width or self.app.size.width
        chosen = self._chosen if self.has_focus else None
        largest = max((line.count for line in self._states), default=0)
        lines = state_lines(own, largest, width, chosen)
        if folded:
            lines.append(_folded_line(folded, chosen))
        self.styles.height = max(len(lines), 1)
        self.show_lines(lines)


def split_states(states: Sequence[StateLine], most_rows: int) -> tuple[list[StateLine], list[StateLine]]:
    """The states with a line of their own and those that share one, each by urgency.

    CLOSE_WAIT and TIME_WAIT come first, then the largest; LISTEN and UNCONN are quiet by nature.
    """
    if len(states) <= most_rows:
        return list(states), []
    always = (tcp_state.CLOSE_WAIT, tcp_state.TIME_WAIT)
    quiet = (tcp_state.LISTEN, tcp_state.UNCONN)
    rest = [line for line in states if line.state not in always]
    rest.sort(key=lambda line: (line.state in quiet, -line.count, tcp_state.state_rank(line.state)))
    own = {*always, *(line.state for line in rest[: max(most_rows - len(always), 0)])}
    return [line for line in states if line.state in own], [line for line in states if line.state not in own]


def bar(count: int, largest: int, cells: int) -> str:
    """A bar on the scale that all states share; one socket still shows a sliver."""
    eighths = round(count / largest * cells * 8) if largest else 0
    if count and not eighths:
        eighths = 1
    full, part = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[part] if part else "")).ljust(cells)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Widths of a line's parts."""

    bar: int
    count: int
    spark: int
    oldest: int


def _share(width: int, largest: int) -> _Cells:
    count = max(_COUNT_CELLS, len(count_text(largest)))
    room = max(width - _FIXED_CELLS - count, 8)
    oldest = _OLDEST_CELLS if room >= 16 + _OLDEST_CELLS else 0
    room -= oldest
    spark = min(max(room * 2 // 5, 4), MOST_SPARK_CELLS)
    return _Cells(min(max(room - spark, 4), _MOST_BAR_CELLS), count, spark, oldest)


def state_lines(states: Sequence[StateLine], largest: int, width: int, chosen: int | None) -> list[Line]:
    """A line for each of the states; `largest` is the count that fills the bar."""
    cells = _share(width, largest)
    lines: list[Line] = []
    span_said = False
    for line in states:
        beside, tone = _beside(line)
        if not beside and not span_said:
            beside, tone, span_said = span_text(line.trend.span), "dim", True
        lines.append(_state_line(line, largest, cells, line.state == chosen, Span(beside, tone)))
    return lines


def _beside(line: StateLine) -> tuple[str, str]:
    if line.oldest is None or not line.count:
        return "", "plain"
    return f"oldest {age_text(line.oldest)}", state_tone(line.state)


def _state_line(line: StateLine, largest: int, cells: _Cells, chosen: bool, beside: Span) -> Line:
    tone = state_tone(line.state)
    mark = "›" if chosen else "!" if line.state == tcp_state.CLOSE_WAIT and line.count else " "
    quiet = not line.count
    action = f"take_state({line.state})"
    spans = [
        Span(mark, "alarm"),
        Span(f"{tcp_state.state_name(line.state):<12}", "dim" if quiet else tone, action),
        Span(bar(line.count, largest, cells.bar), tone, action),
        Span(f" {count_text(line.count):>{cells.count}}", "dim" if quiet else "strong"),
        Span(f" {rate_text(line.trend.rate):>{_RATE_CELLS}} ", rate_tone(line.state, line.trend.rate)),
        Span(sparkline(line.trend.series, cells.spark), tone if any(line.trend.series) else "dim"),
    ]
    if cells.oldest:
        spans.append(Span(f" {beside.text:<{cells.oldest - 1}}", beside.tone))
    return Line(tuple(spans), "cursor" if chosen else "plain")


def _folded_line(folded: Sequence[StateLine], chosen: int | None) -> Line:
    spans = [Span(" ")]
    for index, line in enumerate(line for line in folded if line.count):
        if index:
            spans.append(Span(" · ", "dim"))
        text = f"{tcp_state.state_name(line.state)} {count_text(line.count)}"
        spans.append(Span(text, "cursor" if line.state == chosen else "dim", f"take_state({line.state})"))
    return Line(tuple(spans))
