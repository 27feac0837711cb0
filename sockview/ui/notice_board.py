"""Which notices are due: what failed stays until the reader has been all right again. Pure."""

from __future__ import annotations

import time
from typing import Final

from sockview.model.query import Summary
from sockview.ui.notices import notices_of

#: Seconds for which a new reader's lack of memory is said.
ANEW_SECONDS: Final = 60.0
#: A refresh is late after this many intervals, and at least after so many seconds.
LATE_INTERVALS: Final = 3.0
LATE_SECONDS: Final = 4.0


class NoticeBoard:
    """Collects what goes wrong and forgets it when it is over."""

    def __init__(self) -> None:
        self._summary: Summary | None = None
        self._lost: str | None = None
        self._anew_at: float | None = None
        self._troubles: dict[str, int] = {}

    def reader_lost(self, sentence: str) -> None:
        """The reader has died; said until the first view of the next one."""
        self._lost = sentence

    def trouble(self, sentence: str) -> None:
        """A part of the reader failed; said until a later refresh is there."""
        self._troubles[sentence] = self._summary.refreshes if self._summary is not None else 0

    def view(self, summary: Summary) -> None:
        """A view has come."""
        if self._lost is not None:
            self._anew_at = summary.taken_at
        self._summary, self._lost = summary, None
        self._troubles = {text: at for text, at in self._troubles.items() if at >= summary.refreshes}

    def not_of_now(self, now: float) -> str:
        """Why what is shown is older than it may seem; empty while it is not. `now` in seconds since the epoch."""
        if self._summary is not None and self._summary.paused:
            return f"paused at {_time_text(self._summary.taken_at)}"
        return next(iter(self._lost_or_late(now)), "")

    def notices(self, now: float) -> list[str]:
        """Whole sentences, most urgent first; `now` in seconds since the epoch."""
        lost = self._lost_or_late(now)
        if self._anew_at is not None and now - self._anew_at < ANEW_SECONDS:
            at = _time_text(self._anew_at)
            lost.append(f"The reader started anew at {at}: ages, trends and remembered owners count from there")
        return notices_of(self._summary, [*lost, *self._troubles])

    def _lost_or_late(self, now: float) -> list[str]:
        return [self._lost] if self._lost is not None else self._late(now)

    def _late(self, now: float) -> list[str]:
        """The rows are old and nobody asked for that: the reader is stuck, or stopped."""
        summary = self._summary
        if summary is None or summary.paused:
            return []
        late = now - summary.taken_at - summary.actual_interval - summary.collect_seconds
        if late < max(LATE_SECONDS, LATE_INTERVALS * summary.actual_interval):
            return []
        return [f"The reader does not answer: the rows are those of {_time_text(summary.taken_at)}"]


def _time_text(at: float) -> str:
    """Seconds since the epoch as local time."""
    return time.strftime("%H:%M:%S", time.localtime(at))
