"""Text in lines of a number of terminal cells, broken at blanks alone: names and parameters stay whole. Pure."""

from __future__ import annotations

from sockview.model.format_text import cell_width, take


def wrapped(text: str, width: int) -> list[str]:
    """At least one line, each of at most `width` cells (at least 2); a word that is longer is cut into pieces."""
    width = max(width, 2)
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and cell_width(line) + 1 + cell_width(word) <= width:
            line += f" {word}"
            continue
        if line:
            lines.append(line)
        while cell_width(word) > width:
            piece = take(word, width)
            lines.append(piece)
            word = word[len(piece) :]
        line = word
    return [*lines, line] if line or not lines else lines
