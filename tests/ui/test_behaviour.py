"""What keys do, on the real app over made-up snapshots."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.events import MouseScrollDown

from sockview.model.snapshot import Snapshot
from sockview.ui.app import SockviewApp
from sockview.ui.display_app import DETAIL_SECONDS
from sockview.ui.process_pane import ProcessPane
from sockview.ui.row_table import WHEEL_ROWS
from tests.model.builders import make_process, make_snapshot, make_socket
from tests.ui import scenarios
from tests.ui.scenarios import LEAK
from tests.ui.screen_app import filter_of, focused_id, link_of, screen_app, settle, table_of

WORKER = make_process(7306, "gunicorn")


def snapshot_of(ports: list[int], clock: float) -> Snapshot:
    sockets = [make_socket("ESTABLISHED", f"10.0.0.7:{port}") for port in ports]
    return make_snapshot(sockets, {WORKER: sockets}, clock=clock)


def view_of(app: SockviewApp) -> str:
    return app.question.view


async def test_cursor_stays_on_its_socket_when_rows_come_above() -> None:
    app = screen_app([snapshot_of([20, 30, 40], 1)], later=[snapshot_of([5, 10, 15, 20, 30, 40], 2)])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j")
        await settle(pilot)
        key = table_of(app).cursor_key
        assert table_of(app).cursor == 1
        await pilot.press("r")
        await settle(pilot)
        assert table_of(app).cursor == 4
        assert table_of(app).cursor_key == key
        assert app.query_one("#pane", ProcessPane).key == key


async def test_cursor_goes_to_the_neighbour_when_its_socket_goes() -> None:
    app = screen_app([snapshot_of([10, 20, 30, 40], 1)], later=[snapshot_of([10, 20, 40], 2)])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "j")
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        row = table_of(app).cursor_row
        assert row is not None
        assert getattr(row, "local", "").endswith(":40")


async def test_cursor_stays_across_filter_and_sort() -> None:
    app = screen_app([snapshot_of([10, 20, 30, 40], 1)])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("G")
        await settle(pilot)
        key = table_of(app).cursor_key
        await pilot.press("s", "s", "S")
        await settle(pilot)
        assert (table_of(app).cursor, table_of(app).cursor_key) == (0, key)
        await pilot.press("slash", *":40", "enter")
        await settle(pilot)
        assert table_of(app).length == 1
        assert table_of(app).cursor_key == key
        await pilot.press("escape")
        await settle(pilot)
        assert table_of(app).length == 4
        assert table_of(app).cursor_key == key


async def test_moving_reaches_both_ends_of_thousands_of_rows() -> None:
    app = screen_app([snapshot_of(list(range(1000, 6000)), 1)])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("G")
        await settle(pilot)
        table = table_of(app)
        assert table.cursor == 4999
        assert getattr(table.cursor_row, "local", "") == "10.0.0.7:5999"
        await pilot.press("pageup")
        await settle(pilot)
        assert table.cursor == 4999 - (table.height - 1)
        assert len(table.visible_rows) == table.height
        await pilot.press("g")
        await settle(pilot)
        assert (table.cursor, table.top) == (0, 0)


async def test_wheel_and_click_choose_rows() -> None:
    app = screen_app([snapshot_of(list(range(1000, 1100)), 1)])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table = table_of(app)
        await pilot.click("#table", offset=(20, 4))
        await settle(pilot)
        assert table.cursor == 3
        for _ in range(10):
            table.post_message(MouseScrollDown(table, 20, 4, 0, 1, 0, False, False, False))
        await settle(pilot)
        assert table.top == table.cursor == 10 * WHEEL_ROWS


async def test_click_on_a_heading_sorts_and_reverses() -> None:
    app = screen_app([snapshot_of([10, 20, 30], 1)])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.click("#table", offset=(20, 0))
        await settle(pilot)
        question = app.question
        assert question.sort == "local"
        assert not question.reverse
        await pilot.click("#table", offset=(20, 0))
        await settle(pilot)
        assert question.reverse


async def test_histogram_filters_and_lifts() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("tab")
        assert focused_id(app) == "histogram"
        await pilot.press("down", "enter")
        assert filter_of(app) == "state:time_wait"
        await pilot.press("enter")
        assert filter_of(app) == ""
        await pilot.press("escape")
        assert focused_id(app) == "table"


async def test_enter_on_a_group_and_back_to_it() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("v", "j")
        await settle(pilot)
        table = table_of(app)
        group = table.cursor_key
        assert table.cursor == 1
        await pilot.press("enter")
        await settle(pilot)
        assert view_of(app) == "sockets"
        assert table.length > 0
        await pilot.press("escape")
        await settle(pilot)
        assert view_of(app) == "process"
        assert (table.cursor, table.cursor_key) == (1, group)


async def test_pause_freezes_rows_until_it_is_lifted() -> None:
    app = screen_app([snapshot_of([10], 1)], later=[snapshot_of([10, 20], 2), snapshot_of([10, 20, 30], 3)])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("p", "r")
        await settle(pilot)
        assert table_of(app).length == 1
        await pilot.press("p")
        await settle(pilot)
        assert table_of(app).length == 2


async def test_the_pane_never_keeps_another_rows_process() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pane = app.query_one("#pane", ProcessPane)
        assert pane.key == table_of(app).cursor_key
        link_of(app).silent_about_rows = True
        await pilot.press("G")
        await pilot.pause(DETAIL_SECONDS + 0.3)
        assert pane.key is None
        assert "reading" in pane.lines[1].spans[0].text


async def test_trouble_goes_when_the_reader_has_refreshed() -> None:
    app = screen_app([snapshot_of([10], 1)], later=[snapshot_of([10], 2)])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        link_of(app).fail("Reading the owners failed.")
        await settle(pilot)
        assert app.query_one("#notices").display
        await pilot.press("r")
        await settle(pilot)
        assert not app.query_one("#notices").display


async def test_a_tiny_screen_keeps_its_lines_for_rows() -> None:
    app = screen_app([snapshot_of([10], 1)])
    async with app.run_test(size=(80, 7)) as pilot:
        await settle(pilot)
        link_of(app).fail("Reading the owners failed.")
        await settle(pilot)
        assert not app.query_one("#notices").display
        await pilot.resize_terminal(80, 12)
        await settle(pilot)
        assert app.query_one("#notices").display


async def test_an_error_in_the_screen_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    app = screen_app([snapshot_of([10], 1)])

    def broken() -> None:
        raise ValueError("\x1b[2Jbroken")

    with pytest.raises(ValueError, match="broken"):
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            app.call_later(broken)
            await settle(pilot)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    assert "\x1b[2J" not in captured.err + captured.out


async def test_tab_goes_to_the_histogram_and_back() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        seen = []
        for key in ("tab", "tab", "shift+tab", "shift+tab"):
            await pilot.press(key)
            seen.append(focused_id(app))
        assert seen == ["histogram", "table", "histogram", "table"]


async def test_an_answer_on_its_way_does_not_take_back_a_step() -> None:
    app = screen_app([snapshot_of([10, 20, 30], 1)])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        table = table_of(app)
        link_of(app).refresh_now()
        table.move_to(2)
        await settle(pilot)
        assert table.cursor == 2


async def test_the_pane_and_the_strip_are_of_one_mind_at_a_threshold() -> None:
    leak = replace(LEAK, group="pid:7306:4200")
    app = screen_app(scenarios.leaking_server(), findings=[leak])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("v")
        await settle(pilot)
        link_of(app).find(replace(leak, urgency="warning"))
        await settle(pilot)
        for widget in (app.strip, app.pane):
            text = "".join(span.text for line in widget.lines for span in line.spans)
            assert "!! " in text
