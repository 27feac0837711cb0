"""The ways of a copy through real terminals, tmux and GNU screen: what arrives is what was copied."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from pathlib import Path

import pytest

from tests.live.terminal_harness import Terminal, session_free_environment
from tests.live.tmux_harness import TMUX, Tmux

SCREEN = shutil.which("screen")
ROOT = Path(__file__).parents[2]
PIDS = "7306 7310 4242"
SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}

needs_tmux = pytest.mark.skipif(TMUX is None, reason="no tmux here")
needs_screen = pytest.mark.skipif(SCREEN is None, reason="no GNU screen here")

#: Copies its argument, then says what became of it and waits for Enter.
PROGRAM = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[1])
from sockview.ui.clipboard import Clipboard
from sockview.ui.session import session_environ
text = sys.argv[2] if sys.argv[2] else ' '.join(map(str, range(1, int(sys.argv[3]))))
def write(data):
    while data:
        data = data[os.write(2, data):]
result = asyncio.run(Clipboard(session_environ(os.environ), write).copy(text))
print('way', result.way, result.confirmed)
print(result.notice)
print('done', flush=True)
input()
"""


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    path = tmp_path / "copy_program.py"
    path.write_text(PROGRAM)
    return [sys.executable, str(path), str(ROOT)]


def many(numbers: int) -> str:
    return " ".join(map(str, range(1, numbers)))


def test_a_plain_terminal_gets_the_text(program: list[str]) -> None:
    with Terminal([*program, PIDS], env=session_free_environment(**SSH)) as terminal:
        terminal.wait_for("done")
        assert terminal.clipboards() == [PIDS]
        assert "way osc52 False" in terminal.text


@needs_tmux
@pytest.mark.parametrize("setting", ["external", "on", "off"])
def test_tmux_keeps_the_text_and_hands_it_on_whatever_its_setting(program: list[str], setting: str) -> None:
    with Tmux([*program, PIDS], set_clipboard=setting, env=SSH) as tmux:
        tmux.wait_for("done")
        tmux.outer.wait_for(lambda outer: outer.clipboards())
        assert tmux.buffer() == PIDS
        assert tmux.outer.clipboards() == [PIDS]
        assert "way tmux True" in tmux.capture()
        assert "sent to your terminal" in tmux.capture()


@needs_tmux
def test_tmux_in_a_terminal_without_a_clipboard_is_not_said_to_have_sent(program: list[str]) -> None:
    with Tmux([*program, PIDS], outer_term="screen-256color") as tmux:
        tmux.wait_for("done")
        tmux.outer.settle()
        assert tmux.buffer() == PIDS
        assert tmux.outer.clipboards() == []
        assert "way tmux True" in tmux.capture()
        assert "sent to your terminal" not in tmux.capture()


@needs_tmux
def test_tmux_is_found_above_a_cleaned_environment(program: list[str]) -> None:
    # What sudo leaves: TERM and PATH.
    cleaned = ["env", "-i", "TERM=tmux-256color", f"PATH={os.environ['PATH']}"]
    shell = ["sh", "-c", '"$@"; true', "sh"]
    with Tmux([*shell, *cleaned, *program, PIDS]) as tmux:
        tmux.wait_for("done")
        assert tmux.buffer() == PIDS
        tmux.outer.wait_for(lambda outer: outer.clipboards() == [PIDS])


@needs_tmux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user's guest")
def test_root_reaches_the_tmux_of_another_user(program: list[str]) -> None:
    with Tmux([*program, PIDS]) as tmux:
        tmux.wait_for("done")
        tmux.run("delete-buffer")
        os.chown(tmux.socket, 65534, 65534)
        os.chmod(os.path.dirname(tmux.socket), 0o755)
        # This server runs as root and refuses everyone else (server-access): so it tells that the client
        # came as the socket's owner.
        tmux.run("respawn-pane", "-k", *program, PIDS)
        tmux.wait_for(lambda text: "done" in text and "way osc52" in text)
        assert tmux.buffer() is None
        tmux.run("server-access", "-a", pwd.getpwuid(65534).pw_name)
        tmux.run("respawn-pane", "-k", *program, PIDS)
        tmux.wait_for(lambda text: "done" in text and "way tmux" in text)
        assert tmux.buffer() == PIDS


@needs_tmux
def test_a_tmux_server_that_does_not_answer_still_lets_the_terminal_be_reached(program: list[str]) -> None:
    without = ["env", "TMUX=/nonexistent/socket,1,0"]
    with Tmux([*without, *program, PIDS], set_clipboard="on") as tmux:
        tmux.wait_for("done")
        assert "way osc52 False" in tmux.capture()
        tmux.outer.wait_for(lambda outer: PIDS in outer.clipboards())


@needs_tmux
def test_a_near_side_tmux_that_passes_things_on_gets_the_text(program: list[str]) -> None:
    far = ["env", "-u", "TMUX", "-u", "TMUX_PANE", "SSH_CONNECTION=a 1 b 22", "TERM=tmux-256color"]
    with Tmux([*far, *program, PIDS], set_clipboard="on") as tmux:
        tmux.wait_for("done")
        assert "way osc52" in tmux.capture()
        tmux.outer.wait_for(lambda outer: PIDS in outer.clipboards())


@needs_screen
@pytest.mark.parametrize("numbers", [10, 9000], ids=["some", "44 KB"])
def test_screen_hands_the_text_on(program: list[str], numbers: int, tmp_path: Path) -> None:
    folder = tmp_path / "screen"
    folder.mkdir(mode=0o700)
    environ = session_free_environment(SCREENDIR=str(folder))
    command = [SCREEN or "", "-U", "-c", "/dev/null", "-S", "test", *program, "", str(numbers)]
    with Terminal(command, env=environ) as terminal:
        terminal.wait_for("done")
        assert "way screen False" in terminal.text
        terminal.wait_for(lambda seen: seen.clipboards())
        assert terminal.clipboards() == [many(numbers)]
        terminal.feed("\n")
        terminal.wait_exit()


@needs_screen
def test_a_near_side_screen_hands_the_text_on_and_shows_none_of_it(program: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "screen"
    folder.mkdir(mode=0o700)
    environ = session_free_environment(SCREENDIR=str(folder), **SSH)
    far = ["env", "-u", "STY", "TERM=screen-256color"]
    with Terminal([SCREEN or "", "-U", "-c", "/dev/null", *far, *program, PIDS], env=environ) as terminal:
        terminal.wait_for("done")
        terminal.wait_for(lambda seen: seen.clipboards())
        assert terminal.clipboards() == [PIDS]
        assert next(line for line in terminal.lines if line).startswith("way osc52")
        terminal.feed("\n")
        terminal.wait_exit()
