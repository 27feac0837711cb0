"""The real program in a real terminal at 80x24: what a user types and sees."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.live.real_screen import (
    CURSOR,
    ROOT,
    SOCKVIEW,
    SSH,
    assert_left_as_found,
    cursor_line,
    in_terminal,
    sockview,
    sockview_of,
    wait_for_rows,
)
from tests.live.socket_makers import Made, holding
from tests.live.tmux_harness import TMUX, Tmux


def test_filters_moves_copies_and_quits(leak: Made) -> None:
    with sockview() as terminal:
        terminal.wait_for(lambda seen: cursor_line(seen) > 0)
        terminal.feed("/")
        terminal.settle(0.3, 2)
        terminal.feed(f"cw :{leak.port}")
        terminal.wait_for(f"cw :{leak.port}")
        terminal.feed("\r")
        terminal.wait_for(lambda seen: "sockets 3" in seen.text and f":{leak.port} " in seen.lines[cursor_line(seen)])
        first = cursor_line(terminal)
        terminal.feed("j")
        terminal.wait_for(lambda seen: cursor_line(seen) == first + 1)
        assert "CLOSE_WAIT" in terminal.lines[first + 1]
        assert str(leak.pid) in terminal.lines[first + 1]
        terminal.feed("y")
        terminal.wait_for("sent to your terminal (OSC 52)")
        assert terminal.clipboards() == [str(leak.pid)]
        terminal.feed("q")
        assert terminal.wait_exit() == 0
        assert_left_as_found(terminal)


def test_keys_that_come_in_one_burst_go_where_they_were_meant(leak: Made) -> None:
    # A slow line delivers what was typed in a second at once.
    with sockview() as terminal:
        terminal.wait_for(lambda seen: cursor_line(seen) > 0)
        terminal.feed(f"/cw :{leak.port} laddr:127.0.0.0/8\r?")
        terminal.wait_for("filter as you type")
        terminal.feed("\x1b")
        terminal.wait_for(f"/ cw :{leak.port} laddr:127.0.0.0/8 ")
        terminal.wait_for("sockets 3")


def test_copies_every_pid_of_the_filtered_view_once(leak: Made) -> None:
    with holding("close_wait", 2) as other, sockview(f"cw port:{leak.port},{other.port}") as terminal:
        terminal.wait_for(lambda seen: f":{leak.port} " in seen.text and f":{other.port} " in seen.text)
        terminal.feed("Y")
        terminal.wait_for(lambda seen: seen.clipboards())
        assert terminal.clipboards() == [" ".join(map(str, sorted((leak.pid, other.pid))))]


@pytest.mark.skipif(TMUX is None, reason="no tmux here")
def test_in_tmux_the_paste_buffer_and_the_terminal_outside_get_the_pid(leak: Made) -> None:
    with Tmux([*SOCKVIEW, f"cw port:{leak.port}"], env={**SSH, "PYTHONPATH": ROOT}) as tmux:
        tmux.wait_for(lambda text: f":{leak.port} " in text and CURSOR in text)
        tmux.send_keys("y")
        tmux.wait_for("in tmux's buffer")
        assert tmux.buffer() == str(leak.pid)
        tmux.outer.wait_for(lambda outer: outer.clipboards() == [str(leak.pid)])


def test_every_size_is_drawn_without_a_traceback(leak: Made) -> None:
    with sockview_of(leak) as terminal:
        wait_for_rows(terminal, leak.port)
        for columns, rows in ((120, 40), (200, 60), (40, 10), (20, 4), (1, 1), (80, 24)):
            terminal.resize(columns, rows)
            terminal.settle(0.3, 2)
            assert terminal.process.poll() is None, terminal.dump()
        wait_for_rows(terminal, leak.port)
        assert "Traceback" not in terminal.text
        terminal.feed("q")
        assert terminal.wait_exit() == 0


def test_an_exported_size_does_not_hide_the_real_one(leak: Made) -> None:
    with sockview_of(leak, COLUMNS="200", LINES="60") as terminal:
        wait_for_rows(terminal, leak.port)
        assert re.search(r" \d\d:\d\d:\d\d\Z", terminal.lines[0]), "the clock is not at the right end"


@pytest.mark.parametrize(
    "locale",
    [
        {"LANG": "C"},
        {"LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LANG": "C", "PYTHONIOENCODING": "latin-1"},
    ],
    ids=["C", "C without coercion", "latin-1"],
)
def test_any_locale_draws_the_same_signs(leak: Made, locale: dict[str, str]) -> None:
    with sockview_of(leak, **locale) as terminal:
        wait_for_rows(terminal, leak.port)
        assert "█" in terminal.text
        assert "\\u" not in terminal.text
        terminal.feed("q")
        assert terminal.wait_exit() == 0


@pytest.mark.parametrize(
    "setting", ["TEXTUAL_COLOR_SYSTEM=none", "TEXTUAL_DRIVER=no.such:Driver", "TEXTUAL_THEME=none"]
)
def test_settings_of_textual_do_not_end_it(leak: Made, setting: str) -> None:
    name, _, value = setting.partition("=")
    with sockview_of(leak, **{name: value}) as terminal:
        wait_for_rows(terminal, leak.port)


def test_a_start_and_a_clock_that_ticks_write_few_bytes(leak: Made) -> None:
    with sockview_of(leak) as terminal:
        wait_for_rows(terminal, leak.port)
        terminal.feed("p")
        terminal.wait_for("PAUSED")
        terminal.wait_for("fds ")  # the pane comes last
        terminal.settle(0.4)
        assert len(terminal.raw) < 20_000
        clocks = [terminal.lines[0]]
        for _ in range(3):
            before = len(terminal.raw)
            terminal.wait_for(lambda seen: seen.lines[0] not in clocks)
            clocks.append(terminal.lines[0])
            assert len(terminal.raw) - before <= 150


def test_an_unchanged_refresh_writes_hundreds_of_bytes() -> None:
    empty = ["unshare", "--net"]
    if subprocess.run([*empty, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to make a network namespace, and only there nothing changes")
    with in_terminal([*empty, *SOCKVIEW]) as terminal:
        terminal.wait_for("There are no sockets here")
        terminal.settle(0.5, 5)
        before = len(terminal.raw)
        clocks = {terminal.lines[0]}
        while len(clocks) <= 5:
            terminal.wait_for(lambda seen: seen.lines[0] not in clocks)
            clocks.add(terminal.lines[0])
        assert 0 < (len(terminal.raw) - before) / 5 < 1000
