"""Answers that take long: made in slices, and what may come in between."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator

from sockview.model.query import PidQuery, Pids, Query, View
from sockview.model.view import ViewMaker
from sockview.reader import SLICE
from tests.reader_bench import Bench


class LongViews(ViewMaker):
    """Prepares an answer in `slices` more slices of time than it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.bench: Bench | None = None
        self.slices = 0
        self.begun: list[Query] = []

    def prepare(self, query: Query) -> Generator[None, None, None]:
        self.begun.append(query)
        for _ in range(self.slices):
            assert self.bench is not None
            self.bench.clock.now += SLICE
            yield
        yield from super().prepare(query)


@contextlib.contextmanager
def long_answers() -> Iterator[tuple[Bench, LongViews]]:
    """A reader that has shown its first view and takes 20 slices for every other one."""
    views = LongViews()
    with Bench(views=views) as bench:
        views.bench = bench
        bench.ask(Query(serial=1))
        views.slices, views.begun = 20, []
        yield bench, views


def test_a_long_answer_is_made_slice_by_slice_between_the_steps_of_a_collection() -> None:
    with long_answers() as (bench, _):
        bench.source.steps = 1000
        bench.clock.now += 1.0
        bench.turn()
        bench.send(Query(serial=2, sort="pid"))
        before = bench.source.taken
        bench.turn(20)
        assert bench.received_of(View) == []
        assert bench.source.taken == before + 20
        bench.turn()
        assert [view.serial for view in bench.received_of(View)] == [2]


def test_a_newer_query_waits_for_no_older_answer() -> None:
    with long_answers() as (bench, views):
        bench.send(Query(serial=2, sort="pid"))
        bench.turn(5)
        views.slices = 0
        bench.send(Query(serial=3, filter="port:1001"))
        bench.turn()
        assert [(view.serial, len(view.rows)) for view in bench.received_of(View)] == [(3, 1)]


def test_a_cursor_that_moves_does_not_start_the_answer_anew() -> None:
    with long_answers() as (bench, views):
        bench.send(Query(serial=2, sort="pid"))
        bench.turn(5)
        bench.send(Query(serial=3, sort="pid", cursor="1002", position=2))
        bench.turn(15)
        assert bench.received_of(View) == []
        bench.turn()
        assert [(view.serial, view.rows[view.cursor].key) for view in bench.received_of(View)] == [(3, "1002")]
        assert [query.serial for query in views.begun] == [2]


def test_a_refresh_that_ends_meanwhile_is_what_is_answered_from() -> None:
    with long_answers() as (bench, views):
        views.slices = 60  # more than a refresh has steps, and less than the next one waits
        bench.clock.now += 1.0
        bench.source.count = 5
        bench.send(Query(serial=2, sort="pid"))
        bench.settle()
        assert [(view.serial, len(view.rows)) for view in bench.received_of(View)] == [(2, 5)]
        assert [query.serial for query in views.begun] == [2, 2]


def test_a_copy_during_a_long_answer_is_of_that_answer() -> None:
    with long_answers() as (bench, _):
        bench.send(Query(serial=2, filter="port:9"))
        bench.turn(5)
        bench.send(PidQuery(serial=3))
        bench.turn()
        view, pids = bench.received()
        assert isinstance(view, View) and view.serial == 2
        assert pids == Pids(3, (), (), 0)
