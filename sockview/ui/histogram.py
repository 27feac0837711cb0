"""The state histogram: how many sockets in each state, which way they go, and a filter at a key.

CLOSE_WAIT and TIME_WAIT always have their line, a 0 is an answer. On a low screen the quiet states
share the last line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.message import Message

from sockview.model import tcp_state
from sockview.model.format_text import age_text, change_text, count_text
from sockview.model.query import StateLine
from sockview.ui.line_widget import Line, LineWidget, Span
from sockview.ui.tones import state_tone

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_SPARKS: Final = "▁▂▃▄▅▆▇█"

#: Name, count, change and the blanks between: what a line needs besides bar and sparkline.
_FIXED_CELLS: Final = 36
_OLDEST_CELLS: Final = 13
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
        lines = [_state_line(line, largest, width, line.state == chosen) for line in own]
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


def sparkline(series: Sequence[int], cells: int) -> str:
    """The newest `cells` values above the least of them; a level line stays low.

    The full height is at least seven sockets and 2% of the count, so that a flicker looks like one.
    """
    shown = list(series[-cells:])
    if not shown:
        return " " * cells
    low, high = min(shown), max(shown)
    span = max(high - low, high // 50, 7)
    drawn = "".join(_SPARKS[(value - low) * 7 // span] for value in shown)
    return drawn.rjust(cells)


def _state_line(line: StateLine, largest: int, width: int, chosen: bool) -> Line:
    room = max(width - _FIXED_CELLS, 8)
    with_oldest = room >= 30
    if with_oldest:
        room -= _OLDEST_CELLS
    spark_cells = min(max(room // 3, 4), 30)
    bar_cells = min(max(room - spark_cells, 4), _MOST_BAR_CELLS)
    tone = state_tone(line.state)
    mark = "›" if chosen else "!" if line.state == tcp_state.CLOSE_WAIT and line.count else " "
    quiet = not line.count
    action = f"take_state({line.state})"
    spans = [
        Span(f"{mark}", "alarm"),
        Span(f"{tcp_state.state_name(line.state):<12}", "dim" if quiet else tone, action),
        Span(bar(line.count, largest, bar_cells), tone, action),
        Span(f"{count_text(line.count):>10}", "dim" if quiet else "strong"),
        Span(f"{change_text(line.change):>9} ", _change_tone(line)),
        Span(sparkline(line.series, spark_cells) + " ", "dim" if quiet else tone),
    ]
    if with_oldest:
        oldest = f"oldest {age_text(line.oldest)}" if line.oldest is not None and line.count else ""
        spans.append(Span(f" {oldest:<12}", tone))
    return Line(tuple(spans), "cursor" if chosen else "plain")


def _change_tone(line: StateLine) -> str:
    if line.state == tcp_state.CLOSE_WAIT and line.change is not None and line.change > 0:
        return "alarm"
    return "plain" if line.change else "dim"


def _folded_line(folded: Sequence[StateLine], chosen: int | None) -> Line:
    spans = [Span(" ")]
    for index, line in enumerate(line for line in folded if line.count):
        if index:
            spans.append(Span(" · ", "dim"))
        text = f"{tcp_state.state_name(line.state)} {count_text(line.count)}"
        spans.append(Span(text, "cursor" if line.state == chosen else "dim", f"take_state({line.state})"))
    return Line(tuple(spans))
