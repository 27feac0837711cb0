"""What the user asks for now: view, group, filter, order, pause. Becomes the query sent to the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sockview.model.columns import PROCESS_COLUMNS, REMOTE_COLUMNS, SOCKET_COLUMNS, Column
from sockview.model.query import VIEWS, Query, ViewName

if TYPE_CHECKING:
    from sockview.model.filter import Filter

COLUMNS: Final[dict[ViewName, Sequence[Column]]] = {
    "sockets": SOCKET_COLUMNS,
    "process": PROCESS_COLUMNS,
    "remote": REMOTE_COLUMNS,
}

#: The order that shows trouble first.
_FIRST_SORT: Final[dict[ViewName, str]] = {"sockets": "state", "process": "close_wait", "remote": "close_wait"}

#: Seconds between refreshes that + and - go through.
INTERVALS: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass(slots=True)
class Question:
    """Changed by keys; `query()` makes the frozen value that crosses the wire."""

    interval: float
    filter: str = ""
    view: ViewName = "sockets"
    group: str | None = None
    group_view: ViewName = "process"
    """The view that the group was opened from."""
    paused: bool = False
    sorts: dict[ViewName, tuple[str, bool]] = field(
        default_factory=lambda: {v: (s, False) for v, s in _FIRST_SORT.items()}
    )
    serial: int = 0

    @property
    def columns(self) -> Sequence[Column]:
        return COLUMNS[self.view]

    @property
    def good_filter(self) -> Filter | None:
        """The filter, understood; None if there is none, or it cannot be."""
        if not self.filter.strip():
            return None
        from sockview.model.filter import FilterError, parse_filter  # with the first word, as in filter_row

        try:
            return parse_filter(self.filter)
        except FilterError:
            return None

    @property
    def sort(self) -> str:
        return self.sorts[self.view][0]

    @property
    def reverse(self) -> bool:
        return self.sorts[self.view][1]

    def query(self, *, cursor: str | None, position: int, count: int) -> Query:
        """The next query, with a new serial."""
        self.serial += 1
        return Query(
            serial=self.serial,
            view=self.view,
            filter=self.filter,
            group=self.group,
            sort=self.sort,
            reverse=self.reverse,
            first=max(0, position - count // 2),
            count=count,
            cursor=cursor,
            position=position,
            paused=self.paused,
            interval=self.interval,
        )

    def next_view(self) -> None:
        self.group = None
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]

    def show_sockets(self) -> bool:
        """To the sockets of the whole table; False where they are shown already."""
        changed = self.view != "sockets" or self.group is not None
        self.view, self.group = "sockets", None
        return changed

    def open_group(self, key: str) -> None:
        self.group_view, self.view, self.group = self.view, "sockets", key

    def leave_group(self) -> str | None:
        """Back to the groups; the key of the group that was left."""
        key, self.group, self.view = self.group, None, self.group_view
        return key

    def sort_by(self, column: str) -> None:
        """Sort by this column; a second time reverses."""
        reverse = not self.reverse if column == self.sort else False
        self.sorts[self.view] = (column, reverse)

    def next_sort(self) -> None:
        keys = [column.key for column in self.columns]
        at = keys.index(self.sort) if self.sort in keys else -1
        self.sorts[self.view] = (keys[(at + 1) % len(keys)], False)

    def change_interval(self, step: int) -> bool:
        """To the next longer (1) or shorter (-1) interval; False if there is none."""
        before = self.interval
        if step > 0:
            self.interval = next((value for value in INTERVALS if value > self.interval), self.interval)
        else:
            self.interval = next((value for value in reversed(INTERVALS) if value < self.interval), self.interval)
        return self.interval != before
