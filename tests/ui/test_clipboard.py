"""Which way a copy takes in each session, and what is sent by it."""

from __future__ import annotations

import base64
import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest

from sockview.ui.clipboard import MAX_OSC_52, SAFE_PATH, SCREEN_CHUNK, Clipboard, Command, CopyResult, run_command
from tests.live.terminal_harness import DEADLINE
from tests.waiting import wait_until

PIDS = "7306 7310"
PLAIN = b"\x1b]52;c;" + base64.b64encode(PIDS.encode()) + b"\a"
TMUX_WRAPPED = b"\x1bPtmux;" + PLAIN.replace(b"\x1b", b"\x1b\x1b") + b"\x1b\\"
SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22", "TERM": "xterm-256color"}
TMUX = {"TMUX": "/nonexistent/tmux-1000/default,7,0", "TMUX_PANE": "%1", "TERM": "tmux-256color"}


class World:
    """What lies around a clipboard: a terminal that records, and programs that answer as told."""

    def __init__(
        self, environ: dict[str, str], *answers: bytes | None, root: bool = False, platform: str = "linux"
    ) -> None:
        self.sent = b""
        self.commands: list[Command] = []
        self.searched: list[tuple[str, str]] = []
        self.programs: dict[str, str] = {"tmux": "/usr/bin/tmux"}
        self._answers = list(answers)
        self.clipboard = Clipboard(environ, self.write, run=self.run, which=self.which, root=root, platform=platform)

    def write(self, data: bytes) -> None:
        self.sent += data

    def run(self, command: Command) -> bytes | None:
        self.commands.append(command)
        return self._answers.pop(0)

    def which(self, name: str, path: str) -> str | None:
        self.searched.append((name, path))
        return self.programs.get(name)


@pytest.mark.parametrize(
    "environ",
    [
        SSH,
        {"SSH_TTY": "/dev/pts/1", "TERM": "xterm"},
        {**SSH, "DISPLAY": "localhost:10.0"},
        {"TERM": "xterm-kitty"},
    ],
    ids=["ssh", "ssh tty", "ssh with X forwarding", "no display"],
)
async def test_without_a_display_of_ones_own_the_terminal_gets_osc_52(environ: dict[str, str]) -> None:
    world = World(environ)
    result = await world.clipboard.copy(PIDS)
    assert result == CopyResult("osc52", False, "sent to your terminal (OSC 52)")
    assert world.sent == PLAIN
    assert not world.commands


async def test_in_tmux_its_buffer_gets_the_text_and_it_passes_it_on() -> None:
    world = World(TMUX, b"loaded,256,clipboard,title\n")
    result = await world.clipboard.copy(PIDS)
    assert result == CopyResult("tmux", True, "in tmux's buffer, and sent to your terminal")
    (command,) = world.commands
    assert command.argv[:4] == ("/usr/bin/tmux", "load-buffer", "-w", "-")
    assert command.stdin == PIDS.encode()
    assert command.environ["TMUX"] == TMUX["TMUX"]
    assert world.sent == b""


@pytest.mark.parametrize("features", [b"loaded,\n", b"loaded,256,title\n"])
async def test_tmux_without_a_clipboard_outside_does_not_claim_one(features: bytes) -> None:
    result = await World(TMUX, features).clipboard.copy(PIDS)
    assert result.way == "tmux"
    assert "sent" not in result.notice


async def test_an_old_tmux_gets_its_buffer_filled_and_the_terminal_through_it() -> None:
    world = World(TMUX, None, b"loaded,\n")
    result = await world.clipboard.copy(PIDS)
    assert (result.way, result.confirmed) == ("tmux", True)
    assert world.commands[1].argv[1:4] == ("load-buffer", "-", ";")
    assert world.sent == TMUX_WRAPPED + PLAIN


@pytest.mark.parametrize("answer", [None, b"", b"[access not allowed]\n"])
async def test_a_tmux_that_does_not_answer_or_refuses_is_passed_through(answer: bytes | None) -> None:
    world = World(TMUX, answer, answer)
    result = await world.clipboard.copy(PIDS)
    assert (result.way, result.confirmed) == ("osc52", False)
    assert world.sent == TMUX_WRAPPED + PLAIN


async def test_tmux_goes_before_screen_ssh_and_desktop() -> None:
    world = World({**SSH, **TMUX, "STY": "1.x", "DISPLAY": ":0"}, b"loaded,clipboard")
    assert (await world.clipboard.copy(PIDS)).way == "tmux"


async def test_in_screen_the_sequence_comes_in_small_device_control_strings() -> None:
    world = World({**SSH, "STY": "99.pts-1", "TERM": "screen", "DISPLAY": ":0"})
    text = " ".join(map(str, range(1, 2000)))
    result = await world.clipboard.copy(text)
    assert (result.way, result.confirmed) == ("screen", False)
    chunks = re.findall(rb"\x1bP(.*?)\x1b\\", world.sent, re.DOTALL)
    assert b"".join(b"\x1bP" + chunk + b"\x1b\\" for chunk in chunks) == world.sent
    assert max(map(len, chunks)) == SCREEN_CHUNK
    assert b"".join(chunks) == b"\x1b]52;c;" + base64.b64encode(text.encode()) + b"\a"


async def test_a_tmux_on_the_near_side_of_ssh_gets_both_forms_and_its_setting_named() -> None:
    world = World({**SSH, "TERM": "tmux-256color"})
    result = await world.clipboard.copy(PIDS)
    assert world.sent == TMUX_WRAPPED + PLAIN
    assert "set-clipboard on" in result.notice


async def test_a_screen_on_the_near_side_of_ssh_gets_no_form_that_it_would_print() -> None:
    world = World({**SSH, "TERM": "screen-256color"})
    assert (await world.clipboard.copy(PIDS)).way == "osc52"
    assert world.sent == b"\x1bP" + PLAIN + b"\x1b\\" + PLAIN


@pytest.mark.parametrize(
    ("environ", "platform"), [({"DISPLAY": ":0"}, "linux"), ({"WAYLAND_DISPLAY": "w"}, "linux"), ({}, "darwin")]
)
async def test_on_a_desktop_its_clipboard_is_used(environ: dict[str, str], platform: str) -> None:
    world = World({"TERM": "xterm", **environ}, b"", platform=platform)
    assert await world.clipboard.copy(PIDS) == CopyResult("desktop", True, "copied to the desktop clipboard")
    assert world.commands[0].stdin == PIDS.encode()
    assert world.sent == b""


async def test_a_desktop_that_refuses_leaves_it_to_the_terminal() -> None:
    world = World({"TERM": "xterm", "DISPLAY": ":0"}, None)
    assert (await world.clipboard.copy(PIDS)).way == "osc52"
    assert world.sent == PLAIN


@pytest.mark.parametrize("term", ["linux", "vt220", "cons25"])
async def test_a_console_is_said_to_have_no_clipboard(term: str) -> None:
    world = World({**SSH, "TERM": term})
    result = await world.clipboard.copy(PIDS)
    assert (result.way, result.confirmed) == ("none", False)
    assert term in result.notice
    assert world.sent == b""


async def test_a_terminal_that_has_gone_is_no_way() -> None:
    def gone(_: bytes) -> None:
        raise OSError(5, "Input/output error")

    result = await Clipboard(SSH, gone).copy(PIDS)
    assert result == CopyResult("none", False, "no clipboard could be reached")


async def test_too_much_is_refused_with_the_number() -> None:
    for environ, answers in ((SSH, ()), ({**SSH, "STY": "1"}, ()), (TMUX, (None, None))):
        world = World(environ, *answers)
        result = await world.clipboard.copy("1 " * MAX_OSC_52)
        assert result.way == "none"
        assert f"{2 * MAX_OSC_52:,}" in result.notice
        assert world.sent == b""


async def test_nothing_is_not_copied_over_something() -> None:
    world = World(TMUX)
    assert (await world.clipboard.copy("")).way == "none"
    assert not world.commands
    assert world.sent == b""


async def test_root_takes_tmux_from_a_fixed_path_and_is_not_its_client(tmp_path: Path) -> None:
    socket_path = tmp_path / "a,b"
    socket_path.touch()
    if os.geteuid() == 0:
        os.chown(socket_path, 65534, 65533)
        owner: tuple[int, int] | None = (65534, 65533)
    else:
        owner = (os.geteuid(), socket_path.stat().st_gid)
    world = World({"TMUX": f"{socket_path},7,0", "PATH": f".:{tmp_path}:/usr/bin"}, b"loaded,", root=True)
    await world.clipboard.copy(PIDS)
    assert world.searched == [("tmux", SAFE_PATH)]
    assert world.commands[0].user == owner
    assert world.commands[0].environ["PATH"] == SAFE_PATH


async def test_a_user_takes_programs_from_no_directory_that_changes() -> None:
    world = World({**TMUX, "PATH": ".::bin:/opt/bin:/usr/bin"}, b"loaded,")
    await world.clipboard.copy(PIDS)
    assert world.searched == [("tmux", "/opt/bin:/usr/bin")]
    assert world.commands[0].user is None


async def test_without_tmux_the_program_the_terminal_is_tried_through_it() -> None:
    world = World(TMUX)
    world.programs.clear()
    assert (await world.clipboard.copy(PIDS)).way == "osc52"
    assert world.sent == TMUX_WRAPPED + PLAIN


# ------------------------------------------------------------------ run_command, with real programs
def command(*argv: str, stdin: bytes = b"") -> Command:
    return Command(argv, stdin, dict(os.environ))


def test_run_command_gives_the_output_of_a_success_only() -> None:
    assert run_command(command("/bin/cat", stdin=b"x" * 200_000)) == b"x" * 200_000
    assert run_command(command("/bin/false")) is None
    assert run_command(command("/nonexistent/program")) is None


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_run_command_ends_a_program_that_hangs_and_its_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sockview.ui.clipboard.TIMEOUT", 0.5)
    note = tmp_path / "pid"
    assert run_command(command("/bin/sh", "-c", f"sleep 600 & echo $! > {note}; wait")) is None
    child = int(note.read_text())
    assert wait_until(lambda: has_ended(child), DEADLINE)  # it is killed, and dies when it next runs


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_run_command_becomes_the_user_without_roots_groups() -> None:
    output = run_command(Command(("/usr/bin/id",), b"", dict(os.environ), (65534, 65534)))
    assert output is not None
    assert output.startswith(b"uid=65534")
    assert b"(root)" not in output


# ------------------------------------------------------------------ the desktop, with a real pyperclip
FAKE_XCLIP = """#!/bin/sh
case "$*" in *-o*) cat "$CLIP_FILE" ;; *) {store} ;; esac
"""


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but our own xclip, and DISPLAY set; the folder of the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "sleep"):
        (folder / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("CLIP_FILE", str(tmp_path / "clip"))
    return folder


def desktop_clipboard(folder: Path, sent: list[bytes]) -> Clipboard:
    environ = {**os.environ, "PATH": str(folder), "DISPLAY": ":9", "TERM": "xterm"}
    for name in ("TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "WAYLAND_DISPLAY"):
        environ.pop(name, None)
    return Clipboard(environ, sent.append, root=False, platform="linux")


def put_xclip(folder: Path, store: str) -> None:
    program = folder / "xclip"
    program.write_text(FAKE_XCLIP.format(store=store))
    program.chmod(0o755)


async def test_pyperclip_is_believed_when_the_text_can_be_read_back(desktop: Path, tmp_path: Path) -> None:
    # Like the real one, it stays in the background with what it inherited.
    put_xclip(desktop, 'cat > "$CLIP_FILE"; sleep 5 &')
    sent: list[bytes] = []
    result = await desktop_clipboard(desktop, sent).copy(PIDS)
    assert result.way == "desktop"
    assert (tmp_path / "clip").read_text() == PIDS
    assert not sent


@pytest.mark.parametrize("store", ["cat > /dev/null; exit 1", "exit 1", "cat > /dev/null"])
async def test_an_xclip_that_fails_in_silence_is_noticed(desktop: Path, store: str) -> None:
    put_xclip(desktop, store)
    sent: list[bytes] = []
    assert (await desktop_clipboard(desktop, sent).copy(PIDS)).way == "osc52"
    assert sent == [PLAIN]


async def test_a_desktop_without_any_helper_leaves_it_to_the_terminal(desktop: Path) -> None:
    assert importlib.util.find_spec("pyperclip") is not None
    sent: list[bytes] = []
    assert (await desktop_clipboard(desktop, sent).copy(PIDS)).way == "osc52"
    assert sent == [PLAIN]


def test_pyperclip_is_not_loaded_with_the_module() -> None:
    program = "import sys, sockview.ui.clipboard; sys.exit('pyperclip' in sys.modules or 'textual' in sys.modules)"
    assert run_command(command(sys.executable, "-P", "-c", program)) == b""
