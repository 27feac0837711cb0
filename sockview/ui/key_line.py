"""The last line: the keys that matter now, or for some seconds what the last action did."""

from __future__ import annotations

from sockview.model.format_text import cell_width, shorten
from sockview.ui.keys import line_keys
from sockview.ui.line_widget import Line, LineWidget, Span


class KeyLine(LineWidget):
    """Shows the keys; a message takes their place until the next one or its time is over."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._message: tuple[str, str] | None = None

    @property
    def message(self) -> str:
        return self._message[0] if self._message else ""

    def say(self, text: str, tone: str = "good") -> None:
        """Show this instead of the keys."""
        self._message = (text, tone)
        self._draw()

    def be_quiet(self) -> None:
        """Back to the keys."""
        self._message = None
        self._draw()

    def on_mount(self) -> None:
        self._draw()

    async def on_mouse_down(self) -> None:
        """A click on a key is meant as that key, not as another letter of the filter: it is kept."""
        await self.run_action("app.keep_filter")

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.size.width or self.app.size.width
        if self._message is not None:
            text, tone = self._message
            self.show_lines([Line((Span(" " + shorten(text, width - 2), tone),))])
        else:
            self.show_lines([keys_line(width)])


def keys_line(width: int) -> Line:
    """As many keys as fit whole."""
    spans: list[Span] = []
    used = 0
    for keys, word in line_keys():
        cells = sum(cell_width(key.shown) + 1 for key in keys) + cell_width(word) + 2
        if used + cells > width + 1:
            break
        used += cells
        spans += [Span(f" {key.shown}", "key", f"app.{key.action}") for key in keys]
        spans.append(Span(f" {word} ", "plain", f"app.{keys[0].action}"))
    return Line(tuple(spans))
