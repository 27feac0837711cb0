"""The state card on the screen: which state it is about, how it is read, and that its numbers are those of now."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from sockview.model import tcp_state
from sockview.model.inet_socket import UDP
from sockview.model.query import GroupRow, View
from sockview.model.tcp_state import state_name
from sockview.ui.app import SockviewApp
from sockview.ui.state_card_screen import CardText, StateCardScreen, state_of_row
from tests.model.builders import make_process, make_snapshot, make_socket
from tests.ui import scenarios
from tests.ui.screen_app import filter_of, focused_id, screen_app, settle

SIZE = (80, 24)


def card_of(app: SockviewApp) -> StateCardScreen:
    assert isinstance(app.screen, StateCardScreen)
    return app.screen


def shown(app: SockviewApp) -> list[str]:
    """Every line of the card, in sight or not."""
    lines = app.screen.query_one(CardText).lines
    return ["".join(span.text for span in line.spans) for line in lines]


def offset(app: SockviewApp) -> float:
    return card_of(app).text_scroll.scroll_y


async def press(pilot: Pilot[int], *keys: str) -> None:
    await settle(pilot)
    await pilot.press(*keys)
    await settle(pilot)


@pytest.mark.parametrize(
    ("filter_text", "title"),
    [
        ("", "CLOSE_WAIT: 60 sockets now"),
        ("tw", "TIME_WAIT: "),
        ("listen", "LISTEN: "),
        ("udp", "UNCONN: 1 socket now"),
    ],
)
async def test_i_explains_the_state_of_the_row(filter_text: str, title: str) -> None:
    app = screen_app(scenarios.leaking_server(), filter_text)
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "i")
        assert shown(app)[0].startswith(title)


async def test_in_the_histogram_it_is_the_chosen_state() -> None:
    app = screen_app(scenarios.leaking_server(), "listen")
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "tab", "down", "i")
        assert card_of(app).state == tcp_state.TIME_WAIT
        await press(pilot, "escape")
        assert focused_id(app) == "histogram"


def group(close_wait: int = 0, time_wait: int = 0, established: int = 0, other: int = 0) -> GroupRow:
    return GroupRow("7306", 7306, "gunicorn", "", close_wait, time_wait, established, other, likely=0, oldest=None)


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (group(close_wait=1, time_wait=50, established=9), tcp_state.CLOSE_WAIT),
        (group(time_wait=1, established=9), tcp_state.TIME_WAIT),
        (group(established=9, other=3), tcp_state.ESTABLISHED),
        (group(other=3), tcp_state.CLOSE_WAIT),
        (None, tcp_state.CLOSE_WAIT),
    ],
)
def test_of_a_group_it_is_the_state_that_matters_most(row: GroupRow | None, state: int) -> None:
    assert state_of_row(row) == state


async def test_in_a_group_view_there_is_a_card_too() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "v", "i")
        assert card_of(app).state == tcp_state.CLOSE_WAIT


async def test_while_typing_i_is_a_letter() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "slash", "n", "g", "i", "n", "x")
        assert filter_of(app) == "nginx"
        assert len(app.screen_stack) == 1


@pytest.mark.parametrize("key", ["escape", "q", "i"])
async def test_it_closes_and_the_screen_is_as_before(key: str) -> None:
    app = screen_app(scenarios.leaking_server(), "cw")
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "i", key)
        assert len(app.screen_stack) == 1
        assert (filter_of(app), focused_id(app)) == ("cw", "table")


async def test_keys_scroll_to_both_ends() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "i")
        end = card_of(app).text_scroll.max_scroll_y
        assert end > 40
        places = []
        for key in ("j", "down", "k", "up", "pagedown", "pageup", "G", "g", "end", "home"):
            await press(pilot, key)
            places.append(offset(app))
        page = card_of(app).text_scroll.size.height - 1
        assert places == [1, 2, 1, 0, page, 0, end, 0, end, 0]


async def test_left_and_right_go_through_all_states_from_their_top() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "i", "pagedown")
        seen = [card_of(app).state]
        for _ in tcp_state.BY_URGENCY[1:]:
            await press(pilot, "right")
            assert offset(app) == 0
            seen.append(card_of(app).state)
            assert shown(app)[0].startswith(state_name(seen[-1]))
        assert seen == list(tcp_state.BY_URGENCY)
        await press(pilot, "right")
        assert card_of(app).state == tcp_state.CLOSE_WAIT
        await press(pilot, "left")
        assert card_of(app).state == tcp_state.UNCONN


async def test_its_numbers_are_those_of_the_newest_look() -> None:
    worker = make_process(7306)
    leaks = [make_socket("CLOSE_WAIT", f"10.0.0.7:{port}") for port in (10, 20, 30)]
    first, second = (make_snapshot(part, {worker: part}, clock=clock) for clock, part in ((1, leaks[:1]), (2, leaks)))
    app = screen_app([first], later=[second])
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "i")
        assert shown(app)[0] == "CLOSE_WAIT: 1 socket now"
        app.action_refresh_now()
        await settle(pilot)
        assert shown(app)[0] == "CLOSE_WAIT: 3 sockets now"
        await press(pilot, "right")
        assert shown(app)[0] == "TIME_WAIT: no sockets now"


async def test_parameters_are_those_of_the_view() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "i")
        view: View | None = app._view
        assert view is not None
        app.show_view(replace(view, parameters=(("net.ipv4.tcp_fin_timeout", "42"),)), newest=True)
        assert "  net.ipv4.tcp_fin_timeout = 42" in shown(app)


async def test_a_state_of_a_newer_kernel_has_no_card_and_says_so() -> None:
    app = screen_app([make_snapshot([make_socket(14)], clock=1)])
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "i")
        assert len(app.screen_stack) == 1
        assert app.keys.message == "This version knows nothing of STATE_14"


async def test_a_connected_udp_socket_is_explained_as_it_is_shown() -> None:
    app = screen_app([make_snapshot([make_socket("ESTABLISHED", protocol=UDP)], clock=1)])
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "i")
        assert card_of(app).state == tcp_state.ESTABLISHED
        assert any("UDP: a socket that called connect()" in line for line in shown(app))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_the_time_line_is_in_sight_at_once_and_whole(size: tuple[int, int]) -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=size) as pilot:
        await press(pilot, "i")
        lines = shown(app)
        (last,) = (number for number, line in enumerate(lines) if line.lstrip().startswith("CLOSED │"))
        assert last < card_of(app).text_scroll.size.height
        assert max(map(len, lines)) <= app.screen.query_one(CardText).size.width
