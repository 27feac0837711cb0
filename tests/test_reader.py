"""The reader's loop, turn by turn: what it answers and when, and how it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import pytest

from sockview.model import tcp_state
from sockview.model.query import Detail, PidQuery, Pids, Query, RefreshNow, View
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from sockview.model.view import ViewMaker
from sockview.wire import encode
from tests.reader_bench import WORKER, Bench

FIRST_KEY = "1000"


# ------------------------------------------------------------------ answering
def test_the_first_view_follows_the_first_table() -> None:
    with Bench() as bench:
        bench.send(Query(serial=1))
        bench.turn()
        assert bench.received() == []
        bench.settle()
        view, detail = bench.received()
        assert isinstance(view, View) and isinstance(detail, Detail)
        assert view.serial == 1
        assert [row.key for row in view.rows] == ["1000", "1001", "1002"]
        assert {line.state: line.count for line in view.histogram}[tcp_state.CLOSE_WAIT] == 3


def test_it_collects_before_it_is_asked_and_then_answers_at_once() -> None:
    with Bench() as bench:
        bench.settle()
        assert bench.received() == []
        assert len(bench.source.starts) == 1
        bench.send(Query(serial=1))
        bench.turn()
        assert [view.serial for view in bench.received_of(View)] == [1]


def test_queries_are_answered_between_the_steps_of_a_collection() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1))
        bench.source.steps = 1000
        bench.clock.now += 1.0
        bench.turn(10)
        before = bench.source.taken
        bench.send(Query(serial=2, filter="port:1001"))
        bench.turn()
        view = bench.received_of(View)[-1]
        assert (view.serial, [row.key for row in view.rows]) == (2, ["1001"])
        assert bench.source.taken == before + 1
        assert bench.source.running == 1


def test_a_flood_of_queries_does_not_stop_the_collection() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1))
        bench.clock.now += 1.0
        for serial in range(2, 40):
            bench.send(Query(serial=serial))
            bench.turn()
        assert len(bench.source.starts) == 2 and bench.source.running == 0


def test_only_the_newest_of_waiting_queries_is_answered() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1))
        bench.send(*(Query(serial=serial) for serial in range(2, 9)))
        bench.turn()
        assert [view.serial for view in bench.received_of(View)] == [8]


def test_a_copy_means_the_query_before_it() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1))
        bench.send(
            Query(serial=2, filter="port:1001"),
            PidQuery(serial=3),
            Query(serial=4, filter="port:9"),
            PidQuery(serial=5),
        )
        bench.settle()
        messages = bench.received()
        assert [m for m in messages if isinstance(m, Pids)] == [Pids(3, (WORKER.pid,), (), 0), Pids(5, (), (), 0)]
        assert [m.serial for m in messages if isinstance(m, View)][:2] == [2, 4]


def test_a_copy_before_the_first_table_waits_for_it() -> None:
    with Bench() as bench:
        bench.send(PidQuery(serial=1, keys=(FIRST_KEY,)))
        bench.turn()
        assert bench.received() == []
        bench.settle()
        assert bench.received() == [Pids(1, (WORKER.pid,), (), 0)]


def test_the_pane_follows_as_a_message_of_its_own() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1))
        bench.send(Query(serial=2, cursor="1002", position=2))
        bench.turn()
        assert [type(message) for message in bench.received()] == [View]
        bench.turn()
        (detail,) = bench.received()
        assert isinstance(detail, Detail)
        assert (detail.key, detail.pid, detail.cpu_percent) == ("1002", WORKER.pid, 4.0)


def test_no_process_is_read_while_a_newer_query_waits() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1))
        bench.processes.asked.clear()
        for serial in range(2, 10):
            bench.send(Query(serial=serial, cursor="1001", position=1))
            bench.turn()
        assert bench.processes.asked == []
        bench.settle()
        assert bench.processes.asked == [WORKER.pid]


def test_view_and_pane_come_again_after_every_refresh() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1))
        bench.source.count = 5
        bench.pass_time(1.0)
        view, detail = bench.received()
        assert isinstance(view, View) and isinstance(detail, Detail)
        assert (view.serial, len(view.rows), view.summary.refreshes) == (1, 5, 2)


# ------------------------------------------------------------------ pause and refresh
def test_pause_keeps_the_rows_and_goes_on_collecting() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1))
        bench.ask(Query(serial=2, paused=True))
        bench.source.count = 5
        bench.pass_time(1.0)
        view = bench.received_of(View)[-1]
        assert (len(view.rows), view.summary.refreshes, view.summary.paused) == (3, 2, True)
        collections = len(bench.source.starts)
        assert len(bench.ask(Query(serial=3)).rows) == 5
        assert len(bench.source.starts) == collections, "what was collected while paused is shown, not collected anew"


def test_the_first_table_is_shown_even_while_paused() -> None:
    with Bench() as bench:
        assert len(bench.ask(Query(serial=1, paused=True)).rows) == 3


def test_refresh_while_paused_shows_one_table_and_stays_paused() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1, paused=True))
        bench.source.count = 5
        bench.send(RefreshNow())
        bench.settle()
        view = bench.received_of(View)[-1]
        assert (len(view.rows), view.summary.paused) == (5, True)
        bench.source.count = 7
        bench.pass_time(1.0)
        assert len(bench.received_of(View)[-1].rows) == 5


def test_refresh_starts_at_once_but_never_a_second_collection() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1, interval=3600))
        bench.source.steps = 50
        bench.send(RefreshNow())
        bench.turn()
        assert len(bench.source.starts) == 2
        bench.send(RefreshNow(), RefreshNow())
        bench.settle()  # ScriptedSource asserts that collections do not overlap
        assert len(bench.source.starts) == 2


def test_refresh_asked_for_during_a_paused_collection_shows_its_table() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1, paused=True))
        bench.source.count = 5
        bench.clock.now += 1.0
        bench.turn()
        bench.send(RefreshNow())
        bench.settle()
        assert len(bench.received_of(View)[-1].rows) == 5


class ViewsInOneStep(ViewMaker):
    """Orders without a pause, as it may for a handful of sockets."""

    def show(self, table: SocketTable, query: Query) -> Generator[None, None, None]:
        finish(super().show(table, query))
        yield from ()


def test_the_end_of_a_pause_is_shown_even_when_it_takes_a_single_step() -> None:
    with Bench(views=ViewsInOneStep()) as bench:
        bench.ask(Query(serial=1, paused=True))
        bench.source.count = 5
        bench.pass_time(1.0)
        assert len(bench.ask(Query(serial=2)).rows) == 5


def test_refresh_asked_for_while_a_pause_is_caught_up_is_not_lost() -> None:
    with Bench() as bench:
        bench.source.count = 8000  # enough for several steps of ordering
        bench.ask(Query(serial=1, paused=True, interval=3600.0))
        bench.send(Query(serial=2, paused=True, interval=0.5))
        bench.pass_time(1.0)
        collections = len(bench.source.starts)
        bench.send(Query(serial=3, interval=3600.0))
        bench.turn()
        assert bench.source.running == 0 and bench.reader.wait_seconds() == 0
        bench.send(RefreshNow())
        bench.settle()
        assert len(bench.source.starts) == collections + 1


# ------------------------------------------------------------------ a stopped or dead screen
def test_a_stopped_screen_never_blocks_and_gets_the_newest_view() -> None:
    with Bench() as bench:
        bench.source.count = 1000
        bench.send(Query(serial=1, count=1000))
        bench.settle()
        for _ in range(50):  # views of 100 KB each: far more than the socket holds
            bench.pass_time(1.0)
        assert len(bench.source.starts) == 51
        bench.send(*(PidQuery(serial=serial, keys=(FIRST_KEY,)) for serial in range(10)))
        bench.turn()
        messages = []
        for _ in range(200):
            messages += bench.received()
            bench.turn()
        views = [message for message in messages if isinstance(message, View)]
        assert len(views) < 15
        assert views[-1].summary.refreshes == 51
        assert [m.serial for m in messages if isinstance(m, Pids)] == list(range(10))


def test_answers_to_copies_are_never_dropped_and_never_pile_up() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1))
        flood = b"".join(encode(PidQuery(serial=serial)) for serial in range(20_000))
        sent = answered = 0
        serials: list[int] = []
        stuck = 0
        while stuck < 50 and sent < len(flood):
            try:
                sent += bench.wire.send(flood[sent : sent + 65536])
                stuck = 0
            except BlockingIOError:
                stuck += 1
            bench.turn()
        assert sent < len(flood), "a reader that nobody reads from stops reading"
        while answered < 20_000:
            with contextlib.suppress(BlockingIOError):
                sent += bench.wire.send(flood[sent : sent + 65536])
            bench.turn()
            serials += [pids.serial for pids in bench.received_of(Pids)]
            answered = len(serials)
        assert serials == list(range(20_000))


def test_it_ends_in_the_middle_of_a_collection() -> None:
    bench = Bench()
    bench.source.steps = 1_000_000
    bench.turn(5)
    bench.wire.close()
    assert not bench.reader.turn(wait=False)
    assert bench.source.taken < 10
    bench.reader.run()


def test_it_ends_when_the_screen_goes_with_answers_unread() -> None:
    bench = Bench()
    bench.source.count = 1000
    bench.send(Query(serial=1, count=1000))
    bench.settle()
    for _ in range(10):
        bench.pass_time(1.0)
    bench.wire.close()
    bench.reader.run()


def test_it_waits_for_the_wire_when_nothing_is_due() -> None:
    with Bench() as bench:
        bench.ask(Query(serial=1, interval=60.0))
        bench.clock.now += 20.0
        assert bench.reader.wait_seconds() == pytest.approx(40.0)
