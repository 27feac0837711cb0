"""The sockets as an aligned table: every column, nothing cut, no colour, a header line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockview.model.clean_text import clean
from sockview.model.columns import SOCKET_COLUMNS
from sockview.model.format_text import cell_width, pad
from sockview.model.inet_socket import InetSocket
from sockview.model.socket_table import SocketTable
from sockview.model.view import socket_row

GAP: Final = "  "

#: Rows in one piece of text: large enough for few writes, small enough to end soon on a closed pipe.
ROWS_PER_PIECE: Final = 500


def table_pieces(table: SocketTable, sockets: Sequence[InetSocket]) -> Iterator[str]:
    """The header and a line for each of these sockets of the table, as pieces to write one after the other."""
    texts = [column.text for column in SOCKET_COLUMNS]
    rows = [[column.title for column in SOCKET_COLUMNS]]
    rows += [[text(row) for text in texts] for row in (socket_row(table, s) for s in sockets)]
    widths = [max(map(cell_width, cells)) for cells in zip(*rows, strict=True)]
    for start in range(0, len(rows), ROWS_PER_PIECE):
        yield "".join([f"{_line(cells, widths)}\n" for cells in rows[start : start + ROWS_PER_PIECE]])


def _line(cells: list[str], widths: list[int]) -> str:
    padded = [
        (cell.rjust(width) if column.align == "right" else cell.ljust(width))
        if cell.isascii()
        else pad(cell, width, column.align)
        for column, cell, width in zip(SOCKET_COLUMNS, cells, widths, strict=True)
    ]
    line = GAP.join(padded).rstrip()
    # Names were cleaned where they entered; a terminal is no place to rely on that.
    return line if line.isprintable() else clean(line, len(line))
