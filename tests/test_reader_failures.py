"""The reader's loop when something is slow or fails: it says so, and the rest goes on."""

from __future__ import annotations

import contextlib
import gc
import socket
import weakref
from collections.abc import Generator
from itertools import pairwise

import pytest

from sockview.errors import CollectError
from sockview.model.observation import Observation
from sockview.model.query import Detail, Query, RefreshNow, Trouble, View
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.view import Pace, ViewMaker
from sockview.reader import Reader
from sockview.refresh import MAX_BACK_OFF
from sockview.wire import MAX_LINE, encode
from tests.reader_bench import Bench, BenchClock, ScriptedProcesses, ScriptedSource


# ------------------------------------------------------------------ pace
def test_the_interval_counts_from_start_to_start() -> None:
    with Bench() as bench:
        bench.source.step_seconds = 0.05
        view = bench.ask(Query(serial=1, interval=1.0))
        assert view.summary.actual_interval == 1.0
        assert view.summary.collect_seconds == pytest.approx(0.1)
        bench.pass_time(0.89)
        assert len(bench.source.starts) == 1
        bench.pass_time(0.02)
        assert len(bench.source.starts) == 2


def test_a_slow_collection_stretches_the_interval_visibly() -> None:
    with Bench() as bench:
        bench.source.step_seconds = 1.0
        view = bench.ask(Query(serial=1, interval=1.0))
        assert view.summary.interval == 1.0
        bench.pass_time(3.9)
        assert len(bench.source.starts) == 1
        bench.pass_time(0.2)
        assert len(bench.source.starts) == 2
        assert bench.source.starts[1] - bench.source.starts[0] >= 6.0
        assert bench.received_of(View)[-1].summary.actual_interval == pytest.approx(6.0)


def test_another_interval_counts_at_once() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1, interval=60.0))
        bench.pass_time(5.0)
        assert len(bench.source.starts) == 1
        bench.send(Query(serial=2, interval=5.0))
        bench.settle()
        assert len(bench.source.starts) == 2


# ------------------------------------------------------------------ failures
def test_a_source_that_cannot_read_says_so_and_is_tried_again() -> None:
    with Bench() as bench:
        bench.source.error = CollectError("No socket table; run as root.")
        bench.send(Query(serial=1))
        bench.settle()
        assert bench.received() == [Trouble("No socket table; run as root.")]
        bench.source.error = None
        bench.pass_time(1.0)
        assert [type(message) for message in bench.received()] == [View, Detail]


def test_attempts_that_fail_grow_rarer_and_recover() -> None:
    with Bench() as bench:
        bench.source.error = CollectError("no")
        bench.send(Query(serial=1))
        for _ in range(2400):  # 300 s in steps that floats add exactly
            bench.pass_time(0.125)
        starts = bench.source.starts
        gaps = [later - earlier for earlier, later in pairwise(starts)]
        assert gaps[0] < 1.5 and gaps[-1] == pytest.approx(MAX_BACK_OFF, abs=0.5)
        assert gaps == sorted(gaps)
        bench.source.error = None
        bench.pass_time(MAX_BACK_OFF)
        tries = len(starts)
        bench.pass_time(1.0)
        assert len(starts) == tries + 1, "after a success the interval is as before"


def test_refresh_now_does_not_wait_for_the_back_off() -> None:
    with Bench() as bench:
        bench.source.error = CollectError("no")
        bench.settle()
        bench.source.error = None
        bench.send(Query(serial=1), RefreshNow())
        bench.settle()
        assert bench.received_of(View)[-1].serial == 1


def test_an_unexpected_exception_says_what_failed_and_where() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1))
        bench.source.error = ValueError("odd \x1b]52;c;eA==\x07 name")
        bench.pass_time(1.0)
        (trouble,) = bench.received_of(Trouble)
        assert trouble.text.startswith("Reading the sockets failed: ValueError: odd \\x1b]52;c;eA==\\x07 name")
        assert "(reader_bench.py:" in trouble.text
        assert len(bench.ask(Query(serial=2)).rows) == 3, "the last table still answers"


class BrokenJoin(Observation):
    """Fails while `broken`; counts how often a memory was made."""

    broken = True
    made = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1

    def add(self, snapshot: Snapshot) -> Generator[None, None, SocketTable]:
        yield
        if self.broken:
            raise KeyError(snapshot.host)
        return (yield from super().add(snapshot))


def test_a_join_that_fails_keeps_its_memory_once_then_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BrokenJoin, "made", 0)
    monkeypatch.setattr(BrokenJoin, "broken", True)
    with Bench(make_observation=BrokenJoin) as bench:
        bench.send(Query(serial=1))
        bench.settle()
        assert "Joining sockets with processes failed: KeyError" in bench.received_of(Trouble)[0].text
        assert BrokenJoin.made == 1
        bench.pass_time(1.0)
        assert "given up" in bench.received_of(Trouble)[0].text
        assert BrokenJoin.made == 2
        BrokenJoin.broken = False
        bench.pass_time(2.0)
        assert len(bench.received_of(View)[-1].rows) == 3


class BrokenViews(ViewMaker):
    """Fails in `show`, `prepare` or `answer` when told to."""

    in_show = False
    in_prepare = False
    in_answer = False

    def show(self, table: SocketTable, query: Query) -> Generator[None, None, None]:
        if self.in_show:
            raise IndexError("show")
        return super().show(table, query)

    def prepare(self, query: Query) -> Generator[None, None, None]:
        yield
        if self.in_prepare:
            raise IndexError("prepare")
        yield from super().prepare(query)

    def answer(self, query: Query, pace: Pace) -> View | None:
        if self.in_answer:
            raise IndexError("answer")
        return super().answer(query, pace)


@pytest.mark.parametrize("part", ["prepare", "answer"])
def test_a_view_that_cannot_be_made_is_said_and_the_next_query_is_answered(part: str) -> None:
    views = BrokenViews()
    with Bench(views=views) as bench:
        bench.ask(Query(serial=1))
        setattr(views, f"in_{part}", True)
        bench.send(Query(serial=2))
        bench.settle()
        (trouble,) = bench.received()
        assert isinstance(trouble, Trouble)
        assert trouble.text.startswith(f"Making the view failed: IndexError: {part} (test_reader_failures.py:")
        setattr(views, f"in_{part}", False)
        assert bench.ask(Query(serial=3)).serial == 3


@pytest.mark.parametrize("paused", [False, True])
def test_a_table_that_cannot_be_shown_leaves_the_one_before(paused: bool) -> None:
    views = BrokenViews()
    with Bench(views=views) as bench:
        bench.ask(Query(serial=1, paused=paused))
        bench.source.count = 5
        bench.pass_time(1.0)
        bench.received()
        views.in_show = True
        bench.source.count = 7
        bench.send(Query(serial=2))
        bench.pass_time(1.0)
        messages = bench.received()
        (trouble,) = [message for message in messages if isinstance(message, Trouble)]
        assert "Ordering the rows failed" in trouble.text
        views.in_show = False
        assert len(bench.ask(Query(serial=3)).rows) == (3 if paused else 5)
        bench.pass_time(2.0)
        assert len(bench.received_of(View)[-1].rows) == 7


def test_a_pane_that_fails_leaves_the_rest_alone() -> None:
    with Bench() as bench:
        bench.processes.error = ZeroDivisionError("no ticks")
        bench.send(Query(serial=1))
        bench.settle()
        view, trouble = bench.received()
        assert isinstance(view, View) and isinstance(trouble, Trouble)
        assert trouble.text.startswith("Describing the process failed: ZeroDivisionError: no ticks")


def test_a_damaged_line_is_named_and_the_next_is_answered() -> None:
    with Bench() as bench:
        bench.settle()
        bench.wire.sendall(b'{"type": "Query"\n\xff\n' + encode(Trouble("foreign")) + encode(Query(serial=1)))
        bench.turn()
        messages = bench.received()
        assert [type(message) for message in messages] == [Trouble, Trouble, Trouble, View]
        texts = [message.text for message in messages if isinstance(message, Trouble)]
        assert "no JSON" in texts[0] and "no JSON" in texts[1] and "does not come from the screen" in texts[2]


def test_an_endless_line_ends_the_reader() -> None:
    ours, theirs = socket.socketpair()
    clock = BenchClock()
    reader = Reader(ScriptedSource(clock), ScriptedProcesses(), theirs, clock)
    with ours:
        ours.setblocking(False)
        sent = 0
        while reader.turn(wait=False):
            assert sent < 2 * MAX_LINE
            sent += ours.send(b"x" * 65536)
        reader.run()
        assert b"longer than" in ours.recv(65536)


class Knot:
    """Garbage that only the cycle collector finds."""

    def __init__(self) -> None:
        self.itself = self


def test_cyclic_garbage_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockview.reader.TIDY_EVERY", 5)
    with Bench() as bench, collector_off():
        knot = weakref.ref(Knot())
        assert knot() is not None
        for _ in range(4):
            bench.pass_time(1.0)
        assert knot() is not None
        bench.pass_time(1.0)
        bench.turn()
        assert knot() is None


@contextlib.contextmanager
def collector_off() -> Generator[None, None, None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
