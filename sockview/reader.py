"""The reader: looks into the kernel, keeps the memory, and answers what the screen asks.

One loop without threads. Each turn looks at the wire, works for a moment on the answer to the newest
query, from the table that is there, and takes one small step of the refresh that runs; so an answer
waits for a step, never for a refresh, and a newer query never for the answer to an older one. The
reader ends when the screen has gone.
"""

from __future__ import annotations

import gc
import signal
import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from sockview.channel import Channel
from sockview.draining import Draining
from sockview.failure_text import failure_text
from sockview.model.observation import Observation
from sockview.model.pane import Describer, with_process
from sockview.model.query import FromScreen, PidQuery, Query, RefreshNow, Trouble, View, alike
from sockview.model.sources import ProcessDetail, ProcessSource, SocketSource
from sockview.model.view import ViewMaker
from sockview.parent_death import die_with_parent
from sockview.refresh import Clock, Refresh
from sockview.settings import SOURCES, SourceKind

if TYPE_CHECKING:
    from sockview.model.snapshot import Snapshot
    from sockview.model.socket_table import SocketTable

_KINDS: Final[dict[str, SourceKind]] = {kind: kind for kind in SOURCES}

#: Refreshes between two looks for cyclic garbage, see main().
TIDY_EVERY: Final = 100
#: Seconds of work on an answer, or on the pane, between two looks at the wire.
SLICE: Final = 0.01
#: Questions for PIDs that may wait for the first table.
MAX_EARLY_QUESTIONS: Final = 32


class Reader:
    """The loop over one connection to a screen, which it closes at the end."""

    def __init__(
        self,
        source: SocketSource,
        processes: ProcessSource,
        connection: socket.socket,
        clock: Clock = time.monotonic,
        make_observation: Callable[[], Observation] = Observation,
        views: ViewMaker | None = None,
    ) -> None:
        self._channel = Channel(connection)
        self._clock = clock
        self._processes = processes
        self._refresh = Refresh(source, clock, make_observation, views)
        self._draining = Draining(source, clock)
        self._asked = False
        self._unanswered = False
        self._preparing: Generator[None, None, None] | None = None
        """Work on the answer to the newest query, while that is unanswered."""
        self._early: list[PidQuery] = []
        self._describer = Describer()
        self._cursor: str | None = None
        """The row that is still to be described, and how far that has got."""
        self._describing: Iterator[None] | None = None
        self._untidied = 0

    def run(self) -> None:
        """Until the screen has gone."""
        try:
            while self.turn():
                pass
        except Exception as error:
            self._channel.send(Trouble(failure_text("The reader's loop", error, "the reader ends")))
            raise
        finally:
            self._channel.close()

    def turn(self, wait: bool = True) -> bool:
        """One look at the wire, one slice of an answer, at most one step. False when the screen has gone."""
        seconds = self.wait_seconds()
        if self._untidied >= TIDY_EVERY and seconds > 0:
            self._untidied = 0
            gc.collect()
        for message in self._channel.receive(self.longest_wait() if wait else 0.0):
            self._take(message)
        trouble = self._draining.advance()
        if trouble is not None:
            self._channel.send(trouble)
        if not self._channel.is_open:
            return False
        if self._unanswered:
            self._work_on_answer()
        elif self._cursor is not None:
            self._describe()
        self._advance()
        return self._channel.is_open

    def wait_seconds(self) -> float:
        """How long nothing but a message from the screen needs to be done."""
        busy = self._unanswered or self._cursor is not None
        return 0.0 if busy else self._refresh.wait_seconds()

    def longest_wait(self) -> float:
        """How long a turn may wait for the screen: until there is work, or something to be drained."""
        return min(self.wait_seconds(), self._draining.wait_seconds())

    # ------------------------------------------------------------ what the screen says
    def _take(self, message: FromScreen | Trouble) -> None:
        match message:
            case Query():
                # Only the newest of those that are waiting is answered.
                if not alike(message, self._refresh.query):
                    self._preparing = None
                self._refresh.query = message
                self._asked = self._unanswered = True
            case PidQuery():
                if self._unanswered:
                    # It means the rows of the query before it, not of one that comes after it.
                    self._answer()
                self._answer_pids(message)
            case RefreshNow():
                self._refresh.refresh_now()
            case Trouble():
                self._channel.send(message)

    # ------------------------------------------------------------ what it is told
    def _work_on_answer(self) -> None:
        """Prepare the answer for a slice of time; give it when it is ready."""
        until = self._clock() + SLICE
        if self._preparing is None:
            self._preparing = self._refresh.views.prepare(self._refresh.query)
        try:
            for _ in self._preparing:
                if self._clock() >= until:
                    return
        except Exception as error:
            self._unanswered, self._preparing = False, None
            self._fail("Making the view", error)
            return
        self._answer()

    def _answer(self) -> None:
        """The view of the newest query; before the first table nothing, it follows the refresh."""
        self._unanswered, self._preparing = False, None
        try:
            view = self._refresh.views.answer(self._refresh.query, self._refresh.pace)
        except Exception as error:
            self._fail("Making the view", error)
            return
        if view is not None:
            self._channel.send(view)
            self._point_at(_cursor_key(view))

    def _answer_pids(self, request: PidQuery) -> None:
        if self._refresh.shown is None:
            if len(self._early) >= MAX_EARLY_QUESTIONS:
                self._channel.send(Trouble("There is no table yet to take PIDs from; copy again in a moment."))
            else:
                self._early.append(request)
            return
        try:
            self._channel.send(self._refresh.views.pids(request))
        except Exception as error:
            self._fail("Gathering the PIDs", error)

    def _describe(self) -> None:
        """Work on the pane of the row under the cursor for a slice of time."""
        key, table = self._cursor, self._refresh.shown
        if self._describing is None:
            self._describing = self._pane_steps(table, key) if table is not None and key is not None else iter(())
        until = self._clock() + SLICE
        try:
            for _ in self._describing:
                if self._clock() >= until:
                    return  # there is more to do: the cursor stays to be described
        except Exception as error:
            self._fail("Describing the process", error)
        self._point_at(None)

    def _pane_steps(self, table: SocketTable, key: str) -> Generator[None, None, None]:
        """Send what is known of the row; a message of its own, since processes are slow to read."""
        found = yield from self._describer.steps(table, key)
        if found is None:
            return
        detail, process = found
        if process is not None:
            detail = with_process(detail, self._processes.read(process.pid, process.started))
        self._channel.send(detail)

    def _point_at(self, key: str | None) -> None:
        """The row that is to be described, in the table that is shown."""
        self._cursor, self._describing = key, None

    def _fail(self, what: str, error: Exception) -> None:
        self._channel.send(Trouble(failure_text(what, error, "the rest goes on")))

    # ------------------------------------------------------------ refreshing
    def _advance(self) -> None:
        ends = self._refresh.ends
        trouble = self._refresh.advance()
        has_ended = self._refresh.ends > ends
        self._untidied += has_ended
        if trouble is not None:
            self._channel.send(trouble)
        elif has_ended:
            self._after_refresh()

    def _after_refresh(self) -> None:
        if self._asked:
            self._unanswered, self._preparing = True, None
            self._work_on_answer()
        early, self._early = self._early, []
        for request in early:
            self._answer_pids(request)


def _cursor_key(view: View) -> str | None:
    rows = view.rows or view.groups
    at = view.cursor - view.first
    return rows[at].key if 0 <= at < len(rows) else None


class _LateSource:
    """Opens the real source at the first collection, so that a failure is said like any other."""

    def __init__(self, kind: SourceKind, proc: str, trace: bool) -> None:
        self._kind = kind
        self._proc = proc
        self._trace = trace
        self._opened: SocketSource | None = None

    def collect(self) -> Generator[None, None, Snapshot]:
        if self._opened is None:
            from sockview.collect.sources import open_source

            self._opened = open_source(self._kind, self._proc, self._trace)
        return (yield from self._opened.collect())

    def drain(self) -> bool:
        return self._opened is not None and self._opened.drain()


class _LateProcesses:
    """Opens the real source at the first look: it imports psutil, which the first table need not wait for."""

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._opened: ProcessSource | None = None

    def read(self, pid: int, started: int) -> ProcessDetail:
        if self._opened is None:
            from sockview.collect.sources import open_processes

            self._opened = open_processes(self._proc)
        return self._opened.read(pid, started)


def main(argv: Sequence[str]) -> int:
    """Serve the screen on an inherited socket.

    `argv`: its descriptor, the source's kind, the /proc to read, 1 to listen to who closes sockets or 0.
    """
    descriptor, kind, proc, trace = argv
    die_with_parent()
    # Ctrl+C is the screen's key. SIGTERM ends the reader at once: it has nothing to tidy.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    connection = socket.socket(fileno=int(descriptor))
    connection.set_inheritable(False)
    reader = Reader(_LateSource(_KINDS[kind], proc, trace == "1"), _LateProcesses(proc), connection)
    # A table is 100,000 tuples without a cycle among them. Left alone, the collector walks all of them again and
    # again while the next table is made: with 60,000 sockets a refresh took 290 ms instead of 161, one step 110 ms
    # instead of 31, and nothing was ever found. Cycles come of exceptions alone, so a look now and then will do,
    # when the reader is idle (20 ms).
    gc.freeze()
    gc.disable()
    reader.run()
    return 0
