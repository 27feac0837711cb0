"""One look, printed: collect, filter and order as the screen does, write, and say what there is to know."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO, cast

from sockview.diagnosed import diagnose_steps
from sockview.errors import SockviewError
from sockview.model.arrangement import arrange_steps
from sockview.model.filter import Filter, parse_filter
from sockview.model.inet_socket import InetSocket
from sockview.model.notice_text import INCOMPLETE, NO_SOCKETS, hidden_owners, might_match, no_match
from sockview.model.observation import Observation
from sockview.model.owner import NoOwner
from sockview.model.query import Query
from sockview.model.socket_table import SocketTable
from sockview.model.sources import SocketSource
from sockview.model.steps import finish
from sockview.model.thresholds import Thresholds
from sockview.output.json_text import json_pieces
from sockview.output.summary import summary_text
from sockview.output.table import table_pieces
from sockview.settings import PrintedForm


def print_once(
    source: SocketSource,
    filter_text: str,
    form: PrintedForm,
    out: TextIO,
    say: Callable[[str], object],
) -> None:
    """Write one look at the source to `out`; notes for the user go to `say`, a sentence each.

    A JSON object tells all of that itself. Raises FilterError, CollectError, SockviewError when the
    output cannot be written, and BrokenPipeError when nobody reads it any more.
    """
    table = finish(Observation().add(finish(source.collect())))
    if form == "json":
        finish(diagnose_steps(table, Thresholds()))
    asked = parse_filter(filter_text)
    sockets = _select(table, asked)
    warnings = warnings_of(table, sockets, asked)
    if form == "json":
        write_pieces(out, json_pieces(table, sockets, warnings))
        return
    write_pieces(out, table_pieces(table, sockets) if form == "table" else [summary_text(sockets)])
    if not sockets:
        total = len(table.snapshot.sockets)
        say(f"{no_match(total) if total else NO_SOCKETS}.")
    for warning in warnings:
        say(warning)


def _select(table: SocketTable, asked: Filter) -> Sequence[InetSocket]:
    """The sockets that the filter lets through, in the order in which the screen starts."""
    arrangement = finish(arrange_steps(table, asked, Query(serial=0, filter=asked.text)))
    return cast("Sequence[InetSocket]", arrangement.rows)


def warnings_of(table: SocketTable, sockets: Sequence[InetSocket], asked: Filter) -> list[str]:
    """What makes the printed sockets less than the whole truth, most urgent first."""
    snapshot = table.snapshot
    found = list(table.warnings)
    if not snapshot.complete and not found:
        found.append(f"{INCOMPLETE}.")
    if not table.hidden:
        return found
    hidden = sum(table.attribution(s).no_owner is NoOwner.HIDDEN for s in sockets)
    if hidden:
        found.append(f"{hidden_owners(hidden, snapshot.privileged)}.")
    if asked.asks_owners and hidden < table.hidden:
        found.append(f"{might_match(table.hidden - hidden, snapshot.privileged)}.")
    return found


def write_pieces(out: TextIO, pieces: Iterable[str]) -> None:
    """Write and flush; raises SockviewError when that fails, and BrokenPipeError when nobody reads it."""
    try:
        for piece in pieces:
            out.write(piece)
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SockviewError(f"The output could not be written: {os.strerror(error.errno or 0)}.") from error
