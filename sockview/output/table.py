"""The sockets as an aligned table: every column, nothing cut, no colour, a header line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockview.model.clean_text import clean
from sockview.model.columns import SOCKET_COLUMNS, Column
from sockview.model.format_text import cell_width, pad
from sockview.model.inet_socket import InetSocket
from sockview.model.socket_row import socket_row
from sockview.model.socket_table import SocketTable

GAP: Final = "  "

#: Rows in one piece of text: large enough for few writes, small enough to end soon on a closed pipe.
ROWS_PER_PIECE: Final = 500


def table_pieces(table: SocketTable, sockets: Sequence[InetSocket]) -> Iterator[str]:
    """The header and a line for each of these sockets of the table, as pieces to write one after the other."""
    # Column by column rather than row by row: the loops run in C then, and a busy server has 100,000 rows.
    texts = [[column.title] for column in SOCKET_COLUMNS]
    for start in range(0, len(sockets), ROWS_PER_PIECE):
        rows = [socket_row(table, s) for s in sockets[start : start + ROWS_PER_PIECE]]
        for column, cells in zip(SOCKET_COLUMNS, texts, strict=True):
            cells += map(column.text, rows)
    columns = [_aligned(column, cells) for column, cells in zip(SOCKET_COLUMNS, texts, strict=True)]
    for start in range(0, len(sockets) + 1, ROWS_PER_PIECE):
        lines = map(GAP.join, zip(*(cells[start : start + ROWS_PER_PIECE] for cells in columns), strict=True))
        yield "".join([f"{_harmless(line.rstrip())}\n" for line in lines])


def _aligned(column: Column, cells: list[str]) -> list[str]:
    if "".join(cells).isascii():
        width = max(map(len, cells))
        return [text.rjust(width) if column.align == "right" else text.ljust(width) for text in cells]
    width = max(map(cell_width, cells))
    return [pad(text, width, column.align) for text in cells]


def _harmless(line: str) -> str:
    """Names were cleaned where they entered; a terminal is no place to rely on that."""
    return line if line.isascii() and line.isprintable() else clean(line, len(line))
