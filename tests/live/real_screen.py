"""Helpers of the tests that run the real program in a real terminal."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import psutil

from tests.live.socket_makers import Made
from tests.live.terminal_harness import (
    ALTERNATE_SCREEN,
    CURSOR_SHOWN,
    DEADLINE,
    Terminal,
    running,
    session_free_environment,
)
from tests.waiting import wait_until

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
    return wait_until(lambda: not any(running(pid) for pid in pids), DEADLINE)


def assert_left_as_found(terminal: Terminal) -> None:
    assert terminal.attributes() == terminal.attributes_at_start
    assert terminal.modes[CURSOR_SHOWN], terminal.dump()
    assert not [mode for mode in OFF_AFTERWARDS if terminal.modes.get(mode)], terminal.dump()
    assert terminal.modes.get(7, True), "lines no longer wrap"
    assert terminal.raw.count(b"\x1b[>") == terminal.raw.count(b"\x1b[<u"), "kitty keyboard is still on"
