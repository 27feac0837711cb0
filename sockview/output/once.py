"""One look, printed: collect, filter and order as the screen does, write, and say what there is to know."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from sockview.errors import SockviewError
from sockview.model.inet_socket import InetSocket
from sockview.model.notice_text import INCOMPLETE, NO_SOCKETS, hidden_owners, might_match, no_match
from sockview.model.observation import Observation
from sockview.model.owner import NoOwner
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable
from sockview.model.sorted_sockets import sort_some_steps
from sockview.model.sources import SocketSource
from sockview.model.steps import finish
from sockview.settings import PrintedForm

if TYPE_CHECKING:
    from sockview.model.filter import Filter


def print_once(
    source: SocketSource,
    filter_text: str,
    form: PrintedForm,
    out: TextIO,
    say: Callable[[str], object],
) -> SocketTable:
    """Write one look at the source to `out`; notes for the user go to `say`, a sentence each. Returns what it saw.

    A JSON object tells all of that itself. Raises FilterError, CollectError, SockviewError when the
    output cannot be written, and BrokenPipeError when nobody reads it any more.
    """
    asked = _filter(filter_text)
    table = finish(Observation().add(finish(source.collect())))
    if form == "json":
        _diagnose(table)
    sockets = table.snapshot.sockets
    if asked is not None:
        sockets = finish(asked.sieve_steps(Selection(table, sockets))).sockets
    warnings = warnings_of(table, sockets, asked)
    write_pieces(out, _pieces(form, table, sockets, warnings))
    if form == "json":
        return table
    if not sockets:
        total = len(table.snapshot.sockets)
        say(f"{no_match(total) if total else NO_SOCKETS}.")
    for warning in warnings:
        say(warning)
    return table


# Imports are inside these, because each form needs other modules.
def _filter(text: str) -> Filter | None:
    """What is asked for; None where it is everything. Raises FilterError."""
    if not text.strip():
        return None
    from sockview.model.filter import parse_filter

    return parse_filter(text)


def _diagnose(table: SocketTable) -> None:
    from sockview.diagnosed import diagnose_steps
    from sockview.model.diagnosis import Diagnosis

    finish(diagnose_steps(table, Diagnosis()))


def _pieces(
    form: PrintedForm, table: SocketTable, sockets: Sequence[InetSocket], warnings: Sequence[str]
) -> Iterable[str]:
    if form == "summary":
        from sockview.output.summary import summary_text

        return [summary_text(sockets)]
    # The order in which the screen starts.
    in_order, _keys = finish(sort_some_steps(sockets, table, "state", False))
    if form == "table":
        from sockview.output.table import table_pieces

        return table_pieces(table, in_order)
    from sockview.output.json_text import json_pieces

    return json_pieces(table, in_order, warnings)


def warnings_of(table: SocketTable, sockets: Sequence[InetSocket], asked: Filter | None) -> list[str]:
    """What makes these sockets of the table less than the whole truth, most urgent first. `asked`: the filter."""
    snapshot = table.snapshot
    found = list(table.warnings)
    if not snapshot.complete and not found:
        found.append(f"{INCOMPLETE}.")
    if not table.hidden:
        return found
    hidden = table.hidden if asked is None else _count_hidden(table, sockets)
    if hidden:
        found.append(f"{hidden_owners(hidden, snapshot.privileged)}.")
    if asked is not None and asked.asks_owners and hidden < table.hidden:
        found.append(f"{might_match(table.hidden - hidden, snapshot.privileged)}.")
    return found


def _count_hidden(table: SocketTable, sockets: Sequence[InetSocket]) -> int:
    holders = table.snapshot.holders
    return sum(table.attribution(s).no_owner is NoOwner.HIDDEN for s in sockets if s.inode and s.inode not in holders)


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
