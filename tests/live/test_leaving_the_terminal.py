"""Every way out leaves the terminal as it was found, and nobody behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.live.real_screen import (
    all_gone,
    assert_left_as_found,
    in_terminal,
    readers_of,
    shell_running,
    sockview_of,
    wait_for_rows,
)
from tests.live.socket_makers import Made
from tests.live.terminal_harness import DEADLINE
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("way", "status"),
    [
        ("q", 0),
        ("\x03", 0),
        ("/cw\x03", 0),
        ("?\x03", 0),
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGHUP, 128 + signal.SIGHUP),
        (signal.SIGQUIT, 128 + signal.SIGQUIT),
        (signal.SIGINT, 128 + signal.SIGINT),
    ],
    ids=["q", "Ctrl+C", "Ctrl+C in the filter", "Ctrl+C in the help", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"],
)
def test_the_terminal_is_left_as_it_was_found(leak: Made, way: str | signal.Signals, status: int) -> None:
    with sockview_of(leak) as terminal:
        wait_for_rows(terminal, leak.port)
        readers = readers_of(terminal)
        assert readers
        if isinstance(way, signal.Signals):
            os.kill(terminal.process.pid, way)
        else:
            terminal.feed(way)
        assert terminal.wait_exit() == status
        assert_left_as_found(terminal)
        assert all_gone(readers)


def test_an_exception_is_one_sentence_on_a_terminal_as_it_was_found(leak: Made) -> None:
    program = """
import sys
from sockview.ui.app import SockviewApp
def fail(self):
    raise ValueError("a secret of the system")
SockviewApp.action_pause = fail
from sockview.cli import main
sys.exit(main())
"""
    with in_terminal([sys.executable, "-c", program, f"port:{leak.port}"]) as terminal:
        wait_for_rows(terminal, leak.port)
        readers = readers_of(terminal)
        terminal.feed("p")
        assert terminal.wait_exit() == 1
        assert_left_as_found(terminal)
        assert "ValueError" in terminal.text
        assert "Traceback" not in terminal.text
        assert all_gone(readers)


def test_a_screen_that_hangs_is_ended_by_a_signal_with_its_terminal_restored(leak: Made) -> None:
    program = """
import sys, time
from sockview.ui.app import SockviewApp
async def hang(self):
    try:
        await __import__("asyncio").sleep(600)
    finally:
        time.sleep(600)
SockviewApp.action_pause = hang
from sockview.cli import main
sys.exit(main())
"""
    with in_terminal([sys.executable, "-c", program, f"port:{leak.port}"]) as terminal:
        wait_for_rows(terminal, leak.port)
        readers = readers_of(terminal)
        terminal.feed("p")
        terminal.settle(0.3, 2)
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.wait_exit() == 128 + signal.SIGTERM
        assert_left_as_found(terminal)
        assert all_gone(readers)


@pytest.mark.parametrize("script", ['exec "$@"', 'trap "" HUP; exec "$@"'], ids=["hangup", "hangup ignored"])
def test_a_vanished_terminal_ends_both_processes(leak: Made, script: str) -> None:
    with shell_running(script, f"port:{leak.port}") as terminal:
        wait_for_rows(terminal, leak.port)
        pids = [terminal.process.pid, *readers_of(terminal)]
        assert len(pids) > 1
        terminal.hang_up()
        assert wait_until(lambda: terminal.process.poll() is not None, DEADLINE)
        assert all_gone(pids)


def test_a_killed_screen_takes_its_reader_along(leak: Made) -> None:
    with sockview_of(leak) as terminal:
        wait_for_rows(terminal, leak.port)
        readers = readers_of(terminal)
        os.kill(terminal.process.pid, signal.SIGKILL)
        terminal.wait_exit()
        assert all_gone(readers)


def test_a_killed_reader_is_replaced_and_the_screen_says_so(leak: Made) -> None:
    with sockview_of(leak) as terminal:
        wait_for_rows(terminal, leak.port)
        (reader,) = readers_of(terminal)
        os.kill(reader, signal.SIGKILL)
        terminal.wait_for("The reader started anew")
        wait_for_rows(terminal, leak.port)
        (other,) = readers_of(terminal)
        assert other != reader
        terminal.feed("y")
        terminal.wait_for(f"PID {leak.pid} sent")
        terminal.feed("q")
        assert terminal.wait_exit() == 0
        assert all_gone([other])


def test_a_reader_that_does_not_answer_is_said(leak: Made) -> None:
    with sockview_of(leak) as terminal:
        wait_for_rows(terminal, leak.port)
        (reader,) = readers_of(terminal)
        os.kill(reader, signal.SIGSTOP)
        try:
            terminal.wait_for("does not answer")
            terminal.feed("y")
            terminal.wait_for("Nothing copied")
        finally:
            os.kill(reader, signal.SIGCONT)
        terminal.wait_for(lambda seen: "does not answer" not in seen.text)


@pytest.mark.parametrize(
    ("script", "term", "reason"),
    [
        ('"$@" < /dev/null', "xterm", "Standard input is no terminal"),
        ('"$@" <&-', "xterm", "Standard input is no terminal"),
        ('"$@" 2> "$ERRORS"', "xterm", "Standard error is no terminal"),
        ('"$@"', "dumb", "type dumb"),
        ('"$@"', "no-such-terminal", "type no-such-terminal"),
        ('"$@"', "", "TERM is not set"),
    ],
    ids=["stdin null", "stdin closed", "stderr elsewhere", "dumb", "unknown", "unset"],
)
def test_without_a_screen_it_prints_once_and_says_why(
    leak: Made, tmp_path: Path, script: str, term: str, reason: str
) -> None:
    errors = tmp_path / "errors"
    with shell_running(script, f"cw port:{leak.port}", TERM=term, ERRORS=str(errors)) as terminal:
        assert terminal.wait_exit() == 0
        said = terminal.raw.decode() + (errors.read_text() if errors.exists() else "")
        assert reason in said
        assert said.count(f"127.0.0.1:{leak.port}") == 3
        assert "\x1b" not in said
        assert terminal.attributes() == terminal.attributes_at_start
