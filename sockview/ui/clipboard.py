"""Puts a text into the clipboard in front of the user: the one module that decides by which way.

Over SSH only the terminal can do it (OSC 52, xterm's ctlseqs: "Manipulate Selection Data"), and it
never acknowledges. tmux and GNU screen stand between and each needs its own way; a local desktop
is served by pyperclip.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sockview.model.clean_text import clean

Way = Literal["tmux", "screen", "osc52", "desktop", "none"]

#: Longest OSC 52 payload in base64 characters: tmux carries 700 KB and drops 800 KB.
MAX_OSC_52: Final = 500_000

#: Bytes of one DCS string that GNU screen surely passes on (it cuts longer ones off).
SCREEN_CHUNK: Final = 76

#: Seconds that tmux or the desktop's clipboard may take.
TIMEOUT: Final = 3.0

#: Where root looks for programs: directories that only root can write to.
SAFE_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin"

_NO_CLIPBOARD_TERMS: Final = ("linux", "vt", "cons", "sun")

_IN_BUFFER_AND_SENT: Final = "in tmux's buffer, and sent to your terminal"
_IN_BUFFER_ALONE: Final = "in tmux's buffer; tmux knows no clipboard of your terminal"

#: Reads back what it copied, because pyperclip ignores the exit status of xclip and its like. Qt's
#: clipboard would end with this process. The helpers stay in the background: they get no pipe.
_DESKTOP_PROGRAM: Final = """
import os, sys
text = sys.stdin.buffer.read().decode()
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
import pyperclip
copy, paste = pyperclip.determine_clipboard()
if copy.__name__ == "copy_qt":
    sys.exit(1)
copy(text)
sys.exit(0 if paste() == text else 1)
"""


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What became of one copy."""

    way: Way
    confirmed: bool
    """It is known to have arrived. False where there is no acknowledgement."""
    notice: str
    """By which way, or why by none: words for the user, to stand behind what was copied."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to be run with the text on its standard input."""

    argv: tuple[str, ...]
    stdin: bytes
    environ: Mapping[str, str]
    user: tuple[int, int] | None = None
    """(uid, gid) to become first; None: stay who we are."""


#: Runs a command: its standard output if it ended with status 0, else None. Called in a thread.
Run = Callable[[Command], bytes | None]


def run_command(command: Command) -> bytes | None:
    """Run it away from the terminal; None when it fails, cannot be started or exceeds TIMEOUT."""
    user, group = command.user or (None, None)
    try:
        process = subprocess.Popen(
            command.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(command.environ),
            cwd="/",
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )
    except (OSError, subprocess.SubprocessError):
        return None
    with process:
        try:
            output, _ = process.communicate(command.stdin, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return None
    return output if process.returncode == 0 else None


class Clipboard:
    """The clipboard of whoever sits in front of this terminal."""

    def __init__(
        self,
        environ: Mapping[str, str],
        write_to_terminal: Callable[[bytes], object],
        *,
        run: Run = run_command,
        which: Callable[[str, str], str | None] = lambda name, path: shutil.which(name, path=path),
        root: bool | None = None,
        platform: str = sys.platform,
    ) -> None:
        """`environ` as `session_environ` gives it; `write_to_terminal` gets ASCII bytes to send as they are.

        `which` gets a program's name and a PATH; `root` is whether this process has root's rights.
        """
        self._environ = environ
        self._write = write_to_terminal
        self._run = run
        self._which = which
        self._root = os.geteuid() == 0 if root is None else root
        self._platform = platform

    async def copy(self, text: str) -> CopyResult:
        """Copy by the way that fits the session. Never raises, never blocks the event loop."""
        if not text:
            return CopyResult("none", False, "there is nothing to copy")
        if self._environ.get("TMUX"):
            return await self._by_tmux(text)
        if not self._environ.get("STY") and self._on_desktop() and await self._by_desktop(text):
            return CopyResult("desktop", True, "copied to the desktop clipboard")
        return self._by_terminal(text)

    # ------------------------------------------------------------------ tmux
    async def _by_tmux(self, text: str) -> CopyResult:
        features = await self._load_buffer(text, "-w")
        if features is not None:
            # Passing on is tmux's own choice, made by what it knows of the outer terminal.
            return CopyResult("tmux", True, _IN_BUFFER_AND_SENT if "clipboard" in features else _IN_BUFFER_ALONE)
        # tmux before 3.2 has no -w, but passes DCS strings on; a tmux that could not be asked may do
        # either, and takes what it does not know in silence.
        in_buffer = await self._load_buffer(text) is not None
        sequence = _osc_52(text)
        sent = sequence is not None and self._send(_through_tmux(sequence) + sequence)
        if in_buffer:
            return CopyResult("tmux", True, _IN_BUFFER_AND_SENT if sent else "in tmux's buffer")
        if sent:
            return CopyResult("osc52", False, "sent through tmux to your terminal (OSC 52); tmux itself did not answer")
        return self._nowhere(text)

    async def _load_buffer(self, text: str, *options: str) -> list[str] | None:
        """Fill tmux's newest buffer; what the outer terminal can do, or None where it failed.

        A server that refuses its client ends it with status 0, so the word printed afterwards is
        what tells success.
        """
        path = self._search_path()
        program = self._which("tmux", path)
        if program is None:
            return None
        argv = (program, "load-buffer", *options, "-", ";", "display-message", "-p", "loaded,#{client_termfeatures}")
        owner = self._owner_of_tmux() if self._root else None
        command = Command(argv, text.encode(), {**self._environ, "PATH": path}, owner)
        output = await asyncio.to_thread(self._run, command)
        words = (output or b"").decode(errors="replace").strip().split(",")
        return words[1:] if words[0] == "loaded" else None

    def _owner_of_tmux(self) -> tuple[int, int] | None:
        """Owner and group of tmux's socket: a server can make its client run programs, so root is not the client."""
        socket_path = self._environ["TMUX"].rsplit(",", 2)[0]
        try:
            status = os.stat(socket_path)
        except OSError:
            return None
        return (status.st_uid, status.st_gid) if status.st_uid != 0 else None

    # ------------------------------------------------------------------ desktop
    def _on_desktop(self) -> bool:
        """Whether this machine's own display is the one in front of the user, as far as can be told."""
        if self._environ.get("SSH_CONNECTION") or self._environ.get("SSH_TTY"):
            return False
        return self._platform == "darwin" or any(self._environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))

    async def _by_desktop(self, text: str) -> bool:
        environ = {**self._environ, "PATH": self._search_path()}
        command = Command((sys.executable, "-P", "-c", _DESKTOP_PROGRAM), text.encode(), environ)
        return await asyncio.to_thread(self._run, command) is not None

    # ------------------------------------------------------------------ the terminal itself
    def _by_terminal(self, text: str) -> CopyResult:
        term = self._environ.get("TERM", "")
        in_screen = bool(self._environ.get("STY"))
        if not in_screen and term.startswith(_NO_CLIPBOARD_TERMS):
            return CopyResult("none", False, f"a terminal of type {clean(term, 40)} has no clipboard")
        sequence = _osc_52(text)
        if sequence is None:
            return self._nowhere(text)
        if in_screen:
            if self._send(_through_screen(sequence)):
                return CopyResult("screen", False, "sent through screen to your terminal (OSC 52)")
            return self._nowhere(text)
        notice = "sent to your terminal (OSC 52)"
        if term.startswith("tmux"):
            # A tmux on the near side of SSH: what it does is its own setting.
            sequence = _through_tmux(sequence) + sequence
            notice = "sent to your terminal (OSC 52); tmux there needs `set-clipboard on`"
        elif term.startswith("screen"):
            # GNU screen or an older tmux on the near side: each takes its own form and drops the other.
            sequence = _through_screen(sequence) + sequence
        return CopyResult("osc52", False, notice) if self._send(sequence) else self._nowhere(text)

    def _send(self, data: bytes) -> bool:
        try:
            self._write(data)
        except OSError:
            return False
        return True

    def _nowhere(self, text: str) -> CopyResult:
        if _osc_52(text) is None:
            return CopyResult("none", False, f"{len(text):,} characters are too many for a terminal's clipboard")
        return CopyResult("none", False, "no clipboard could be reached")

    def _search_path(self) -> str:
        """For root a fixed path; else the user's, without entries that depend on the directory we are in."""
        if self._root:
            return SAFE_PATH
        entries = self._environ.get("PATH", os.defpath).split(os.pathsep)
        return os.pathsep.join(entry for entry in entries if entry.startswith("/")) or SAFE_PATH


def _osc_52(text: str) -> bytes | None:
    """``ESC ] 52 ; c ; base64 BEL``; None where the text is too long to be carried."""
    payload = base64.b64encode(text.encode())
    return b"\x1b]52;c;" + payload + b"\a" if len(payload) <= MAX_OSC_52 else None


def _through_tmux(sequence: bytes) -> bytes:
    """Wrapped so that tmux hands it to the terminal outside (tmux(1), allow-passthrough)."""
    return b"\x1bPtmux;" + sequence.replace(b"\x1b", b"\x1b\x1b") + b"\x1b\\"


def _through_screen(sequence: bytes) -> bytes:
    """In small device control strings, which GNU screen hands on as they are (screen(1), "String Escapes")."""
    chunks = (sequence[start : start + SCREEN_CHUNK] for start in range(0, len(sequence), SCREEN_CHUNK))
    return b"".join(b"\x1bP" + chunk + b"\x1b\\" for chunk in chunks)
