"""A reader's refreshes with the processor time of each phase, in this process, as the reader process has them."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from cProfile import Profile
from types import TracebackType
from typing import Final, Self, TypeVar

from sockview.collect.native import NativeSource
from sockview.collect.open_trace import open_trace
from sockview.draining import Draining
from sockview.model.observation import Observation
from sockview.model.query import Query, View
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.view import ViewMaker
from sockview.refresh import Refresh

#: What a refresh is made of; "reports" is taking in, meanwhile, who opened and closed sockets.
PHASES: Final = ("reports", "collect", "join", "diagnose", "show", "answer")

_Result = TypeVar("_Result")


class Phases:
    """Seconds of processor time in each phase since the last `clear`; profiles where they are wanted.

    A phase within another is not counted for the outer one.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.profiles: dict[str, Profile] | None = None
        self._open: list[str] = []
        self._profile: Profile | None = None
        self._since = 0.0

    def run(self, phase: str, action: Callable[[], _Result]) -> _Result:
        """Do it in that phase."""
        self._end_part()
        self._open.append(phase)
        self._begin_part()
        try:
            return action()
        finally:
            self._end_part()
            self._open.pop()
            self._begin_part()

    def _begin_part(self) -> None:
        if self._open and self.profiles is not None:
            self._profile = self.profiles.setdefault(self._open[-1], Profile())
            self._profile.enable()
        self._since = time.process_time()

    def _end_part(self) -> None:
        if self._open:
            self.seconds[self._open[-1]] += time.process_time() - self._since
        if self._profile is not None:
            self._profile.disable()
            self._profile = None

    def steps(self, phase: str, steps: Generator[None, None, _Result]) -> Generator[None, None, _Result]:
        """The same steps, each counted for the phase."""
        while True:
            try:
                self.run(phase, lambda: next(steps))
            except StopIteration as end:
                result: _Result = end.value
                return result
            yield


class _Source:
    def __init__(self, source: NativeSource, phases: Phases) -> None:
        self._source, self._phases = source, phases

    def collect(self) -> Generator[None, None, Snapshot]:
        return self._phases.steps("collect", self._source.collect())

    def drain(self) -> bool:
        return self._phases.run("reports", self._source.drain)


class _Observation(Observation):
    phases: Phases

    def add(self, snapshot: Snapshot) -> Generator[None, None, SocketTable]:
        return self.phases.steps("join", super().add(snapshot))


class _Views(ViewMaker):
    phases: Phases

    def show(self, table: SocketTable, query: Query) -> Generator[None, None, None]:
        return self.phases.steps("show", super().show(table, query))


class SteadyReader:
    """One source, one memory and one view that live on from refresh to refresh. Use as a context manager."""

    def __init__(self, query: Query) -> None:
        self.phases = Phases()
        self._trace = open_trace(onlooker=os.getpid())
        source = _Source(NativeSource(trace=self._trace), self.phases)
        self.refreshes = Refresh(source, time.monotonic, self._observation, self._views())
        self.refreshes.query = query
        self._draining = Draining(source, time.monotonic)

    def _observation(self) -> Observation:
        observation = _Observation()
        observation.phases = self.phases
        return observation

    def _views(self) -> ViewMaker:
        views = _Views()
        views.phases = self.phases
        return views

    def refresh(self) -> View:
        """One refresh and its answer. What the other phases do not have of it is the diagnosis, and the pacing."""
        refreshes, ends = self.refreshes, self.refreshes.ends
        refreshes.refresh_now()
        while refreshes.ends == ends:
            trouble = self.phases.run("diagnose", refreshes.advance)
            if trouble is not None:
                raise RuntimeError(trouble.text)
        view = self.phases.run("answer", lambda: refreshes.views.answer(refreshes.query, refreshes.pace))
        assert view is not None
        return view

    @property
    def table(self) -> SocketTable:
        assert self.refreshes.shown is not None
        return self.refreshes.shown

    def rest_until(self, moment: float) -> None:
        """Wait until that moment of the monotonic clock, and take in meanwhile what the kernel reports."""
        while (left := moment - time.monotonic()) > 0:
            self._draining.advance()
            time.sleep(min(left, self._draining.wait_seconds()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._trace.close()
