"""Findings to read, on the real screen: opening, choosing, and what can be done with one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.events import MouseScrollDown, MouseScrollUp

from sockview.model import tcp_state
from sockview.model.finding import Finding
from sockview.ui.app import SockviewApp
from sockview.ui.findings_list import FindingsList
from sockview.ui.findings_screen import FindingsScreen
from sockview.ui.state_card_screen import StateCardScreen
from tests.ui import scenarios
from tests.ui.scenarios import FINDINGS, LEAK, LOOPBACK, PRESSURE
from tests.ui.screen_app import filter_of, focused_id, link_of, screen_app, settle, table_of
from tests.waiting import until


def app_with(*findings: Finding) -> SockviewApp:
    return screen_app(scenarios.leaking_server(), findings=findings)


def is_open(app: SockviewApp) -> bool:
    return isinstance(app.screen, FindingsScreen)


def list_of(app: SockviewApp) -> FindingsList:
    return app.screen.query_one(FindingsList)


def list_text(app: SockviewApp) -> str:
    return "\n".join("".join(span.text for span in line.spans) for line in list_of(app).lines)


def keys_of(app: SockviewApp) -> str:
    return app.screen.query_one("#findings-frame").border_subtitle or ""


def title_of(app: SockviewApp) -> str:
    return app.screen.query_one("#findings-frame").border_title or ""


def chosen(app: SockviewApp) -> str:
    finding = list_of(app).chosen
    return finding.kind if finding is not None else ""


# ------------------------------------------------------------ opening and closing
async def test_a_click_on_the_strip_opens_the_findings_even_while_typing() -> None:
    app = app_with(*FINDINGS)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash", "c")
        await pilot.click("#strip")
        await settle(pilot)
        assert is_open(app)
        assert LEAK.facts[0][:40] in list_text(app)


@pytest.mark.parametrize("key", ["f", "q", "escape"])
async def test_each_of_its_keys_closes_it(key: str) -> None:
    app = app_with(*FINDINGS)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        assert is_open(app)
        await pilot.press(key)
        await settle(pilot)
        assert not is_open(app)
        assert focused_id(app) == "table"


async def test_f_is_a_letter_in_the_filter() -> None:
    app = app_with(*FINDINGS)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash", "f", "o")
        await settle(pilot)
        assert filter_of(app) == "fo"
        assert not is_open(app)


async def test_without_a_finding_it_says_what_was_looked_at() -> None:
    app = app_with()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        assert "No finding:" in list_text(app)
        await pilot.press("j", "y", "i", "enter")
        await settle(pilot)
        assert is_open(app)
        link_of(app).find(LEAK)
        await settle(pilot)
        assert chosen(app) == LEAK.kind


async def test_it_says_when_its_findings_are_not_of_now() -> None:
    app = app_with(LEAK)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        assert title_of(app).startswith("finding 1 of 1")
        link_of(app).lose_reader("The reader has ended.")
        await settle(pilot)
        assert title_of(app).startswith("The reader has ended. · finding 1")
        link_of(app).find(LEAK)
        await settle(pilot)
        assert title_of(app).startswith("finding 1 of 1")
        await pilot.press("escape", "p", "f")
        await settle(pilot)
        assert title_of(app).startswith("paused at ")


# ------------------------------------------------------------ choosing
async def test_the_choice_stays_on_its_finding_when_others_come_and_go() -> None:
    app = app_with(PRESSURE, LOOPBACK)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f", "j")
        await settle(pilot)
        assert chosen(app) == LOOPBACK.kind
        link_of(app).find(LEAK, PRESSURE, replace(LOOPBACK, title="postgres 812 again"))
        await settle(pilot)
        assert chosen(app) == LOOPBACK.kind
        assert "postgres 812 again" in list_text(app)
        link_of(app).find(LOOPBACK)
        await settle(pilot)
        assert chosen(app) == LOOPBACK.kind
        link_of(app).find(LEAK)
        await settle(pilot)
        assert chosen(app) == LEAK.kind


async def test_moving_reads_through_a_finding_that_is_longer_than_the_screen() -> None:
    long = replace(LEAK, facts=tuple(f"Fact number {number} of a long story." for number in range(40)))
    app = app_with(long, PRESSURE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        read = set[str]()
        for _ in range(10):
            read |= {line.strip(" -│█") for line in list_text(app).splitlines()}
            if chosen(app) == PRESSURE.kind:
                break
            await pilot.press("j")
            await settle(pilot)
        assert chosen(app) == PRESSURE.kind
        assert read >= set(long.facts)
        await pilot.press("k")
        await settle(pilot)
        assert chosen(app) == LEAK.kind
        assert "›!!" in list_text(app)


async def test_the_end_of_the_last_finding_is_the_end() -> None:
    app = app_with(replace(LEAK, facts=tuple(f"Fact number {number} of a long story." for number in range(40))))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f", *"jjjj")
        await settle(pilot)
        end = list_text(app)
        assert LEAK.remedies[-1] in end
        await pilot.press("j")
        await settle(pilot)
        assert list_text(app) == end


async def test_pages_wheel_and_clicks_reach_every_line() -> None:
    many = [replace(PRESSURE, filter=f"tw rport:{port}", title=f"Pressure on {port}") for port in range(100, 160)]
    app = app_with(*many)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f", "pagedown")
        await settle(pilot)
        assert chosen(app) == many[0].kind and "Pressure on 100" not in list_text(app)
        await pilot.press("pageup")
        await settle(pilot)
        assert "Pressure on 100" in list_text(app)
        for event in (MouseScrollDown, MouseScrollUp):
            list_of(app).post_message(event(list_of(app), 20, 4, 0, 1, 0, False, False, False))
            await settle(pilot)
            assert ("Pressure on 100" in list_text(app)) is (event is MouseScrollUp)
        await pilot.press("G")
        await settle(pilot)
        assert "›!  Pressure on 159" in list_text(app)
        await pilot.press("g")
        await settle(pilot)
        row = list_text(app).splitlines().index(next(x for x in list_text(app).splitlines() if "Pressure on 103" in x))
        await pilot.click(FindingsList, offset=(6, row))
        await settle(pilot)
        assert "›!  Pressure on 103" in list_text(app)


async def test_a_resize_keeps_the_choice_in_sight() -> None:
    app = app_with(*FINDINGS)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("f", "j", "j")
        await settle(pilot)
        for size in ((80, 24), (40, 10), (20, 5), (200, 60)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            assert chosen(app) == LOOPBACK.kind
            assert "›·" in list_text(app)


async def test_all_are_open_where_there_is_room_and_only_the_chosen_one_elsewhere() -> None:
    app = app_with(*FINDINGS)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        assert LOOPBACK.facts[0] in list_text(app)
        await pilot.resize_terminal(120, 14)
        await settle(pilot)
        assert LEAK.facts[0] in list_text(app)
        assert LOOPBACK.facts[0] not in list_text(app)


# ------------------------------------------------------------ what can be done with one
async def test_enter_puts_its_sockets_into_the_table() -> None:
    app = app_with(*FINDINGS)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f", "j", "enter")
        await settle(pilot)
        assert not is_open(app)
        assert filter_of(app) == PRESSURE.filter
        assert {row.remote for row in table_of(app).visible_rows if hasattr(row, "remote")} == {"10.9.1.1:5432"}


async def test_enter_leaves_another_view_and_a_group_for_the_sockets() -> None:
    app = app_with(*FINDINGS)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for before in (["v"], ["v", "enter"], ["v", "v"]):
            await pilot.press(*before)
            await settle(pilot)
            await pilot.press("f", "enter")
            await settle(pilot)
            assert (app.question.view, app.question.group) == ("sockets", None)
            assert filter_of(app) == LEAK.filter
            assert table_of(app).length == 60
            await pilot.press("a")
            await settle(pilot)


async def test_keys_of_one_burst_are_taken_in_their_order() -> None:
    app = app_with(*FINDINGS)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key in ("f", "j", "j", "k", "enter", "e"):
            app.simulate_key(key)
        await settle(pilot)
        assert not is_open(app)
        assert filter_of(app) == "state:time_wait,established raddr:10.9.1.1:5432"
        for key in ("f", "escape", "w", "f", "f", "f"):
            app.simulate_key(key)
        await settle(pilot)
        assert is_open(app)


async def test_i_explains_its_state_and_the_findings_go_on_below() -> None:
    app = app_with(*FINDINGS)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f", "j", "i")
        await settle(pilot)
        assert isinstance(app.screen, StateCardScreen)
        assert app.screen.state == tcp_state.TIME_WAIT
        link_of(app).find(LEAK, replace(PRESSURE, title="TIME_WAIT towards 10.9.1.1:5432 hold more"))
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert chosen(app) == PRESSURE.kind
        assert "hold more" in list_text(app)


async def test_y_copies_its_pid_and_says_so_where_it_is_read() -> None:
    app = app_with(*FINDINGS)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await settle(pilot)
        assert "y copies PID 7306" in keys_of(app)
        await pilot.press("y")
        await until(lambda: "sent to your terminal" in keys_of(app), 10)
        assert keys_of(app).startswith("PID 7306 ")
        assert app.keys.message.startswith("PID 7306 ")


async def test_y_does_not_copy_a_pid_that_is_only_likely() -> None:
    app = app_with(replace(LEAK, certain=False))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("f", "y")
        await settle(pilot)
        assert keys_of(app) == "Enter its sockets, i explains CLOSE_WAIT, Esc closes"
        assert app.keys.message == ""
