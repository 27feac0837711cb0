"""The filter: typed, toggled, and typed faster than the line."""

from __future__ import annotations

from sockview.ui.filter_row import FilterInput
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
