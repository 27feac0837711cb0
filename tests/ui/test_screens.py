"""Every look of the screen, as a picture, at 80x24, 120x40 and 200x60."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.app import App
from textual.pilot import Pilot

from sockview.ui.app import SockviewApp
from tests.ui import scenarios
from tests.ui.screen_app import link_of, screen_app

SnapCompare = Callable[..., bool]
Before = Callable[[Pilot[int]], Awaitable[None]]

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])


def keys(*pressed: str) -> Before:
    async def before(pilot: Pilot[int]) -> None:
        await pilot.pause()
        await pilot.press(*pressed)
        await pilot.pause()

    return before


def app_of(pilot: Pilot[int]) -> SockviewApp:
    app: App[int] = pilot.app
    assert isinstance(app, SockviewApp)
    return app


@SIZES
def test_first_paint(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.leaking_server()), terminal_size=size, run_before=keys())


@SIZES
def test_filter_open(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app = screen_app(scenarios.leaking_server())
    assert snap_compare(app, terminal_size=size, run_before=keys("slash", *"cw", "space", *":8080"))


@SIZES
def test_filter_error(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app = screen_app(scenarios.leaking_server())
    assert snap_compare(app, terminal_size=size, run_before=keys("slash", *"cw", "space", *"prt:80"))


@SIZES
def test_filtered_to_none(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app = screen_app(scenarios.leaking_server(), "pid:99999")
    assert snap_compare(app, terminal_size=size, run_before=keys())


@SIZES
def test_by_process(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.leaking_server()), terminal_size=size, run_before=keys("v"))


@SIZES
def test_by_remote(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.leaking_server()), terminal_size=size, run_before=keys("v", "v"))


@SIZES
def test_sockets_of_a_process(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.leaking_server()), terminal_size=size, run_before=keys("v", "enter"))


@SIZES
def test_pane_enlarged(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.leaking_server()), terminal_size=size, run_before=keys("enter", "j"))


@SIZES
def test_paused(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.leaking_server()), terminal_size=size, run_before=keys("p"))


@SIZES
def test_hidden_owners(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.unprivileged()), terminal_size=size, run_before=keys())


@SIZES
def test_incomplete(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    sentence = "Incomplete: the socket table changed twice while it was read; rows may be missing or double"
    app = screen_app(scenarios.with_warning(sentence))
    assert snap_compare(app, terminal_size=size, run_before=keys())


@SIZES
def test_reader_failed(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[int]) -> None:
        await pilot.pause()
        link = link_of(app_of(pilot))
        link.lose_reader("The reader has ended: starting it again in 1 s, the rows are old until then")
        link.fail("Reading the processes failed: OSError: [Errno 24] Too many open files; the owners are missing.")
        await pilot.pause()

    assert snap_compare(screen_app(scenarios.leaking_server()), terminal_size=size, run_before=before)


@SIZES
def test_hostile_names(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.hostile()), terminal_size=size, run_before=keys("j"))


@SIZES
def test_empty_system(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.empty()), terminal_size=size, run_before=keys())


@SIZES
def test_healthy_server(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.healthy_server()), terminal_size=size, run_before=keys())


@SIZES
def test_help(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.leaking_server()), terminal_size=size, run_before=keys("question_mark"))


@SIZES
def test_findings_strip(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app = screen_app(scenarios.leaking_server(), findings=scenarios.FINDINGS)
    assert snap_compare(app, terminal_size=size, run_before=keys())


@SIZES
def test_findings(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app = screen_app(scenarios.leaking_server(), findings=scenarios.FINDINGS)
    assert snap_compare(app, terminal_size=size, run_before=keys("f", "j"))


def test_no_finding(snap_compare: SnapCompare) -> None:
    app = screen_app(scenarios.healthy_server())
    assert snap_compare(app, terminal_size=(80, 24), run_before=keys("f"))


def test_findings_without_room_for_all(snap_compare: SnapCompare) -> None:
    app = screen_app(scenarios.leaking_server(), findings=scenarios.FINDINGS)
    assert snap_compare(app, terminal_size=(59, 14), run_before=keys("f", "j"))


CARD_SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])


@CARD_SIZES
def test_card_of_close_wait(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.leaking_server()), terminal_size=size, run_before=keys("i"))


@CARD_SIZES
def test_card_of_time_wait(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app = screen_app(scenarios.leaking_server())
    assert snap_compare(app, terminal_size=size, run_before=keys("tab", "down", "i", "pagedown"))


@CARD_SIZES
def test_traced_clients(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app = screen_app(scenarios.traced_clients())
    assert snap_compare(app, terminal_size=size, run_before=keys("j"))


def test_histogram_in_focus(snap_compare: SnapCompare) -> None:
    app = screen_app(scenarios.leaking_server())
    assert snap_compare(app, terminal_size=(80, 24), run_before=keys("tab", "j", "enter"))


def test_why_a_socket_has_no_process(snap_compare: SnapCompare) -> None:
    app = screen_app(scenarios.leaking_server(), ":22 tw")
    assert snap_compare(app, terminal_size=(80, 24), run_before=keys("G"))


def test_tagged_and_copied(snap_compare: SnapCompare) -> None:
    app = screen_app(scenarios.leaking_server())
    assert snap_compare(app, terminal_size=(80, 24), run_before=keys("space", "space", "y"))


def test_stretched_interval(snap_compare: SnapCompare) -> None:
    app = screen_app(scenarios.leaking_server(), actual_interval=2.4)
    assert snap_compare(app, terminal_size=(80, 24), run_before=keys())


@pytest.mark.parametrize("size", [(59, 14), (40, 10), (20, 5)], ids=["59x14", "40x10", "20x5"])
def test_small_terminals(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(screen_app(scenarios.leaking_server()), terminal_size=size, run_before=keys("j"))
