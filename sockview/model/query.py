"""What a screen asks and what it gets: the frozen values that cross between the two processes.

The window of rows is small whatever the size of the table. A query states everything the reader
has to know, so a reader that was started anew needs no other word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sockview.model.finding import Finding
from sockview.model.trend import Trend

ViewName = Literal["sockets", "process", "remote"]
VIEWS: Final[tuple[ViewName, ...]] = ("sockets", "process", "remote")

#: The most rows one answer may hold.
MAX_WINDOW: Final = 1000
#: Bounds of what a query may hold; the wire refuses what is beyond them.
MAX_FILTER: Final = 1000
"""Characters of a filter."""
MAX_KEY: Final = 1000
"""Characters of a row's, group's or column's key."""
MAX_KEYS: Final = 100_000
"""Keys of one PidQuery."""
MIN_INTERVAL: Final = 0.1
MAX_INTERVAL: Final = 3600.0
"""Seconds between refreshes."""


# ------------------------------------------------------------------ screen -> reader
@dataclass(frozen=True, slots=True)
class Query:
    """What the screen shows now. Replaces any earlier query; answered at once, then after every refresh."""

    serial: int
    view: ViewName = "sockets"
    filter: str = ""
    group: str | None = None
    """Key of the group whose sockets are shown (view is then `sockets`)."""
    sort: str = "state"
    """Key of a column of the view."""
    reverse: bool = False
    first: int = 0
    """Index of the first wanted row; used when the cursor is None."""
    count: int = 100
    """Rows wanted around the cursor, at most MAX_WINDOW."""
    cursor: str | None = None
    """Key of the row under the cursor."""
    position: int = 0
    """Row number of the cursor as the screen knows it: where to look for a neighbour."""
    paused: bool = False
    interval: float = 1.0
    """Seconds between refreshes."""


def alike(one: Query, other: Query) -> bool:
    """Whether both ask for the same rows in the same order, wherever the cursor is."""
    same_rows = (one.filter, one.view, one.group) == (other.filter, other.view, other.group)
    return same_rows and (one.sort, one.reverse) == (other.sort, other.reverse)


@dataclass(frozen=True, slots=True)
class RefreshNow:
    """Collect now rather than at the end of the interval."""


@dataclass(frozen=True, slots=True)
class PidQuery:
    """Which PIDs to copy: of the rows with these keys, or of the whole filtered view."""

    serial: int
    keys: tuple[str, ...] | None = None
    """None: every row of the current query."""


# ------------------------------------------------------------------ reader -> screen
@dataclass(frozen=True, slots=True)
class Age:
    """Seconds in the present state, as a bound."""

    at_least: float
    at_most: float | None
    """None: unknown, it was in that state when sockview first looked."""

    @property
    def exact(self) -> bool:
        return self.at_most is not None and self.at_most - self.at_least < 1.5


@dataclass(frozen=True, slots=True)
class SocketRow:
    """A row of the view `sockets`, as text and numbers."""

    key: str
    netid: str
    state: int
    age: Age | None
    local: str
    remote: str
    recv_q: int | None
    send_q: int | None
    pid: int | None
    """The first owner's; None without an owner."""
    process: str
    """The first owner's name, or empty."""
    holders: int
    """How many processes own it."""
    certain: bool
    exited: bool
    no_owner: str | None
    """A value of NoOwner."""
    user: str
    candidates: int = 0
    """Without an owner: how many processes may have had it."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A row of the views `process` and `remote`: the sockets of one group, counted."""

    key: str
    pid: int | None
    name: str
    """Process name, or remote address; for sockets without an owner the reason in words."""
    user: str
    close_wait: int
    time_wait: int
    established: int
    other: int
    likely: int
    """How many of them are tied to it by likely evidence only."""
    oldest: Age | None
    """Of its CLOSE_WAIT sockets."""
    exited: bool = False
    ports: str = ""
    """View `remote`: the remote port if it is one and the same, else how many there are."""
    likely_time_wait: int = 0
    """How many of its TIME_WAIT sockets are tied to it by likely evidence only."""
    likely_close_wait: int = 0
    likely_established: int = 0
    """The same of those in CLOSE_WAIT and ESTABLISHED, such as ones that nobody has accepted yet."""
    trend: Trend | None = None
    """View `process`: of its CLOSE_WAIT sockets, where it never had any of its TIME_WAIT sockets."""


@dataclass(frozen=True, slots=True)
class StateLine:
    """One state in the histogram."""

    state: int
    count: int
    trend: Trend
    oldest: Age | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The state of the whole observation."""

    host: str
    source: str
    privileged: bool
    taken_at: float
    """Seconds since the epoch of the snapshot shown."""
    total: int
    """Sockets in the snapshot."""
    matched: int
    """Sockets that the filter lets through."""
    complete: bool
    warnings: tuple[str, ...]
    hidden: int
    """Sockets whose process this user may not see."""
    interval: float
    """Seconds between refreshes as asked for."""
    actual_interval: float
    """Seconds between refreshes as it is: longer when a collection takes long."""
    collect_seconds: float
    refreshes: int
    paused: bool
    tracing: bool = False
    """The kernel reports who opens and closes sockets."""
    why_not_tracing: str = ""
    """A few words; empty while it is traced, and where the source knows no tracing."""
    lost_reports: int = 0
    """Reports of the kernel that were lost since it is traced."""


@dataclass(frozen=True, slots=True)
class View:
    """The answer to a query: what the screen shows, and nothing more."""

    serial: int
    """Of the query it answers."""
    summary: Summary
    histogram: tuple[StateLine, ...]
    """Every state that occurs, CLOSE_WAIT and TIME_WAIT always, most urgent first."""
    first: int
    """Row number of rows[0]."""
    length: int
    """Number of rows of the whole view."""
    cursor: int
    """Row number of the cursor: its own row, or the neighbour of a row that went; 0 if empty."""
    rows: tuple[SocketRow, ...] = ()
    """Window of the view `sockets`."""
    groups: tuple[GroupRow, ...] = ()
    """Window of the views `process` and `remote`."""
    filter_error: str | None = None
    """Set when the filter text was refused: the rows are then those of the last good one."""
    group_name: str | None = None
    """Of the group whose sockets are shown."""
    findings: tuple[Finding, ...] = ()
    """Of the whole table, whatever the filter; most urgent first."""
    parameters: tuple[tuple[str, str], ...] = ()
    """(sysctl name, present value) of the kernel parameters that state cards name."""


@dataclass(frozen=True, slots=True)
class HeldSocket:
    """A CLOSE_WAIT of the process in the pane."""

    fd: int
    local: str
    remote: str
    age: Age | None
    recv_q: int | None


@dataclass(frozen=True, slots=True)
class Detail:
    """What the pane shows for the row under the cursor."""

    key: str
    title: str
    """The row in a few words."""
    evidence: tuple[str, ...]
    """How the owner is known, or why there is none: whole sentences."""
    states: tuple[tuple[int, int], ...] = ()
    """(state, count) of the process's sockets, most urgent first."""
    close_waits: tuple[HeldSocket, ...] = ()
    """The process's CLOSE_WAIT sockets, oldest first, a few."""
    close_wait_total: int = 0
    pid: int | None = None
    certain: bool = True
    """False: the process is the row's only by likely evidence."""
    name: str = ""
    command: str = ""
    user: str | None = None
    parents: tuple[str, ...] = ()
    started_at: float | None = None
    cpu_percent: float | None = None
    memory_bytes: int | None = None
    threads: int | None = None
    descriptors: int | None = None
    descriptor_limit: int | None = None
    cwd: str | None = None
    problem: str | None = None
    """A sentence when the process has gone or may not be read."""
    trends: tuple[tuple[int, Trend], ...] = ()
    """(state, trend) of the process's CLOSE_WAIT and TIME_WAIT sockets, those that ever were."""
    findings: tuple[Finding, ...] = ()
    """That are about this process."""


@dataclass(frozen=True, slots=True)
class Pids:
    """The answer to a PidQuery."""

    serial: int
    certain: tuple[int, ...]
    """Distinct, ascending."""
    likely: tuple[int, ...]
    """Distinct, ascending, without those that are certain."""
    ownerless: int
    """Rows without any owner."""
    hidden: bool = False
    """A process of one of these may not be looked into."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something failed in the reader; the sentence is for the user."""

    text: str


#: What may cross in each direction.
FromScreen = Query | RefreshNow | PidQuery
FromReader = View | Detail | Pids | Trouble
