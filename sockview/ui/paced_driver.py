"""A terminal driver that knows whether the terminal has taken what was sent, so that a slow line is spared frames.

Textual hands every frame to a thread that writes it, and up to 30 of them wait there: on a slow line seconds of old
pictures, before a key shows its effect.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import IO, Any, Final, cast

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver


class CountedOutput:
    """What the writing thread writes to; counts how much of what it was given has gone out."""

    def __init__(self, stream: IO[str], when_out: Callable[[], object]) -> None:
        """`when_out` is called in the writing thread, when all is out and somebody has waited for it."""
        self._stream: Final = stream
        self._when_out: Final = when_out
        self._lock: Final = threading.Lock()
        self._given = self._written = self._out = 0
        self._awaited = False

    def expect(self) -> None:
        """One more text is on its way to `write`."""
        with self._lock:
            self._given += 1

    def is_out(self) -> bool:
        """Whether the terminal has taken all; if not, it will be told when it has."""
        with self._lock:
            self._awaited = self._out != self._given
            return not self._awaited

    # ------------------------------------------------------------ what the writing thread calls
    def write(self, text: str) -> int:
        count = self._stream.write(text)
        self._written += 1
        return count

    def flush(self) -> None:
        """Blocks until the terminal has taken what was written."""
        written = self._written
        self._stream.flush()
        with self._lock:
            self._out = written
            awaited = self._awaited and self._out == self._given
            if awaited:
                self._awaited = False
        if awaited:
            self._when_out()

    def fileno(self) -> int:
        return self._stream.fileno()


class PacedDriver(LinuxDriver):
    """Textual's driver for terminals, with `is_free`."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        # There is a standard error, and it is a terminal: without one no screen is shown.
        self._output = CountedOutput(cast("IO[str]", self._file), self._tell)
        self._file = cast("Any", self._output)
        self._loop = asyncio.get_running_loop()
        self.when_free: Callable[[], object] = lambda: None
        """Called in the event loop when the terminal has taken all, after `is_free` was False."""

    def is_free(self) -> bool:
        """Whether the terminal has taken all that was sent."""
        return self._output.is_out()

    def write(self, data: str) -> None:
        self._output.expect()
        super().write(data)

    def _tell(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.when_free)
