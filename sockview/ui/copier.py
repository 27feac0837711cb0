"""From the key to the clipboard: asks the reader for PIDs, copies what comes back, says what it did."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from sockview.model.format_text import count_text
from sockview.model.query import PidQuery, Pids
from sockview.ui.clipboard import Clipboard
from sockview.ui.pid_copy import PidCopy, PidText
from sockview.wire import WireError

Say = Callable[[str, str], object]
"""Text and tone of a message to the user."""


class Copier:
    """The copying half of the screen."""

    def __init__(
        self,
        clipboard: Clipboard,
        ask: Callable[[PidQuery], object],
        say: Say,
        show_pids: Callable[[str, str], object],
        run: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """`show_pids` gets PIDs and the reason why they must be selected by hand; `run` runs a coroutine."""
        self._clipboard = clipboard
        self._ask = ask
        self._say = say
        self._show_pids = show_pids
        self._run = run
        self._pids = PidCopy()
        self._key = ""
        self._tagged = 0
        self._due: int | None = None

    def copy(self, key: str, rows: tuple[str, ...] | None, tagged: int = 0) -> int:
        """`key` was pressed to copy the PIDs of these rows; None: of the whole filtered view.

        `tagged`: how many of the rows are tagged ones, which may be out of sight. Returns the serial
        of the request, for `give_up`.
        """
        self._key, self._tagged = key, tagged
        request = self._pids.request(rows)
        self._due = request.serial
        try:
            self._ask(request)
        except WireError as error:
            self._due = None
            self._say(str(error), "caution")
        return request.serial

    def copy_pid(self, pid: int) -> None:
        """Copy this one, which is known to be meant."""
        self._tagged, self._due = 0, None
        self._pids.forget()
        self._run(self._put(PidText(str(pid), 1, "")))

    def give_up(self, serial: int) -> None:
        """The reader had its time for this request: better said than an old clipboard pasted."""
        if self._due == serial:
            self._due = None
            self._say("Nothing copied: the reader does not answer", "alarm")

    def forget(self) -> None:
        """The user went on: the same key pressed again is a new request."""
        self._pids.forget()

    def answer(self, pids: Pids) -> None:
        """What the reader found."""
        found = self._pids.answer(pids, self._key)
        if found is None:
            return
        self._due = None
        if found.text:
            self._run(self._put(found))
        else:
            self._say(found.remark, "caution")

    async def _put(self, found: PidText) -> None:
        result = await self._clipboard.copy(found.text)
        if result.way == "none":
            self._show_pids(found.text, result.notice)
            return
        what = f"PID {found.text}" if found.count == 1 else f"{count_text(found.count)} PIDs"
        if self._tagged:
            what += f" of {count_text(self._tagged)} tagged"
        remark = f" ({found.remark})" if found.remark else ""
        listed = f": {found.text}" if found.count > 1 else ""
        # Green is for what is known to have arrived; a terminal acknowledges nothing.
        tone = "caution" if remark else "good" if result.confirmed else "strong"
        self._say(f"{what} {result.notice}{remark}{listed}", tone)
