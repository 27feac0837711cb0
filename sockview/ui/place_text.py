"""Where the user is, and why there is nothing to see there: short texts beside the table. Pure."""

from __future__ import annotations

from typing import Final

from sockview.model.format_text import count_text
from sockview.model.notice_text import NO_SOCKETS, no_match
from sockview.model.query import GroupRow, SocketRow, View, ViewName
from sockview.model.tcp_state import state_name

_NAMES: Final[dict[ViewName, str]] = {"sockets": "sockets", "process": "by process", "remote": "by remote"}


def place_text(view: View, name: ViewName) -> str:
    """View, group and number of rows: ``by process 8``, ``7306 gunicorn · sockets 250``."""
    where = f"{view.group_name} · sockets" if view.group_name else _NAMES[name]
    return f"{where} {count_text(view.length)}" if view.length else where


def empty_text(view: View) -> str:
    """Why a view has no rows and what to do about it; empty where it has some."""
    total = view.summary.total
    if view.length:
        return ""
    if not total:
        return f"{NO_SOCKETS}."
    if view.group_name:
        return f"No sockets of {view.group_name} are left. Esc goes back."
    return f"{no_match(total)}.\nEsc or a shows them all."


def row_name(row: SocketRow | GroupRow) -> str:
    """A row in a few words, until its detail is there."""
    if isinstance(row, GroupRow):
        return row.name if row.pid is None else f"{row.pid} {row.name}"
    return f"{row.pid} {row.process}" if row.pid is not None else f"{state_name(row.state)} {row.local} - {row.remote}"
