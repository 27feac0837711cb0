"""One refresh after another, never two at once: collect, join, show, as one chain of small steps.

The chain is advanced by whoever holds it, step by step, so that queries are answered in between.
When the next one is due depends on what the last one cost: collecting takes at most about a third
of one core, whatever interval is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import StrEnum
from typing import Final

from sockview.diagnosed import diagnose_steps
from sockview.failure_text import failure_text
from sockview.model.diagnosis import Diagnosis
from sockview.model.observation import Observation
from sockview.model.query import Query, Trouble
from sockview.model.socket_table import SocketTable
from sockview.model.sources import SocketSource
from sockview.model.thresholds import Thresholds
from sockview.model.view import Pace, ViewMaker

#: The time from one start to the next is at least this many times the work of the refresh.
WORK_SHARE: Final = 3.0
#: Longest pause in seconds between attempts that fail, unless the interval is longer.
MAX_BACK_OFF: Final = 30.0

Clock = Callable[[], float]


class Part(StrEnum):
    """What the chain is at; the value is how a failure of it begins."""

    COLLECT = "Reading the sockets"
    JOIN = "Joining sockets with processes"
    SHOW = "Ordering the rows"


class Refresh:
    """The chain, its schedule and its memory.

    `query` is what the screen asks now: it decides the interval, the order that is prepared and
    whether a new table is shown.
    """

    def __init__(
        self,
        source: SocketSource,
        clock: Clock,
        make_observation: Callable[[], Observation] = Observation,
        views: ViewMaker | None = None,
        thresholds: Thresholds | None = None,
    ) -> None:
        self._diagnosis = Diagnosis(Thresholds() if thresholds is None else thresholds)
        self.query = Query(serial=0)
        self.views = ViewMaker() if views is None else views
        self.shown: SocketTable | None = None
        """The table that answers come from."""
        self.ends = 0
        """How many refreshes have ended, well or not, those that end a pause included."""
        self._source = source
        self._clock = clock
        self._make_observation = make_observation
        self._observation = make_observation()
        self._latest: SocketTable | None = None
        self._steps: Generator[None, None, None] | None = None
        self._part = Part.COLLECT
        self._collecting = False
        self._show_once = False
        self._now = True
        self._started = self._ended = clock()
        self._work = self._last_work = 0.0
        self._refreshes = 0
        self._failures = 0

    @property
    def running(self) -> bool:
        return self._steps is not None

    @property
    def pace(self) -> Pace:
        """How fast refreshes come, as asked for and as it is."""
        return Pace(
            interval=self.query.interval,
            actual_interval=self._interval(),
            collect_seconds=self._last_work,
            refreshes=self._refreshes,
            paused=self.query.paused,
        )

    # ------------------------------------------------------------ when
    def refresh_now(self) -> None:
        """Start at once if none runs. While paused, show that one table and stay paused."""
        self._show_once = True
        self._now = not self._collecting

    def wait_seconds(self) -> float:
        """Until there is something to do; 0 when there is."""
        if self.running or self._now or self._behind():
            return 0.0
        return max(0.0, self._due() - self._clock())

    def _interval(self) -> float:
        return max(self.query.interval, WORK_SHARE * self._last_work)

    def _due(self) -> float:
        if self._failures:
            back_off = min(MAX_BACK_OFF, 2.0 ** min(self._failures - 1, 10))
            return self._ended + max(self.query.interval, back_off)
        return self._started + self._interval()

    def _behind(self) -> bool:
        """A pause has ended, and a newer table than the one shown is there."""
        return not self.query.paused and self._latest is not self.shown

    # ------------------------------------------------------------ the chain
    def advance(self) -> Trouble | None:
        """Start a refresh if it is time, or take one step of the one that runs."""
        if self._steps is None:
            if self.wait_seconds() > 0.0:
                return None
            self._collecting = self._now or not self._behind()
            self._steps = self._whole() if self._collecting else self._catch_up()
        return self._step(self._steps)

    def _step(self, steps: Generator[None, None, None]) -> Trouble | None:
        before = self._clock()
        trouble = None
        try:
            next(steps)
        except StopIteration:
            self._steps = None
        except Exception as error:
            self._steps = None
            trouble = self._failed(error)
        after = self._clock()
        self._work += after - before
        if self._steps is None:
            self.ends += 1
            self._collecting = False
            self._ended = after
            self._last_work = self._work
        return trouble

    def _whole(self) -> Generator[None, None, None]:
        self._now = False
        self._started = self._clock()
        self._work = 0.0
        self._part = Part.COLLECT
        snapshot = yield from self._source.collect()
        self._part = Part.JOIN
        table = yield from self._observation.add(snapshot)
        yield from diagnose_steps(table, self._diagnosis)
        self._latest = table
        if self.shown is None or self._show_once or not self.query.paused:
            yield from self._show(self._latest)
        self._show_once = False
        self._failures = 0
        self._refreshes += 1

    def _catch_up(self) -> Generator[None, None, None]:
        if self._latest is not None:
            yield from self._show(self._latest)

    def _show(self, table: SocketTable) -> Generator[None, None, None]:
        self._part = Part.SHOW
        yield from self.views.show(table, self.query)
        self.shown = table

    def _failed(self, error: Exception) -> Trouble:
        self._failures += 1
        then = "it is tried again"
        if self._part is Part.JOIN and self._failures > 1:
            # An abandoned join leaves the memory as it was; if it fails again, the memory is the cause.
            self._observation = self._make_observation()
            then = "what was remembered of earlier sockets is given up, and it is tried again"
        elif self._part is Part.SHOW:
            # The table that could not be shown is given up, or it would be tried without a pause.
            self._latest = self.shown
        return Trouble(failure_text(self._part.value, error, then))
