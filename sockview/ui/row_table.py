"""The big table: shows the window of rows that the reader sent, moves the cursor, says what it wants.

It holds no table of its own. The cursor belongs to a socket (its key), not to a row number: when a
refresh moves the socket, the cursor goes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.message import Message

from sockview.model.columns import Column, widest
from sockview.model.layout import fit_columns
from sockview.model.query import MAX_WINDOW
from sockview.ui.keys import MOVES, bindings
from sockview.ui.line_widget import Line, LineWidget, Span, text_line
from sockview.ui.row_lines import MARGIN_CELLS, Row, heading_line, row_line, scroll_bar

#: Rows that one notch of the wheel scrolls.
WHEEL_ROWS: Final = 3

#: The cell at the left of a row: (tagged, under the cursor) -> sign.
_MARKS: Final = {(False, False): " ", (False, True): "›", (True, False): "*", (True, True): "»"}


class RowTable(LineWidget, can_focus=True):
    """Sockets or groups, some screens of which are known around the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(MOVES)]

    class Moved(Message):
        """The cursor is on another row, or other rows are wanted."""

    class Opened(Message):
        """A row was double-clicked."""

    class HeadingClicked(Message):
        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    DEFAULT_CSS: ClassVar[str] = "RowTable { overflow: hidden hidden; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.length = 0
        """Rows of the whole view."""
        self.cursor = 0
        """Row number of the cursor."""
        self.top = 0
        """Row number of the first visible row."""
        self.has_moved = False
        """The cursor has been moved since the app asked last: an answer on its way knows nothing of it."""
        self._columns: Sequence[Column] = ()
        self._sort = ""
        self._reverse = False
        self._first = 0
        self._rows: Sequence[Row] = ()
        self._needs: dict[str, int] = {}
        self._layout: list[tuple[Column, int]] = []
        self._tagged: set[str] = set()
        self._empty = ""

    # ------------------------------------------------------------ what is shown
    def show_columns(self, columns: Sequence[Column], sort: str, reverse: bool) -> None:
        """Another kind of rows, or another order."""
        if columns is not self._columns:
            self._needs = {}
            self._rows, self.length = (), 0
        self._columns, self._sort, self._reverse = columns, sort, reverse
        self._draw()

    def show_rows(self, rows: Sequence[Row], first: int, length: int, cursor: int | None) -> None:
        """A new window. `cursor`: its row number; None: where its socket is now, else where it was."""
        key, was = self.cursor_key, self.cursor
        self._rows, self._first, self.length = rows, first, length
        if cursor is None:
            cursor = next((first + i for i, row in enumerate(rows) if row.key == key), was)
        self.cursor = max(0, min(cursor, length - 1))
        # The cursor keeps its place on the screen; from the very top it is the top that stays.
        if self.top:
            self.top += self.cursor - was
        self._scroll_to_cursor()
        self._measure()
        self._draw()

    def show_tags(self, tagged: set[str]) -> None:
        self._tagged = tagged
        self._draw()

    def show_empty(self, text: str) -> None:
        """Why there are no rows."""
        self._empty = text
        self._draw()

    def go_to_top(self) -> None:
        """As for a new query: first row, first screen."""
        self.cursor = self.top = 0

    # ------------------------------------------------------------ what is known
    @property
    def height(self) -> int:
        """Visible rows."""
        return max(self.size.height - 1, 1)

    @property
    def cursor_row(self) -> Row | None:
        return self._row(self.cursor)

    @property
    def cursor_key(self) -> str | None:
        row = self.cursor_row
        return row.key if row is not None else None

    @property
    def visible_rows(self) -> list[Row]:
        rows = (self._row(index) for index in range(self.top, min(self.top + self.height, self.length)))
        return [row for row in rows if row is not None]

    @property
    def window_rows(self) -> int:
        """How many rows to ask for: some screens, so that moving needs no answer."""
        return min(max(self.height * 4, 100), MAX_WINDOW)

    @property
    def wants_rows(self) -> bool:
        """Whether rows within a screen of the cursor are not known."""
        low = max(0, self.cursor - self.height)
        high = min(self.length, self.cursor + self.height)
        return low < self._first or high > self._first + len(self._rows)

    def _row(self, index: int) -> Row | None:
        at = index - self._first
        return self._rows[at] if 0 <= at < len(self._rows) else None

    # ------------------------------------------------------------ moving
    def move_to(self, index: int) -> None:
        index = max(0, min(index, self.length - 1))
        if index == self.cursor:
            return
        self.cursor = index
        self.has_moved = True
        self._scroll_to_cursor()
        self._measure()
        self._draw()
        self.post_message(self.Moved())

    def action_move(self, rows: int) -> None:
        self.move_to(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        step = pages * max(self.height - 1, 1)
        self.top = max(0, min(self.top + step, self.length - self.height))
        self.move_to(self.cursor + step)

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(self.length - 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._scroll(WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._scroll(-WHEEL_ROWS)

    def _scroll(self, rows: int) -> None:
        """Move the window; the cursor is taken along when it would leave the screen."""
        self.top = max(0, min(self.top + rows, self.length - self.height))
        cursor = max(self.top, min(self.cursor, self.top + self.height - 1))
        if cursor == self.cursor:
            self._draw()
        else:
            self.move_to(cursor)

    def on_click(self, event: events.Click) -> None:
        self.focus()
        if event.y == 0:
            column = self._column_at(event.x)
            if column is not None:
                self.post_message(self.HeadingClicked(column.key))
            return
        if event.x == self.size.width - 1 and self.length > self.height:
            self.move_to((event.y - 1) * (self.length - 1) // max(self.height - 1, 1))
            return
        index = self.top + event.y - 1
        if index < self.length:
            self.move_to(index)
            if event.chain == 2:
                self.post_message(self.Opened())

    def _column_at(self, x: int) -> Column | None:
        left = 1
        for column, cells in self._layout:
            if left <= x < left + cells + 1:
                return column
            left += cells + 1
        return None

    def _scroll_to_cursor(self) -> None:
        lowest = self.cursor - self.height + 1
        self.top = max(min(self.top, self.cursor), lowest, 0)
        self.top = max(0, min(self.top, self.length - self.height))

    # ------------------------------------------------------------ drawing
    def on_resize(self) -> None:
        self._scroll_to_cursor()
        self._measure()
        self._draw()
        if self.wants_rows:
            self.post_message(self.Moved())

    def on_focus(self) -> None:
        self._draw()

    def on_blur(self) -> None:
        self._draw()

    def _measure(self) -> None:
        """Widest content seen, per column. It only grows while the view stays, so nothing jitters."""
        for key, cells in widest(self._columns, self.visible_rows).items():
            self._needs[key] = max(cells, self._needs.get(key, 0))

    def _draw(self) -> None:
        width, height = self.size.width, self.size.height
        if not width or not height or not self._columns:
            return
        self._layout = fit_columns(self._columns, width - MARGIN_CELLS, self._needs)
        lines = [heading_line(self._layout, self._sort, self._reverse, width)]
        bar = scroll_bar(self.top, self.height, self.length)
        lines += [self._line_at(self.top + y, bar[y]) for y in range(min(self.height, self.length - self.top))]
        if not self.length and self._empty:
            lines += [text_line(f" {text}", "caution") for text in self._empty.splitlines()]
        lines += [Line((Span(" " * width),))] * (height - len(lines))
        self.show_lines(lines[:height])

    def _line_at(self, index: int, bar: str) -> Line:
        row = self._row(index)
        if row is None:
            return text_line("  ...", "dim")
        at_cursor = index == self.cursor
        mark = _MARKS[row.key in self._tagged, at_cursor]
        ground = ("cursor" if self.has_focus else "cursor-blur") if at_cursor else "plain"
        return row_line(row, self._layout, mark=mark, ground=ground, bar=bar)
