"""A private tmux for tests: its own server and socket, shown in a terminal whose bytes are kept."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from tests.live.terminal_harness import DEADLINE, Terminal, session_free_environment
from tests.waiting import wait_until

TMUX = shutil.which("tmux")


class Tmux:
    """One tmux server with one window; `outer` is the terminal that tmux itself is shown in."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        set_clipboard: str = "external",
        outer_term: str = "xterm-256color",
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start `command` in tmux at columns x rows (the status line is off), with this `set-clipboard`."""
        assert TMUX is not None, "no tmux here"
        self._folder = tempfile.mkdtemp(prefix="sockview-tmux-")
        self.socket = os.path.join(self._folder, "socket")
        self._environ = session_free_environment(**(env or {}), TERM=outer_term)
        config = os.path.join(self._folder, "conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"set -g status off\nset -s set-clipboard {set_clipboard}\nset -g remain-on-exit on\n")
        self._tmux = [TMUX, "-S", self.socket, "-f", config]
        self.outer = Terminal([*self._tmux, "new-session", *command], columns=columns, rows=rows, env=self._environ)

    def run(self, *arguments: str) -> str:
        """A tmux command's output; CalledProcessError when it fails."""
        done = subprocess.run(
            [*self._tmux, *arguments], env=self._environ, capture_output=True, text=True, check=True, timeout=30
        )
        return done.stdout

    def send_keys(self, *keys: str) -> None:
        """Type into the window; names of keys as tmux(1) has them."""
        self.run("send-keys", *keys)

    def capture(self) -> str:
        """The window's text."""
        return self.run("capture-pane", "-p")

    def buffer(self) -> str | None:
        """The newest paste buffer; None when there is none."""
        try:
            return self.run("show-buffer")
        except subprocess.CalledProcessError:
            return None

    def wait_for(self, wanted: str | Callable[[str], object]) -> None:
        """Wait until the window holds the text, or the predicate of its text holds."""

        def seen() -> bool:
            self.outer.pump(0.05)
            text = self._captured()
            return wanted in text if isinstance(wanted, str) else bool(wanted(text))

        assert wait_until(seen, DEADLINE), f"not seen in tmux: {wanted!r}\n{self._captured()}\n{self.outer.dump()}"

    def _captured(self) -> str:
        try:
            return self.capture()
        except subprocess.CalledProcessError:  # the server is still starting
            return ""

    def close(self) -> None:
        """End the server and all that runs in it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("kill-server")
        self.outer.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
