"""What the kernel reports is taken in several times a second, whatever else the reader does."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sockview.draining import DRAIN_EVERY
from sockview.model.query import Query, Trouble
from tests.reader_bench import Bench


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def run(bench: Bench, seconds: float) -> None:
    """Let time pass as the reader itself waits, or works."""
    until = bench.clock.now + seconds
    while bench.clock.now < until:
        bench.turn()
        bench.clock.now += min(bench.reader.wait_seconds(), bench.reader.longest_wait(), 0.01) or 0.001


def test_it_is_often_enough_and_not_too_often() -> None:
    assert 0.05 <= DRAIN_EVERY <= 0.2


def test_while_idle_and_while_paused_it_goes_on() -> None:
    with Bench() as bench:
        bench.source.reports = True
        bench.ask(Query(serial=1, interval=3600.0))
        for query in (Query(serial=2, interval=3600.0), Query(serial=3, interval=3600.0, paused=True)):
            bench.ask(query)
            assert 0 < bench.reader.longest_wait() <= DRAIN_EVERY < bench.reader.wait_seconds()
            bench.source.drained.clear()
            run(bench, 2.0)
            assert len(bench.source.drained) >= 10
            assert min(gaps(bench.source.drained)) > DRAIN_EVERY - 0.001
            assert max(gaps(bench.source.drained)) < DRAIN_EVERY + 0.02


@pytest.mark.parametrize(("took", "pause"), [(0.002, 0.09), (0.01, 0.05), (0.1, 0.02)])
def test_the_more_there_is_the_sooner_it_looks_again(took: float, pause: float) -> None:
    with Bench() as bench:
        bench.source.reports, bench.source.drain_seconds = True, took
        bench.ask(Query(serial=1, interval=3600.0))
        assert bench.reader.longest_wait() == pytest.approx(pause)


def test_it_goes_on_between_the_steps_of_a_collection() -> None:
    with Bench() as bench:
        bench.source.reports = True
        bench.ask(Query(serial=1))
        bench.source.steps, bench.source.step_seconds = 200, 0.005
        bench.clock.now += 1.0
        bench.turn(3)
        bench.source.drained.clear()
        bench.turn(190)
        assert bench.source.running == 1
        assert 8 <= len(bench.source.drained) <= 10


def test_it_goes_on_between_refreshes_that_fail() -> None:
    with Bench() as bench:
        bench.source.reports = True
        bench.source.error = OSError("no table")
        bench.settle()
        bench.source.drained.clear()
        run(bench, 1.0)
        assert len(bench.source.drained) >= 5


def test_a_source_without_reports_wakes_nobody() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1, interval=3600.0))
        assert bench.reader.longest_wait() == bench.reader.wait_seconds() > 3000


def test_a_source_that_begins_to_report_is_noticed_at_once() -> None:
    with Bench() as bench:
        bench.turn()
        bench.source.reports = True
        bench.ask(Query(serial=1, interval=3600.0))
        assert bench.reader.longest_wait() <= DRAIN_EVERY


@pytest.mark.parametrize("error", [RuntimeError("surprise \x1b[2J"), OSError(5, "io")])
def test_a_failure_is_said_once_and_the_rest_goes_on(error: Exception) -> None:
    with Bench() as bench:
        bench.source.drain_error = error
        bench.send(Query(serial=1))
        bench.settle()
        run(bench, 2.0)
        (trouble,) = bench.received_of(Trouble)
        assert "closed sockets failed" in trouble.text and trouble.text.isprintable()
        assert bench.ask(Query(serial=2)).length == 3
