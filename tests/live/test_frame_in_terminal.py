"""After a walk over many keys the terminal shows what it shows when every cell is sent again."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from tests.live.socket_makers import holding
from tests.live.terminal_harness import Terminal, session_free_environment

ROOT = str(Path(__file__).parents[2])

KEYS = [
    "j",
    "k",
    "G",
    "g",
    "v",
    "s",
    "S",
    " ",
    "w",
    "t",
    "a",
    "\r",
    "\x1b[B",
    "\x1b[6~",
    "/cw\r",
    "/日本\r",
    "\t",
    "??",
]


def walk(seed: int) -> list[str]:
    """Keys that leave the program running; `??` opens the help and closes it."""
    return random.Random(seed).choices(KEYS, k=30)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_screen_is_that_of_a_full_repaint(seed: int) -> None:
    with (
        holding("close_wait", 30) as leak,
        Terminal(
            [sys.executable, "-m", "sockview", f"port:{leak.port}", "--interval", "60"],
            env=session_free_environment(),
            cwd=ROOT,
        ) as terminal,
    ):
        terminal.wait_for("CLOSE_WAIT")
        terminal.settle()
        for key in walk(seed):
            terminal.feed(key)
            terminal.pump(0.08)
        terminal.settle(0.8)
        before = list(terminal.lines[1:])
        terminal.feed("\x0c")
        terminal.settle(0.8)
        assert terminal.lines[1:] == before
