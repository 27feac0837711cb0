"""The filter: typed, toggled, and typed faster than the line."""

from __future__ import annotations

import pytest

from sockview.ui.filter_row import FilterInput
from sockview.ui.findings_screen import FindingsScreen
from sockview.ui.state_card_screen import StateCardScreen
from tests.ui import scenarios
from tests.ui.screen_app import filter_of, focused_id, screen_app, settle, table_of


async def test_bad_filter_keeps_the_last_good_one() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash", *"cw")
        await settle(pilot)
        length = table_of(app).length
        app.query_one("#filter", FilterInput).value = "cw port:"
        await settle(pilot)
        assert table_of(app).length == length
        assert app.query_one("#filter-error").display


async def test_one_key_toggles_and_all() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        total = table_of(app).length
        await pilot.press("w")
        await settle(pilot)
        assert filter_of(app) == "state:close_wait"
        assert 0 < table_of(app).length < total
        await pilot.press("t")
        assert filter_of(app) == "state:close_wait,time_wait"
        await pilot.press("a")
        await settle(pilot)
        assert filter_of(app) == ""
        assert table_of(app).length == total


async def test_keys_of_one_burst_are_taken_in_their_order() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key in ("slash", "a", "b", "x", "backspace", "c"):
            app.simulate_key(key)
        await settle(pilot)
        assert filter_of(app) == "abc"
        for key in ("ctrl+u", "c", "w", "enter", "t"):
            app.simulate_key(key)
        await settle(pilot)
        assert filter_of(app) == "state:close_wait,time_wait"


async def test_toggles_of_one_burst_add_up() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.simulate_key("w")
        app.simulate_key("t")
        await settle(pilot)
        assert filter_of(app) == "state:close_wait,time_wait"


async def test_typing_goes_on_behind_what_is_there() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("w", "slash", *":8080", "enter")
        await settle(pilot)
        assert filter_of(app) == "state:close_wait :8080"


async def test_escape_and_a_letter_close_together() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash", *"py", "alt+w")
        await settle(pilot)
        assert filter_of(app) == "state:close_wait"
        assert focused_id(app) == "table"


@pytest.mark.parametrize("opening", ["f", "question_mark", "i"])
async def test_escape_and_a_letter_close_together_leave_what_is_open(opening: str) -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(opening)
        await settle(pilot)
        assert len(app.screen_stack) == 2
        await pilot.press("alt+v")
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert app.question.view == "process"


@pytest.mark.parametrize("opening", ["f", "i"])
async def test_one_burst_opens_it_and_leaves_it(opening: str) -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key in (opening, "escape", "v", opening, "j", "G", "alt+v"):
            app.simulate_key(key)
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert app.question.view == "remote"


async def test_escape_and_a_capital_close_together() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash", *"py", "alt+shift+s")
        await settle(pilot)
        assert filter_of(app) == ""
        assert app.question.reverse


@pytest.mark.parametrize("x", [1, 10])
async def test_a_click_on_a_key_counts_while_the_filter_is_typed(x: int) -> None:
    """The key line at 120 columns: ``/ filter`` goes on typing, ``w`` toggles CLOSE_WAIT and keeps what was typed."""
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("slash", *":80")
        await pilot.click("#keys", offset=(x, 0))
        await settle(pilot)
        assert (focused_id(app), filter_of(app)) == (
            ("filter", ":80 ") if x == 1 else ("table", "state:close_wait :80")
        )


async def test_a_click_on_the_key_of_the_findings_opens_them_while_the_filter_is_typed() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        line = "".join(span.text for span in app.keys.lines[0].spans)
        for word, screen in (("findings", FindingsScreen), ("explain", StateCardScreen)):
            await pilot.press("slash", *":80")
            await pilot.click("#keys", offset=(line.index(word), 0))
            await settle(pilot)
            assert isinstance(app.screen, screen)
            await pilot.press("escape")
            await settle(pilot)
            assert filter_of(app) == ":80"
            await pilot.press("a")
