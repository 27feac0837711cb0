"""Ctrl+Z, fg and signals that stop from outside."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.live.real_screen import (
    BASH,
    assert_left_as_found,
    at_prompt,
    in_terminal,
    shell_running,
    sockview_of,
    wait_for_rows,
    what_stays,
)
from tests.live.socket_makers import Made
from tests.live.terminal_harness import (
    ALTERNATE_SCREEN,
    CURSOR_SHOWN,
)


@pytest.mark.skipif(BASH is None, reason="no bash here, so no shell with job control")
def test_the_whole_screen_is_back_after_a_stop_and_the_shell_has_its_terminal_meanwhile(leak: Made) -> None:
    with in_terminal([BASH or "", "--norc", "--noprofile", "-i"], PS1="prompt> ") as terminal:
        terminal.wait_for(at_prompt)
        terminal.feed(f"'{sys.executable}' -m sockview cw port:{leak.port}\n")
        wait_for_rows(terminal, leak.port)
        terminal.settle(0.3, 3)
        shown = what_stays(terminal, leak.port)
        assert len(shown) >= 6
        for turn in ("first", "second"):
            terminal.feed("\x1a")
            terminal.wait_for(at_prompt)
            assert terminal.modes[CURSOR_SHOWN]
            terminal.feed(f"echo {turn} $((6*7))\n")
            terminal.wait_for(f"\n{turn} 42")
            terminal.feed("fg\n")
            terminal.wait_for(lambda seen: seen.modes[ALTERNATE_SCREEN])
            terminal.wait_for(lambda seen: what_stays(seen, leak.port) == shown)
        terminal.feed("q")
        terminal.wait_for(at_prompt)
        terminal.feed("echo last $((5*5))\n")
        terminal.wait_for("\nlast 25")


def test_a_stop_from_outside_does_not_break_the_terminal_in_the_end(leak: Made) -> None:
    with sockview_of(leak) as terminal:
        wait_for_rows(terminal, leak.port)
        for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGCONT):
            os.kill(terminal.process.pid, number)
            terminal.settle(0.3, 2)
        wait_for_rows(terminal, leak.port)
        terminal.feed("q")
        assert terminal.wait_exit() == 0
        assert_left_as_found(terminal)


@pytest.mark.parametrize("script", ['exec "$@"', '"$@"; exit $?'], ids=["alone", "under a script"])
def test_without_a_shell_to_come_back_from_it_is_not_stopped(leak: Made, script: str) -> None:
    with shell_running(script, f"port:{leak.port}") as terminal:
        wait_for_rows(terminal, leak.port)
        terminal.feed("\x1a")
        terminal.wait_for("Not stopped")
        terminal.feed("?")
        terminal.wait_for("filter as you type")
        terminal.feed("\x03")
        assert terminal.wait_exit() == 0
        assert_left_as_found(terminal)
