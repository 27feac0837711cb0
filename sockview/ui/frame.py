"""What the terminal shows now, cell by cell, so that only cells that differ are sent again.

Textual keeps no copy of the screen: it sends every dirty region whole, from the left edge of its
widget. Over a slow line that is most of what a refresh costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.segment import Segment
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.strip import Strip

Cell = tuple[str, str]
"""A character with its combining marks, and its SGR parameters; the right half of a wide one is ``""``."""

#: A cell of which nothing is known.
_UNKNOWN: Final[Cell] = ("\0", "")
#: Unchanged cells between two changed runs that are cheaper to send than a cursor movement.
_BRIDGE: Final = 4


class Frame:
    """The terminal's cells. `update` gives what to write for the next one."""

    def __init__(self) -> None:
        self._lines: list[list[Cell]] = []
        self._width = 0

    def forget(self) -> None:
        """Nothing is known of the terminal any more: the next update writes all that it is given."""
        self._lines = []

    def update(self, renderable: object, width: int, height: int, colors: ColorSystem) -> str | None:
        """The sequences that bring the terminal to the new state; empty if it is there already.

        None for anything but the updates of Textual's compositor: the caller sends it as it is, and
        nothing is known of the terminal any more.
        """
        if len(self._lines) != height or self._width != width:
            self._lines = [[_UNKNOWN] * width for _ in range(height)]
            self._width = width
        if isinstance(renderable, LayoutUpdate):
            pieces = _layout_pieces(renderable)
        elif isinstance(renderable, ChopsUpdate):
            pieces = _chops_pieces(renderable)
        else:
            self.forget()
            return None
        out: list[str] = []
        style = ""
        for y, line in self._changed_lines(pieces, colors):
            style = _write_line(out, y, self._lines[y], line, style)
            self._lines[y] = line
        if style:
            out.append("\x1b[0m")
        return "".join(out)

    def _changed_lines(
        self, pieces: Iterable[tuple[int, int, Iterable[Segment]]], colors: ColorSystem
    ) -> Iterator[tuple[int, list[Cell]]]:
        """Each line that differs, as it shall be, top to bottom."""
        lines: dict[int, list[Cell]] = {}
        for y, x, segments in pieces:
            if not 0 <= y < len(self._lines):
                continue
            line = lines.setdefault(y, list(self._lines[y]))
            _lay(line, x, _cells(segments, colors)[: self._width - x])
        for y in sorted(lines):
            if lines[y] != self._lines[y]:
                yield y, lines[y]


def _lay(line: list[Cell], x: int, cells: list[Cell]) -> None:
    """Put cells over a line. What is left of a wide character that they cut through becomes a blank."""
    end = x + len(cells)
    if cells and x and not line[x][0]:
        line[x - 1] = (" ", line[x - 1][1])
    if end < len(line) and not line[end][0]:
        line[end] = (" ", line[end][1])
    line[x:end] = cells


def _layout_pieces(update: LayoutUpdate) -> Iterator[tuple[int, int, Iterable[Segment]]]:
    for y, strips in enumerate(update.strips, update.region.y):
        yield y, update.region.x, (segment for strip in strips for segment in strip)


def _chops_pieces(update: ChopsUpdate) -> Iterator[tuple[int, int, Iterable[Segment]]]:
    for y in dict.fromkeys(span[0] for span in update.spans):
        for x, strip in update.chops[y].items():
            if strip is not None:
                yield y, x, strip


def _cells(segments: Iterable[Segment], colors: ColorSystem) -> list[Cell]:
    cells: list[Cell] = []
    for text, style, control in segments:
        if control:
            continue
        ansi = "" if style is None else style._ansi
        if ansi is None:
            assert style is not None
            ansi = Strip.render_ansi(style, colors)
        if text.isascii():
            cells += [(char, ansi) for char in text]
            continue
        for char in text:
            size = get_character_cell_size(char)
            if size:
                cells.append((char, ansi))
                if size == 2:
                    cells.append(("", ansi))
            elif cells:
                cells[-1] = (cells[-1][0] + char, cells[-1][1])
    return cells


def _write_line(out: list[str], y: int, old: list[Cell], new: list[Cell], style: str) -> str:
    """Append what changes line `y`; `style` is the SGR state before, the state after is returned."""
    for start, end in _runs(old, new):
        placed = False
        for x in range(start, end):
            char, ansi = new[x]
            if not char:
                continue
            if not placed:
                out.append(f"\x1b[{y + 1};{x + 1}H")
            if ansi != style:
                out.append(f"\x1b[0;{ansi}m" if ansi else "\x1b[0m")
                style = ansi
            out.append(char)
            # Terminals differ on how wide some characters are: after one of them, say where the next goes.
            placed = len(char) == 1 and char < "\u1100"
    return style


def _runs(old: list[Cell], new: list[Cell]) -> Iterator[tuple[int, int]]:
    """Ranges of cells to write, near ones joined."""
    start = end = -1
    for x, (before, after) in enumerate(zip(old, new, strict=True)):
        if before == after:
            continue
        left = x - 1 if x and not after[0] else x
        if start < 0:
            start = left
        elif left - end > _BRIDGE:
            yield start, end
            start = left
        end = x + 1
    if start >= 0:
        # A wide character is written whole: its left half may be the only one that changed.
        yield start, end
