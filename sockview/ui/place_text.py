"""Where the user is, and why there is nothing to see there: short texts beside the table. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sockview.model.format_text import count_text
from sockview.model.notice_text import NO_SOCKETS, might_match, no_match
from sockview.model.query import GroupRow, SocketRow, View, ViewName
from sockview.model.tcp_state import state_name

if TYPE_CHECKING:
    from sockview.model.filter import Filter

_NAMES: Final[dict[ViewName, str]] = {"sockets": "sockets", "process": "by process", "remote": "by remote"}


def place_text(view: View, name: ViewName, tagged: int) -> str:
    """Tags, group, view and number of rows: ``by process 8``, ``3 tagged · 7306 gunicorn · sockets 250``."""
    tags = f"{count_text(tagged)} tagged · " if tagged else ""
    where = f"{view.group_name} · sockets" if view.group_name else _NAMES[name]
    return f"{tags}{where} {count_text(view.length)}"


def empty_text(view: View, asked: Filter | None) -> str:
    """Why a view has no rows and what to do about it; empty where it has some. `asked` is the filter."""
    summary = view.summary
    if view.length:
        return ""
    if not summary.total:
        return f"{NO_SOCKETS}."
    filtered = asked is not None and not asked.is_everything
    if view.group_name and not filtered:
        return f"No sockets of {view.group_name} are left. Esc goes back."
    if view.group_name:
        return f"No socket of {view.group_name} matches the filter. a lifts the filter, Esc goes back."
    lines = [f"{no_match(summary.total)}."]
    if asked is not None and asked.asks_owners and summary.hidden:
        lines.append(f"{might_match(summary.hidden, summary.privileged)}.")
    return "\n".join([*lines, "Esc or a shows them all."])


def row_name(row: SocketRow | GroupRow) -> str:
    """A row in a few words, until its detail is there."""
    if isinstance(row, GroupRow):
        return row.name if row.pid is None else f"{row.pid} {row.name}"
    return f"{row.pid} {row.process}" if row.pid is not None else f"{state_name(row.state)} {row.local} - {row.remote}"
