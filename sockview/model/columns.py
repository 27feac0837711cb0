"""The columns of every table as data: screen, help and text output are made from these.

A column knows its title, how its cell is written, how it is cut, which way it sorts first, and how
it counts when the screen is narrow (`layout.fit_columns`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sockview.model.format_text import (
    NOTHING,
    Align,
    age_text,
    cell_width,
    count_text,
    pad,
    rate_text,
    shorten,
    shorten_before,
    shorten_endpoint,
    shorten_middle,
)
from sockview.model.owner import NoOwner
from sockview.model.query import GroupRow, SocketRow
from sockview.model.sparkline import MOST_SPARK_CELLS, fit_sparks, sparks
from sockview.model.tcp_state import state_name

#: Written before the PID of a likely owner.
LIKELY_MARK: Final = "~"
_EXITED: Final = " (exited)"
#: The same behind a name that has little room.
EXITED_MARK: Final = "†"

#: Why there is no process, in the few cells of a column; the pane has the whole sentence.
NO_OWNER_TEXT: Final[dict[str, str]] = {
    NoOwner.HIDDEN.value: "(hidden)",
    NoOwner.ORPHAN.value: "(orphan)",
    NoOwner.GONE.value: "(gone)",
    NoOwner.UNREAD.value: "(not read)",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table whose rows are SocketRow (SOCKET_COLUMNS) or GroupRow (the others)."""

    key: str
    """What a query sorts by."""
    title: str
    text: Callable[[Any], str]
    """The whole text of a row's cell."""
    min_width: int
    """Cells; below this the column says nothing. Has room for the title and the mark of the sorted column."""
    usual_width: int
    """Cells that its content takes as a rule: decides whether the columns that do not always show have room."""
    rank: int
    """0 is the last to go when the screen is narrow."""
    align: Align = "left"
    max_width: int | None = None
    always: bool = True
    """False: only where there is room beside the others."""
    descending: bool = False
    """The direction in which it sorts first: the largest on top."""
    shortened: Callable[[str, int], str] = shorten
    """How a text that is too long is cut to a width."""

    def cell(self, row: SocketRow | GroupRow, width: int) -> str:
        """The row's cell in exactly `width` cells."""
        return self.fill(self.text(row), width)

    def fill(self, text: str, width: int) -> str:
        """A text of this column in exactly `width` cells."""
        return pad(self.shortened(text, width), width, self.align)


# ------------------------------------------------------------------ cells of sockets
def pid_text(row: SocketRow) -> str:
    """``7306``; ``~7310`` if the owner is likely; ``7306+3`` if three more hold it; ``-`` without owner."""
    if row.pid is None:
        return NOTHING
    more = f"+{row.holders - 1}" if row.holders > 1 else ""
    return f"{'' if row.certain else LIKELY_MARK}{row.pid}{more}"


def process_text(row: SocketRow) -> str:
    """The owner's name, marked when it has exited; without owner the reason, or how many may be it, in parentheses."""
    if row.pid is None:
        if row.no_owner == NoOwner.ORPHAN and row.candidates:
            return f"({row.candidates:,} {'candidate' if row.candidates == 1 else 'candidates'})"
        return NO_OWNER_TEXT.get(row.no_owner, f"({row.no_owner})") if row.no_owner else NOTHING
    return row.process + _EXITED if row.exited else row.process


def _shorten_process(text: str, width: int) -> str:
    """Where ``(exited)`` would leave no room for the name, a sign stands for it."""
    if text.endswith(_EXITED) and cell_width(text) > width:
        return shorten_before(text.removesuffix(_EXITED) + EXITED_MARK, EXITED_MARK, width)
    return shorten(text, width)


SOCKET_COLUMNS: Final[tuple[Column, ...]] = (
    Column("proto", "PROTO", lambda row: row.netid, 6, 6, 9, always=False),
    Column("state", "STATE", lambda row: state_name(row.state), 11, 11, 0),
    Column("age", "AGE", lambda row: age_text(row.age), 6, 6, 5, align="right", descending=True),
    Column("local", "LOCAL", lambda row: row.local, 12, 18, 4, shortened=shorten_endpoint),
    Column("remote", "REMOTE", lambda row: row.remote, 12, 18, 1, shortened=shorten_endpoint),
    Column(
        "recv_q", "RECV-Q", lambda row: count_text(row.recv_q), 7, 7, 7, align="right", always=False, descending=True
    ),
    Column(
        "send_q", "SEND-Q", lambda row: count_text(row.send_q), 7, 7, 8, align="right", always=False, descending=True
    ),
    Column("pid", "PID", pid_text, 6, 8, 2, align="right"),
    Column("process", "PROCESS", process_text, 8, 14, 3, shortened=_shorten_process),
    Column("user", "USER", lambda row: row.user or NOTHING, 5, 9, 6, max_width=32, always=False),
)


# ------------------------------------------------------------------ cells of groups
def group_pid_text(row: GroupRow) -> str:
    """``7306``; ``~7306`` if all of its sockets are tied to it by likely evidence only; ``-`` without one."""
    if row.pid is None:
        return NOTHING
    return f"{LIKELY_MARK if 0 < row.likely == group_total(row) else ''}{row.pid}"


def group_total(row: GroupRow) -> int:
    """How many sockets the group has."""
    return row.close_wait + row.time_wait + row.established + row.other


def group_name_text(row: GroupRow) -> str:
    """Process name, marked when it has exited; or the remote address."""
    return row.name + _EXITED if row.exited else row.name


def group_rate_text(row: GroupRow) -> str:
    """How fast the CLOSE_WAIT sockets of a process grow, or its TIME_WAIT sockets where it never had the others."""
    return (rate_text(row.trend.rate) if row.trend is not None else "") or NOTHING


def _other_likely(row: GroupRow) -> int:
    return row.likely - row.likely_close_wait - row.likely_time_wait - row.likely_established


def _count(count: int, likely: int) -> str:
    """``27``; ``~27`` when some of them are tied to the process by likely evidence only."""
    return f"{LIKELY_MARK if likely else ''}{count_text(count)}"


_COUNTS: Final[tuple[Column, ...]] = (
    Column(
        "close_wait",
        "CLOSE_WAIT",
        lambda row: _count(row.close_wait, row.likely_close_wait),
        11,
        11,
        1,
        align="right",
        descending=True,
    ),
    Column(
        "time_wait",
        "TIME_WAIT",
        lambda row: _count(row.time_wait, row.likely_time_wait),
        10,
        10,
        2,
        align="right",
        descending=True,
    ),
    Column(
        "established",
        "ESTAB",
        lambda row: _count(row.established, row.likely_established),
        7,
        7,
        5,
        align="right",
        descending=True,
    ),
    Column(
        "other",
        "OTHER",
        lambda row: _count(row.other, _other_likely(row)),
        6,
        6,
        7,
        align="right",
        descending=True,
    ),
    Column("oldest", "OLDEST", lambda row: age_text(row.oldest), 7, 7, 3, align="right", descending=True),
)

PROCESS_COLUMNS: Final[tuple[Column, ...]] = (
    Column("pid", "PID", group_pid_text, 6, 8, -1, align="right"),
    Column("process", "PROCESS", group_name_text, 8, 14, 0, shortened=_shorten_process),
    Column("user", "USER", lambda row: row.user or NOTHING, 5, 8, 6, max_width=32),
    *_COUNTS,
    Column("rate", "RATE", group_rate_text, 7, 7, 4, align="right", descending=True),
    Column(
        "trend",
        "TREND",
        lambda row: sparks(row.trend.series) if row.trend is not None else "",
        8,
        12,
        8,
        align="right",
        max_width=MOST_SPARK_CELLS,
        always=False,
        descending=True,
        shortened=fit_sparks,
    ),
)

REMOTE_COLUMNS: Final[tuple[Column, ...]] = (
    Column("remote", "REMOTE", lambda row: row.name, 9, 21, 0, shortened=shorten_middle),
    Column("ports", "PORTS", lambda row: row.ports or NOTHING, 6, 8, 6, align="right"),
    *_COUNTS,
)


def widest(columns: Sequence[Column], rows: Sequence[SocketRow | GroupRow]) -> dict[str, int]:
    """The widest content of each column among these rows: what `layout.fit_columns` calls needs."""
    return {column.key: max((cell_width(column.text(row)) for row in rows), default=0) for column in columns}
