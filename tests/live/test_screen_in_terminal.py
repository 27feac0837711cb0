"""The real program in a real terminal at 80x24: what a user types, sees and is left with."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.live.socket_makers import Made, holding
from tests.live.terminal_harness import (
    ALTERNATE_SCREEN,
    CURSOR_SHOWN,
    Terminal,
    running,
    session_free_environment,
    wait_until,
)
from tests.live.tmux_harness import TMUX, Tmux

ROOT = str(Path(__file__).parents[2])
SOCKVIEW = [sys.executable, "-m", "sockview"]
BASH = shutil.which("bash")
#: A session over SSH: so the terminal is the clipboard, whatever desktop the tests run on.
SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}

#: Modes that Textual or sockview may set, and that must be off afterwards.
OFF_AFTERWARDS = (ALTERNATE_SCREEN, 1000, 1003, 1015, 1006, 1016, 1004, 2004, 2048, 2026)

CURSOR = "›"


def in_terminal(command: list[str], **env: str) -> Terminal:
    return Terminal(command, env=session_free_environment(**{**SSH, **env}), cwd=ROOT)


def sockview(*arguments: str, **env: str) -> Terminal:
    return in_terminal([*SOCKVIEW, *arguments], **env)


def sockview_of(leak: Made, **env: str) -> Terminal:
    """With nothing but the leak's sockets in the table: the machine may have thousands of others."""
    return sockview(f"port:{leak.port}", **env)


def shell_running(script: str, *arguments: str, **env: str) -> Terminal:
    """A shell script in the terminal in which `"$@"` is sockview."""
    return in_terminal(["sh", "-c", script, "sh", *SOCKVIEW, *arguments], **env)


@pytest.fixture
def leak() -> Iterator[Made]:
    """A process with three CLOSE_WAIT sockets."""
    with holding("close_wait", 3) as made:
        yield made


def wait_for_rows(terminal: Terminal, port: int) -> None:
    terminal.wait_for(lambda seen: f":{port} " in seen.text)


def cursor_line(terminal: Terminal) -> int:
    """Screen row of the table's cursor; -1 when none is shown."""
    return next((number for number, line in enumerate(terminal.lines) if line.startswith(CURSOR)), -1)


def what_stays(terminal: Terminal, port: int) -> list[tuple[int, str]]:
    """Row number and text of what no refresh changes: first word, heading, the leak's sockets, last line."""
    kept = [(0, terminal.lines[0].split(" ")[:2][-1])]
    for number, line in enumerate(terminal.lines):
        if "LOCAL" in line or number == len(terminal.lines) - 1:
            kept.append((number, line))
        elif f":{port} " in line:
            kept.append((number, " ".join(word for word in line.split() if ":" in word)))
    return kept


def at_prompt(terminal: Terminal) -> bool:
    """The shell, not the program, has the terminal and waits for a command."""
    written = [line for line in terminal.lines if line]
    return not terminal.modes.get(ALTERNATE_SCREEN) and bool(written) and written[-1] == "prompt>"


def readers_of(terminal: Terminal) -> list[int]:
    """PIDs of the children of the program in the terminal: the reader."""
    return [child.pid for child in psutil.Process(terminal.process.pid).children(recursive=True)]


def all_gone(pids: list[int]) -> bool:
    return wait_until(lambda: not any(running(pid) for pid in pids))


def assert_left_as_found(terminal: Terminal) -> None:
    assert terminal.attributes() == terminal.attributes_at_start
    assert terminal.modes[CURSOR_SHOWN], terminal.dump()
    assert not [mode for mode in OFF_AFTERWARDS if terminal.modes.get(mode)], terminal.dump()
    assert terminal.modes.get(7, True), "lines no longer wrap"
    assert terminal.raw.count(b"\x1b[>") == terminal.raw.count(b"\x1b[<u"), "kitty keyboard is still on"


# ------------------------------------------------------------------ use
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


# ------------------------------------------------------------------ ways out
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
        assert wait_until(lambda: terminal.process.poll() is not None)
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


# ------------------------------------------------------------------ stop and go
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


# ------------------------------------------------------------------ no screen
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
