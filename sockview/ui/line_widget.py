"""A widget of plain lines that repaints only the spans that differ from what it last showed.

Textual sends every dirty region to the terminal again. Over an SSH line a refresh that changed
nothing must cost nothing, so this widget compares new lines with old ones, span by span.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from sockview.model.format_text import cell_width
from sockview.ui.tones import TONES


class Span(NamedTuple):
    """Text in one tone, with an optional action for a click."""

    text: str
    tone: str = "plain"
    action: str | None = None
    """A Textual action such as ``app.copy_pid``, run when the span is clicked."""


class Line(NamedTuple):
    """Spans from left to right; `ground` is the tone of the whole line's background."""

    spans: tuple[Span, ...]
    ground: str = "plain"


BLANK_LINE: Final = Line(())


def text_line(text: str, tone: str = "plain") -> Line:
    return Line((Span(text, tone),))


class LineWidget(Widget):
    """Base of everything that sockview draws itself."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone}" for tone in TONES}
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._styles_by_tones: dict[tuple[str, str, str | None], Style] = {}

    @property
    def lines(self) -> Sequence[Line]:
        """What is shown now."""
        return self._lines

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these lines; only what differs is painted and sent."""
        old, new = self._lines, list(lines)
        self._lines = new
        if not self.is_mounted or len(old) != len(new):
            self.refresh()
            return
        regions = [
            region
            for y, (before, after) in enumerate(zip(old, new, strict=True))
            if before != after
            for region in _differing(before, after, y, self.size.width)
        ]
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        line = self._lines[y] if y < len(self._lines) else BLANK_LINE
        ground = self._style("plain", line.ground, None)
        segments = [Segment(span.text, self._style(span.tone, line.ground, span.action)) for span in line.spans]
        return Strip(segments).adjust_cell_length(width, ground)

    def notify_style_update(self) -> None:
        """Textual says that the theme or the classes changed."""
        super().notify_style_update()
        self._styles_by_tones.clear()

    def _style(self, tone: str, ground: str, action: str | None) -> Style:
        key = (tone, ground, action)
        style = self._styles_by_tones.get(key)
        if style is None:
            style = self.rich_style
            if tone != "plain":
                style += self.get_component_rich_style(f"tone--{tone}", partial=True)
            if ground != "plain":
                style += self.get_component_rich_style(f"tone--{ground}", partial=True)
            if action is not None:
                style += Style(meta={"@click": action})
            self._styles_by_tones[key] = style
        return style


def _differing(before: Line, after: Line, y: int, width: int) -> list[Region]:
    """The regions of line `y` to paint anew: single spans where both lines have the same cut."""
    whole = [Region(0, y, width, 1)]
    if before.ground != after.ground or len(before.spans) != len(after.spans):
        return whole
    regions: list[Region] = []
    x = 0
    for old, new in zip(before.spans, after.spans, strict=True):
        cells = cell_width(new.text)
        if old != new:
            if cell_width(old.text) != cells:
                return whole
            regions.append(Region(x, y, cells, 1))
        x += cells
    return regions
