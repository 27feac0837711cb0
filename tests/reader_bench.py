"""A reader on the test bench: scripted sources, a clock that stands still, and turns taken by hand."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TypeVar

from sockview.model.inet_socket import InetSocket
from sockview.model.observation import Observation
from sockview.model.query import FromReader, FromScreen, Query, View
from sockview.model.snapshot import Snapshot
from sockview.model.sources import ProcessDetail
from sockview.model.view import ViewMaker
from sockview.reader import Reader
from sockview.wire import LineBuffer, decode_from_reader, encode
from tests.model.builders import make_process, make_snapshot, make_socket

_M = TypeVar("_M", bound=FromReader)

WORKER = make_process(7306)


class BenchClock:
    """Seconds that pass only when somebody says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def leaky_sockets(count: int) -> list[InetSocket]:
    """CLOSE_WAIT sockets with the cookies 1000, 1001 and so on."""
    return [make_socket("CLOSE_WAIT", remote=f"10.2.3.4:{1000 + n}", cookie=1000 + n) for n in range(count)]


class ScriptedSource:
    """Collects in `steps` steps of `step_seconds`, finds `count` sockets of one process, raises `error` if set."""

    def __init__(self, clock: BenchClock) -> None:
        self.clock = clock
        self.count = 3
        self.steps = 2
        self.step_seconds = 0.0
        self.error: Exception | None = None
        self.taken = 0
        """Steps taken so far in all collections."""
        self.starts: list[float] = []
        """When each collection started."""
        self.running = 0
        self.reports = False
        """What `drain` answers."""
        self.drained: list[float] = []
        """When it was called."""
        self.drain_error: Exception | None = None
        self.drain_seconds = 0.0

    def drain(self) -> bool:
        self.drained.append(self.clock.now)
        if self.drain_error is not None:
            raise self.drain_error
        self.clock.now += self.drain_seconds
        return self.reports

    def collect(self) -> Generator[None, None, Snapshot]:
        self.starts.append(self.clock.now)
        self.running += 1
        assert self.running == 1, "two collections at once"
        try:
            for _ in range(self.steps):
                self.clock.now += self.step_seconds
                self.taken += 1
                yield
            if self.error is not None:
                raise self.error
            sockets = leaky_sockets(self.count)
            return make_snapshot(sockets, {WORKER: sockets}, clock=self.clock.now)
        finally:
            self.running -= 1


class ScriptedProcesses:
    """Tells made-up details of any process, and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.error: Exception | None = None

    def read(self, pid: int, started: int) -> ProcessDetail:
        self.asked.append(pid)
        if self.error is not None:
            raise self.error
        return ProcessDetail(
            pid=pid,
            name="gunicorn",
            command="gunicorn: worker",
            user="www-data",
            parents=("1 init",),
            started_at=float(started),
            cpu_percent=4.0,
            memory_bytes=1 << 20,
            threads=1,
            descriptors=12,
            descriptor_limit=1024,
            cwd="/",
        )


class Bench:
    """A Reader and the screen's end of its wire, in one process."""

    def __init__(
        self, make_observation: Callable[[], Observation] = Observation, views: ViewMaker | None = None
    ) -> None:
        self.clock = BenchClock()
        self.source = ScriptedSource(self.clock)
        self.processes = ScriptedProcesses()
        self.wire, theirs = socket.socketpair()
        self.wire.setblocking(False)
        self.reader = Reader(self.source, self.processes, theirs, self.clock, make_observation, views)
        self._lines = LineBuffer()

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.wire.close()
        self.reader.run()

    def send(self, *messages: FromScreen) -> None:
        self.wire.sendall(b"".join(map(encode, messages)))

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.reader.turn(wait=False)

    def settle(self) -> None:
        """Turns until the reader would wait: whatever runs has finished and nothing is unanswered."""
        for _ in range(10_000):
            self.turn()
            if self.reader.wait_seconds() > 0:
                return
        raise AssertionError("the reader never comes to rest")

    def received(self) -> list[FromReader]:
        """What has arrived on the screen's side since the last look."""
        messages: list[FromReader] = []
        while True:
            try:
                chunk = self.wire.recv(1 << 20)
            except BlockingIOError:
                return messages
            if not chunk:
                return messages
            messages += [decode_from_reader(line) for line in self._lines.feed(chunk)]

    def received_of(self, kind: type[_M]) -> list[_M]:
        """Those of one kind; the others are dropped."""
        return [message for message in self.received() if isinstance(message, kind)]

    def ask(self, query: Query) -> View:
        """The view that answers this query, as the last of those that came."""
        self.send(query)
        self.settle()
        view = self.received_of(View)[-1]
        assert view.serial == query.serial
        return view

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on, and do what is due."""
        self.clock.now += seconds
        self.settle()
