"""One look, printed: collect, filter and order as the screen does, write, and say what there is to know."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TextIO, TypeVar, cast

from sockview.errors import SockviewError
from sockview.model.arrangement import arrange_steps
from sockview.model.filter import parse_filter
from sockview.model.format_text import count_text
from sockview.model.inet_socket import InetSocket
from sockview.model.observation import Observation
from sockview.model.owner import NoOwner
from sockview.model.query import Query
from sockview.model.socket_table import SocketTable
from sockview.model.sources import SocketSource
from sockview.output.json_text import json_pieces
from sockview.output.summary import summary_text
from sockview.output.table import table_pieces
from sockview.settings import PrintedForm

T = TypeVar("T")


def print_once(
    source: SocketSource,
    filter_text: str,
    form: PrintedForm,
    out: TextIO,
    say: Callable[[str], object],
) -> None:
    """Write one look at the source to `out`; notes for the user go to `say`, a sentence each.

    With JSON the notes are in the object. Raises FilterError, CollectError, SockviewError when the
    output cannot be written, and BrokenPipeError when nobody reads it any more.
    """
    table = _finish(Observation().add(_finish(source.collect())))
    sockets = _select(table, filter_text)
    if form == "json":
        _write(out, json_pieces(table, sockets))
        return
    _write(out, table_pieces(table, sockets) if form == "table" else [summary_text(sockets)])
    for note in notes(table, sockets, filter_text):
        say(note)


def _select(table: SocketTable, filter_text: str) -> Sequence[InetSocket]:
    """The sockets that the filter lets through, in the order in which the screen starts."""
    query = Query(serial=0, filter=filter_text)
    arrangement = _finish(arrange_steps(table, parse_filter(filter_text), query))
    return cast("Sequence[InetSocket]", arrangement.rows)


def notes(table: SocketTable, sockets: Sequence[InetSocket], filter_text: str) -> list[str]:
    """What a reader of the printed sockets has to know, most urgent first."""
    found = list(table.snapshot.warnings)
    if not table.snapshot.complete and not found:
        found.append("The socket table changed while it was read: rows may be missing or double.")
    if not sockets:
        found.append(_why_empty(len(table.snapshot.sockets), filter_text))
    hidden = sum(table.attribution(s).no_owner is NoOwner.HIDDEN for s in sockets) if table.hidden else 0
    if hidden:
        found.append(_why_hidden(hidden, table.snapshot.privileged))
    return found


def _why_hidden(count: int, privileged: bool) -> str:
    """A container or a security module may hide processes from root too: then sudo is no remedy."""
    what = f"{count_text(count)} {'socket' if count == 1 else 'sockets'}"
    if privileged:
        return f"The processes of {what} may not be looked into even as root: try it outside of this container."
    return f"The processes of {what} are hidden from this user: run it with sudo to see them."


def _why_empty(total: int, filter_text: str) -> str:
    if not total:
        return "There are no sockets here."
    return f"No socket matches '{filter_text}': {count_text(total)} {'is' if total == 1 else 'are'} hidden."


def _write(out: TextIO, pieces: Iterable[str]) -> None:
    try:
        for piece in pieces:
            out.write(piece)
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SockviewError(f"The output could not be written: {os.strerror(error.errno or 0)}.") from error


def _finish(steps: Generator[None, None, T]) -> T:
    """The value that a stepwise computation returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("T", end.value)
