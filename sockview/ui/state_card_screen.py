"""The state card: what a state means, why sockets stay in it, what to check and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from sockview.model.card_lines import card_lines
from sockview.model.cards import CARDS
from sockview.model.query import GroupRow, SocketRow
from sockview.model.state_card import StateCard
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, TIME_WAIT, state_name
from sockview.ui.line_widget import Line, LineWidget, Span
from sockview.ui.scroll_screen import ScrollScreen, TextScroll

_KEYS: Final = "← → other states   ↑ ↓ scroll   Esc closes"


class CardText(LineWidget):
    """The lines of one card, as many as it takes."""

    def __init__(self, card: StateCard) -> None:
        super().__init__()
        self._card = card
        self._count: int | None = None
        self._parameters: Mapping[str, str] = {}

    def show(self, card: StateCard, count: int | None, parameters: Mapping[str, str]) -> None:
        self._card, self._count, self._parameters = card, count, parameters
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if not self.size.width:
            return
        found = card_lines(self._card, self.size.width, self._count, self._parameters)
        self.styles.height = len(found)
        self.show_lines([_line(text, tone) for text, tone in found])


class StateCardScreen(ScrollScreen):
    """Shows the card of one state; left and right go on to the others. The numbers stay those of now."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,i,enter", "dismiss", "close", show=False, priority=True),
        Binding("right", "other_card(1)", "next state", show=False),
        Binding("left", "other_card(-1)", "previous state", show=False),
    ]

    def __init__(self, card: StateCard) -> None:
        super().__init__()
        self._card = card
        self._counts: Mapping[int, int] | None = None
        self._parameters: Mapping[str, str] = {}
        self._text = CardText(card)
        self._frame = TextScroll(self._text, id="card")
        self._frame.border_subtitle = _KEYS
        self._show_card()

    @property
    def state(self) -> int:
        """The state whose card is shown."""
        return self._card.state

    def compose(self) -> ComposeResult:
        yield self._frame

    def show(self, counts: Mapping[int, int], parameters: Mapping[str, str]) -> None:
        """The numbers of the newest look: state -> sockets in it, and sysctl name -> value."""
        self._counts, self._parameters = counts, parameters
        self._show_card()

    def action_other_card(self, step: int) -> None:
        self._card = CARDS[(CARDS.index(self._card) + step) % len(CARDS)]
        self._show_card()
        self.action_scroll_to_end(False)

    def _show_card(self) -> None:
        title = f"state card {CARDS.index(self._card) + 1} of {len(CARDS)}: {state_name(self.state)}"
        if self._frame.border_title != title:  # drawn anew only where it is another one
            self._frame.border_title = title
        count = None if self._counts is None else self._counts.get(self.state, 0)
        self._text.show(self._card, count, self._parameters)


def _line(text: str, tone: str) -> Line:
    """The indent is a span of its own: some viewers of exported pictures swallow blanks before a text."""
    shown = text.lstrip()
    return Line((Span(" " * (len(text) - len(shown))), Span(shown, tone)))


def state_of_row(row: SocketRow | GroupRow | None) -> int:
    """The state to explain for a row; for a group, and where there is no row, the one that matters most."""
    if isinstance(row, SocketRow):
        return row.state
    if row is None or row.close_wait:
        return CLOSE_WAIT
    if row.time_wait:
        return TIME_WAIT
    return ESTABLISHED if row.established else CLOSE_WAIT
