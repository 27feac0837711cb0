"""Whether a screen can be shown, the environment before it, and the way back, on real ptys."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from fcntl import ioctl

import pytest

from sockview.ui.terminal import RESET, TerminalState, install_signal_handlers, prepare, screen_problem, watch_hangup


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Master and slave of a pty; closed afterwards unless the test did."""
    master, slave = pty.openpty()
    yield master, slave
    for descriptor in (master, slave):
        try:
            os.close(descriptor)
        except OSError as error:
            assert error.errno == 9, error  # EBADF: the test closed it


# ------------------------------------------------------------------ screen_problem
def everything(_: int) -> bool:
    return True


@pytest.mark.parametrize(("descriptor", "name"), [(0, "input"), (1, "output"), (2, "error")])
def test_a_descriptor_without_a_terminal_is_named(descriptor: int, name: str) -> None:
    problem = screen_problem({"TERM": "xterm"}, lambda asked: asked != descriptor)
    assert problem is not None
    assert problem.startswith(f"Standard {name} is no terminal")


@pytest.mark.parametrize("environ", [{}, {"TERM": ""}])
def test_an_unset_term_is_refused(environ: dict[str, str]) -> None:
    assert (screen_problem(environ, everything) or "").startswith("TERM is not set")


@pytest.mark.parametrize(
    "term",
    ["xterm-256color", "screen", "screen.xterm-256color", "tmux-256color", "linux", "xterm-ghostty", "foot", "XTERM"],
)
def test_known_families_need_no_terminfo(term: str) -> None:
    assert screen_problem({"TERM": term, "TERMINFO": "/nonexistent"}, everything) is None


def problem_in_a_new_process(term: str) -> str:
    """terminfo is read once a process."""
    program = (
        "import sys; from sockview.ui.terminal import *; print(screen_problem({'TERM': sys.argv[1]}, lambda _: True))"
    )
    command = [sys.executable, "-c", program, term]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.mark.parametrize("term", ["dumb", "unknown", "no-such-terminal", "../../etc/passwd", "\x1b[2J"])
def test_a_terminal_that_cannot_move_its_cursor_is_refused(term: str) -> None:
    problem = problem_in_a_new_process(term)
    assert "shows no screen" in problem
    assert problem.isprintable()


def test_a_rare_terminal_with_a_terminfo_entry_is_taken() -> None:
    found = subprocess.run(["infocmp", "vt100"], capture_output=True, check=False).returncode == 0
    if not found:
        pytest.skip("no terminfo entry for vt100 here")
    assert problem_in_a_new_process("vt100") == "None"


# ------------------------------------------------------------------ prepare
def test_what_would_end_textual_is_taken_out_and_the_rest_stays() -> None:
    environ = {
        "TEXTUAL_COLOR_SYSTEM": "none",
        "TEXTUAL_THEME": "nord",
        "LINES": "9",
    }
    prepare(environ)
    assert environ == {"TEXTUAL_THEME": "nord", "TEXTUAL_ANIMATIONS": "none", "LINES": "9"}


def test_a_colour_system_that_exists_stays() -> None:
    environ = {"TEXTUAL_COLOR_SYSTEM": "256"}
    prepare(environ)
    assert environ["TEXTUAL_COLOR_SYSTEM"] == "256"


def test_every_colour_system_taken_exists_in_rich() -> None:
    from rich.console import COLOR_SYSTEMS

    from sockview.ui.terminal import _COLOR_SYSTEMS

    assert set(COLOR_SYSTEMS) | {"auto"} >= _COLOR_SYSTEMS


def test_the_size_is_taken_from_the_terminal_where_it_has_one(terminal: tuple[int, int]) -> None:
    _, slave = terminal
    with open(slave, "w", closefd=False) as output:
        environ = {"COLUMNS": "200", "LINES": "9"}
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
        prepare(environ, output)
        assert environ["COLUMNS"] == "200"
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        prepare(environ, output)
        assert "COLUMNS" not in environ
        assert "LINES" not in environ


def test_boxes_reach_the_terminal_as_utf_8_in_any_locale(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    with io.TextIOWrapper(open(slave, "wb", 0, closefd=False), encoding="latin-1", write_through=True) as output:
        prepare({}, output)
        output.write("█")
    assert os.read(master, 100) == "█".encode()


# ------------------------------------------------------------------ watch_hangup
def test_a_closed_terminal_is_noticed_and_typing_is_not(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    gone = threading.Event()
    thread = watch_hangup(slave, gone.set)
    os.write(master, b"keys\n")
    assert os.read(slave, 100) == b"keys\n"
    assert not gone.wait(0.2)
    os.close(master)
    assert gone.wait(30)
    thread.join(30)
    assert not thread.is_alive()


def test_a_descriptor_that_poll_does_not_serve_is_left_alone() -> None:
    gone = threading.Event()
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    thread = watch_hangup(reading, gone.set)
    thread.join(30)
    assert not thread.is_alive()
    assert not gone.is_set()


# ------------------------------------------------------------------ install_signal_handlers
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_a_signal_leaves_once_with_its_status(number: signal.Signals) -> None:
    # In a process of its own: after a signal it ends itself when it does not end.
    program = f"""
import asyncio, os, sys
from sockview.ui.terminal import install_signal_handlers
async def main():
    left = []
    done = asyncio.Event()
    def leave(status):
        left.append(status)
        os.kill(os.getpid(), {number.value})
        asyncio.get_running_loop().call_later(0.2, done.set)
    install_signal_handlers(asyncio.get_running_loop(), leave)
    os.kill(os.getpid(), {number.value})
    await done.wait()
    print(left)
    return left[0]
sys.exit(asyncio.run(main()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == f"[{128 + number}]\n", done.stderr
    assert done.returncode == 128 + number


def test_an_ignored_hangup_stays_ignored() -> None:
    before = {
        number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)
    }

    async def try_it() -> list[int]:
        left: list[int] = []
        install_signal_handlers(asyncio.get_running_loop(), left.append)
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.1)
        return left

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert asyncio.run(try_it()) == []
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_an_app_that_does_not_leave_is_ended_with_its_terminal_restored(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    found = termios.tcgetattr(slave)
    program = """
import asyncio, os, signal, time, tty
import sockview.ui.terminal as terminal
terminal.GRACE = 0.2
async def main():
    state = terminal.TerminalState()
    tty.setraw(0)
    terminal.install_signal_handlers(asyncio.get_running_loop(), lambda status: time.sleep(600), state)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    status = subprocess.run(
        [sys.executable, "-c", program], stdin=slave, stdout=slave, stderr=slave, timeout=60, check=False
    )
    assert status.returncode == 128 + signal.SIGTERM
    assert termios.tcgetattr(slave) == found
    assert os.read(master, 1000) == RESET


# ------------------------------------------------------------------ TerminalState
def make_raw(descriptor: int) -> None:
    raw = termios.tcgetattr(descriptor)
    raw[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
    termios.tcsetattr(descriptor, termios.TCSANOW, raw)


def test_a_broken_terminal_is_restored_and_only_once(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    found = termios.tcgetattr(slave)
    state = TerminalState(slave, slave)
    make_raw(slave)
    assert state.changed
    state.restore()
    state.restore()
    assert termios.tcgetattr(slave) == found
    assert os.read(master, 1000) == RESET


def test_a_terminal_in_its_mode_gets_no_byte(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    TerminalState(slave, slave).restore()
    os.write(slave, b"after")
    assert os.read(master, 1000) == b"after"


def test_restoring_a_terminal_that_has_gone_is_harmless(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    state = TerminalState(slave, slave)
    make_raw(slave)
    os.close(master)
    state.restore()
    os.close(slave)
    state.restore()


def test_without_a_terminal_there_is_nothing_to_restore() -> None:
    reading, writing = os.pipe()
    state = TerminalState(reading, writing)
    state.restore()
    os.close(writing)
    assert os.read(reading, 10) == b""
    os.close(reading)


def test_a_stopped_terminal_does_not_hold_the_way_out(terminal: tuple[int, int]) -> None:
    _, slave = terminal
    found = termios.tcgetattr(slave)
    state = TerminalState(slave, slave)
    make_raw(slave)
    termios.tcflow(slave, termios.TCOOFF)
    state.restore()
    assert termios.tcgetattr(slave) == found
    termios.tcflow(slave, termios.TCOON)


def test_the_reset_sets_no_mode_but_wrap_and_cursor() -> None:
    assert {part for part in RESET.split(b"\x1b[") if part.endswith(b"h")} == {b"?7h", b"?25h"}
