"""A real terminal for tests: a command in a pty, its screen as pyte understands it, and its bytes.

Nothing runs beside the test: output is read while a method waits, so a test that does not wait is
a terminal that does not read.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import pyte

#: Generous: a loaded machine is slow, and only a failing test waits this long.
DEADLINE: Final = 30.0

ALTERNATE_SCREEN: Final = 1049
CURSOR_SHOWN: Final = 25

_OSC_52: Final = re.compile(rb"\x1b\]52;[cpqs0-7]*;([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)")
_PRIVATE_MODE: Final = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
#: What pyte would draw as text: kitty keyboard, mode requests, DCS.
_UNKNOWN_TO_PYTE: Final = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9]+\$p|\x1bP.*?\x1b\\", re.DOTALL)
_UNFINISHED: Final = re.compile(rb"\x1b(?:\[[0-9;?<>=$ ]*|P[^\x1b]*\x1b?|\][^\x07\x1b]*\x1b?)?\Z")


def session_free_environment(**extra: str) -> dict[str, str]:
    """This process's environment without what tells of a terminal, a multiplexer or a session."""
    gone = ("TMUX", "TMUX_PANE", "STY", "WINDOW", "DISPLAY", "WAYLAND_DISPLAY", "NO_COLOR", "COLUMNS", "LINES", "TERM")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in gone and not name.startswith(("SSH_", "TEXTUAL_", "LC_", "SOCKVIEW_", "SUDO_"))
    }
    return {**kept, "TERM": "xterm-256color", "LANG": "C.UTF-8", **extra}


class Terminal:
    """A pty of a given size with a command in it. Use as a context manager: it ends the command."""

    most_at_once: int = 65536
    """Bytes that one look at the pty takes."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        """Start `command` as the leader of a session that this terminal controls."""
        self.raw = bytearray()
        """Every byte that the command wrote."""
        self.modes: dict[int, bool] = {CURSOR_SHOWN: True}
        """DEC private modes as last set (True) or reset (False)."""
        self._pending = b""
        self._normal = pyte.Screen(columns, rows)
        self._alternate = pyte.Screen(columns, rows)
        self._streams = {screen: pyte.ByteStream(screen) for screen in (self._normal, self._alternate)}
        self._master, self._slave = pty.openpty()
        self._set_size(columns, rows)
        self.attributes_at_start = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            list(command),
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=dict(session_free_environment() if env is None else env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_take_controlling_terminal,
        )

    # ------------------------------------------------------------------ what is seen
    @property
    def screen(self) -> Any:
        """The pyte screen that is shown now: the alternate one while a program holds it."""
        return self._alternate if self.modes.get(ALTERNATE_SCREEN) else self._normal

    @property
    def lines(self) -> list[str]:
        """The rows shown, without trailing spaces."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The whole screen, a row a line."""
        return "\n".join(self.lines)

    def attributes(self) -> list[Any]:
        """The termios attributes of the terminal now."""
        return termios.tcgetattr(self._slave)

    def clipboards(self) -> list[str]:
        """The texts sent to this terminal's clipboard by OSC 52, oldest first."""
        return [base64.b64decode(match[1]).decode() for match in _OSC_52.finditer(bytes(self.raw))]

    # ------------------------------------------------------------------ what is done
    def feed(self, keys: str | bytes) -> None:
        """Type."""
        data = keys.encode() if isinstance(keys, str) else keys
        while data:
            data = data[os.write(self._master, data) :]

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the kernel tells the program by SIGWINCH."""
        for screen in (self._normal, self._alternate):
            screen.resize(rows, columns)
        self._set_size(columns, rows)

    def hang_up(self) -> None:
        """Take the terminal away, as a closed window or a lost connection does."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def wait_for(self, wanted: str | Callable[[Terminal], object], timeout: float = DEADLINE) -> None:
        """Read until the screen holds the text, or the predicate holds; else fail with the screen."""
        deadline = time.monotonic() + timeout
        while not (wanted in self.text if isinstance(wanted, str) else wanted(self)):
            if time.monotonic() > deadline:
                raise AssertionError(f"not seen within {timeout} s: {wanted!r}\n{self.dump()}")
            self.pump(0.05)

    def wait_exit(self, timeout: float = DEADLINE) -> int:
        """Read until the command has ended and its last bytes are here; its exit status."""
        deadline = time.monotonic() + timeout
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"still running after {timeout} s\n{self.dump()}")
            self.pump(0.05)
        while self.pump(0.05):
            pass
        return self.process.returncode

    def settle(self, quiet: float = 0.4, timeout: float = DEADLINE) -> None:
        """Read until nothing has come for `quiet` seconds."""
        deadline = time.monotonic() + timeout
        while self.pump(quiet) and time.monotonic() < deadline:
            pass

    def pump(self, seconds: float) -> int:
        """Read what comes within that time at most; the number of bytes."""
        if self._master < 0:
            time.sleep(seconds)
            return 0
        readable, _, _ = select.select([self._master], [], [], seconds)
        if not readable:
            return 0
        try:
            data = os.read(self._master, self.most_at_once)
        except OSError:  # EIO: the other side is closed
            return 0
        self.raw += data
        self._show(data)
        return len(data)

    def dump(self) -> str:
        """The screen in a frame, for a failing test."""
        rule = "+" + "-" * self.screen.columns + "+"
        body = "\n".join(f"|{line}|" for line in self.screen.display)
        return f"{rule}\n{body}\n{rule}\nmodes {self.modes}, exit status {self.process.poll()}"

    # ------------------------------------------------------------------ inside
    def _show(self, data: bytes) -> None:
        data = self._pending + data
        unfinished = _UNFINISHED.search(data)
        end = unfinished.start() if unfinished else len(data)
        self._pending, data = data[end:], data[:end]
        start = 0
        for match in _PRIVATE_MODE.finditer(data):
            self._draw(data[start : match.end()])
            start = match.end()
            for number in match[1].split(b";"):
                self._set_mode(int(number), match[2] == b"h")
        self._draw(data[start:])

    def _draw(self, data: bytes) -> None:
        self._streams[self.screen].feed(_UNKNOWN_TO_PYTE.sub(b"", data))

    def _set_mode(self, number: int, on: bool) -> None:
        if number == ALTERNATE_SCREEN and on and not self.modes.get(ALTERNATE_SCREEN):
            self._alternate.reset()
        self.modes[number] = on

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def close(self) -> None:
        """End every process of the command's session, a shell's stopped jobs too, and close the terminal."""
        for pid in processes_of_session(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=DEADLINE)
        self.hang_up()
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _take_controlling_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def processes_of_session(session: int) -> list[int]:
    """PIDs of the processes in the session of that leader."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(ProcessLookupError):
            if name.isdecimal() and os.getsid(int(name)) == session:
                found.append(int(name))
    return found


def running(pid: int) -> bool:
    """Whether the process is there and not a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
