"""The process pane: who is under the cursor, by what evidence, or why nobody is."""

from __future__ import annotations

from sockview.model.query import Detail
from sockview.ui.line_widget import Line, LineWidget, Span
from sockview.ui.pane_lines import pane_lines


class ProcessPane(LineWidget):
    """Follows the cursor: shows the newest detail, and says so while the next is on its way."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._detail: Detail | None = None
        self._now = 0.0
        self._waiting = ""

    @property
    def key(self) -> str | None:
        """Key of the row that is shown."""
        return self._detail.key if self._detail is not None else None

    def show(self, detail: Detail | None, now: float) -> None:
        """`now`: seconds since the epoch, for how long the process is up."""
        self._detail, self._now = detail, now
        self._waiting = ""
        self._draw()

    def show_waiting(self, name: str) -> None:
        """The row of this name has no detail yet: rather nothing than another row's."""
        self._detail, self._waiting = None, name
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        size = self.content_size
        if not size.width or not size.height:
            return
        lines = pane_lines(self._detail, self._now, size.width, size.height, self._waiting)
        lines += [Line((Span(" " * size.width),))] * (size.height - len(lines))
        self.show_lines(lines)
