"""The filter line: an input, what it lets through, and below it what is wrong with it and where."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from sockview.model.filter import FilterError, parse_filter
from sockview.model.format_text import cell_width, shorten
from sockview.model.query import MAX_FILTER
from sockview.ui.line_widget import Line, LineWidget, Span, text_line


class FilterInput(Input):
    """The text; arrow down and Tab leave it as Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down,tab", "app.keep_filter", "to the table", show=False)]


class FilterRow(Horizontal):
    """Input and count side by side."""

    def compose(self) -> ComposeResult:
        yield LineWidget(id="filter-mark")
        yield FilterInput(
            id="filter",
            compact=True,
            placeholder="filter: cw  :8080  nginx  10.2.0.0/16  !lo",
            max_length=MAX_FILTER,
            select_on_focus=False,
        )
        yield LineWidget(id="filter-count")

    def on_mount(self) -> None:
        self.query_one("#filter-mark", LineWidget).show_lines([Line((Span("/ ", "key", "app.edit_filter"),))])

    @property
    def input(self) -> FilterInput:
        return self.query_one("#filter", FilterInput)

    def show_place(self, text: str) -> None:
        """Where the user is: view, group, how many rows."""
        place = self.query_one("#filter-count", LineWidget)
        width = cell_width(text) + 2
        place.styles.width = width
        place.show_lines([Line((Span(f" {text} ", "accent"),))])


class FilterFault(LineWidget):
    """Marks the bad word of the filter above and says what is wrong; takes no room otherwise."""

    def show(self, text: str) -> None:
        """Check `text`; shows nothing when it is a good filter."""
        fault = filter_fault(text)
        self.display = fault is not None
        if fault is not None:
            self.show_lines([fault_line(fault, self.app.size.width)])


def filter_fault(text: str) -> FilterError | None:
    """What is wrong with a filter text, or None."""
    try:
        parse_filter(text)
    except FilterError as error:
        return error
    return None


def fault_line(fault: FilterError, width: int) -> Line:
    """Carets under the bad word, then the sentence; where that has no room, the sentence alone."""
    start = 2 + fault.position
    carets = "^" * max(fault.length, 1)
    sentence = str(fault)
    if start + len(carets) + 1 + cell_width(sentence) > width:
        return text_line(" " + shorten(sentence, width - 2), "alarm")
    return Line((Span(" " * start + carets, "alarm"), Span(f" {sentence}", "caution")))
