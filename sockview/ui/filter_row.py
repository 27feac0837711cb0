"""The filter line: an input, what it lets through, and below it what is wrong with it and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from sockview.model.format_text import cell_width, shorten
from sockview.model.query import MAX_FILTER
from sockview.ui.line_widget import Line, LineWidget, Span, text_line

if TYPE_CHECKING:
    from sockview.model.filter import FilterError


class FilterInput(Input):
    """The text; arrow down leaves it as Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down", "app.keep_filter", "to the table", show=False)]

    async def _on_key(self, event: events.Key) -> None:
        """Every key in its turn.

        Textual runs bindings such as backspace only after the key has travelled up to the app; the
        letters behind it, arrived in the same read, would be inserted before.
        """
        for binding in self._bindings.key_to_bindings.get(event.key, []):
            event.stop()
            event.prevent_default()
            await self.run_action(binding.action)
            return
        await super()._on_key(event)

    def edit_on(self) -> None:
        """Ready for another word: the cursor stands at the end, behind a blank."""
        text = self.value.rstrip()
        self.value = f"{text} " if text else ""
        self.cursor_position = len(self.value)


class FilterRow(Horizontal):
    """Input and count side by side."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.input = FilterInput(
            id="filter",
            compact=True,
            placeholder="filter: cw  :8080  nginx  10.2.0.0/16  !lo",
            max_length=MAX_FILTER,
            select_on_focus=False,
        )
        self._mark = LineWidget(id="filter-mark")
        self._place = LineWidget(id="filter-count")

    def compose(self) -> ComposeResult:
        yield self._mark
        yield self.input
        yield self._place

    def on_mount(self) -> None:
        self._mark.show_lines([Line((Span("/ ", "key", "app.edit_filter"),))])

    def show_place(self, text: str) -> None:
        """Where the user is: view, group, how many rows."""
        self._place.styles.width = cell_width(text) + 2
        self._place.show_lines([Line((Span(f" {text} ", "accent"),))])


class FilterFault(LineWidget):
    """Marks the bad word of the filter above and says what is wrong; takes no room otherwise."""

    def show(self, text: str) -> None:
        """Check `text`; shows nothing when it is a good filter."""
        fault = filter_fault(text)
        self.display = fault is not None
        if fault is not None:
            self.show_lines([fault_line(fault, text, self.app.size.width)])


def filter_fault(text: str) -> FilterError | None:
    """What is wrong with a filter text, or None."""
    if not text.strip():
        return None
    from sockview.model.filter import FilterError, parse_filter  # with the first word: the first screen comes sooner

    try:
        parse_filter(text)
    except FilterError as error:
        return error
    return None


def fault_line(fault: FilterError, text: str, width: int) -> Line:
    """Carets under the bad word of `text`, then the sentence; where that has no room, the sentence alone."""
    start = 2 + cell_width(text[: fault.position])
    carets = "^" * max(cell_width(text[fault.position : fault.position + fault.length]), 1)
    sentence = str(fault)
    if start + len(carets) + 1 + cell_width(sentence) > width:
        return text_line(" " + shorten(sentence, width - 2), "alarm")
    return Line((Span(" " * start + carets, "alarm"), Span(f" {sentence}", "caution")))
