"""The app's dealings with its terminal: few bytes, no traceback, whole again after a stop, no key lost."""

from __future__ import annotations

import asyncio
import gc
from typing import Any, Final

from rich.color import ColorSystem
from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual.app import App
from textual.screen import Screen

from sockview.failure_text import failure_text
from sockview.ui.frame import Frame
from sockview.ui.paced_driver import PacedDriver
from sockview.ui.terminal import TerminalState, install_signal_handlers, refresh_after_resume

#: Seconds after the start at which cycles are looked for again: by then the first rows are there.
SETTLED: Final = 2.0


class TerminalApp(App[int]):
    """Base of the screen. Sends only the cells that differ from what the terminal shows."""

    def __init__(self, terminal: TerminalState | None = None) -> None:
        """`terminal`: set where signals end the app and Ctrl+Z stops it; None in tests."""
        super().__init__(driver_class=PacedDriver)
        self._terminal = terminal
        self._frame = Frame()
        self._left_out = False
        """A frame was not sent, because the terminal had not taken the one before."""

    def settle_in(self) -> None:
        """Once mounted: take care of signals, and of coming back from a stop."""
        if self._terminal is not None:
            install_signal_handlers(asyncio.get_running_loop(), self.exit, self._terminal)
            refresh_after_resume(self, self.repaint)
            self.set_timer(SETTLED, _look_for_cycles)

    def repaint(self) -> None:
        """Send every cell again: the terminal was somebody else's meanwhile."""
        self._frame.forget()
        self.refresh(repaint=True, layout=True)

    def action_repaint(self) -> None:
        self.repaint()

    def write_to_terminal(self, data: bytes) -> None:
        """ASCII bytes in the order of the screen's own output, so that neither cuts the other."""
        if self._driver is not None:
            self._driver.write(data.decode("ascii"))

    async def on_event(self, event: events.Event) -> None:
        """Esc and a letter close together, as a slow line brings them, are read as one key with Alt (xterm's ctlseqs,
        "meta sends escape"). No key here has Alt: they were two.
        """
        if isinstance(event, events.Key) and not event.is_forwarded and event.key.startswith("alt+"):
            letter = event.key.removeprefix("alt+")
            if letter.startswith("shift+"):
                letter = letter.removeprefix("shift+").upper()
            for key in ("escape", letter):
                await super().on_event(events.Key(key, None))
        else:
            await super().on_event(event)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if self._driver is None or self._batch_count or not self._running or self._closed or self.is_headless:
            super()._display(screen, renderable)
            return
        if isinstance(self._driver, PacedDriver):
            self._driver.when_free = self._catch_up
            if not self._driver.is_free():
                self._left_out = True
                return
        width, height = screen.outer_size
        colors = self.console._color_system or ColorSystem.TRUECOLOR
        sequences = self._frame.update(renderable, width, height, colors)
        if sequences is None:
            super()._display(screen, renderable)
        elif sequences:
            column, row = screen.outer_size.clamp_offset(self.cursor_position)
            self._begin_update()
            self._driver.write(f"{sequences}\x1b[{row + 1};{column + 1}H")
            self._end_update()
            self._driver.flush()

    def _catch_up(self) -> None:
        """The terminal has taken all: now it gets what has changed since, however many frames that were."""
        if self._left_out and self._running and not self._closed:
            self._left_out = False
            self.screen.refresh()

    def _fatal_error(self) -> None:
        """In place of Textual's traceback, whose local variables would be raw text from the system."""
        error = self._exception
        if error is not None:
            self.panic(Text(f"sockview: {failure_text('The screen', error, 'please report this')}"))


def _look_for_cycles() -> None:
    """From now on. What the imports have made stays for good and is looked through this once alone (15 ms)."""
    gc.enable()
    gc.collect()
    gc.freeze()
