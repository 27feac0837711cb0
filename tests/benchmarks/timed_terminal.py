"""A real terminal with the program in it, that knows when bytes came."""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Sequence
from typing import Final, Self

from tests.live.terminal_harness import Terminal, session_free_environment

#: What stands before the row under the cursor, and where its addresses begin.
CURSOR_MARK: Final = "›"
AFTER_AGE: Final = 20

#: Seconds after which a key that had no effect is an error.
PATIENCE: Final = 30.0

#: The number of rows of the view, at the right end of the filter line.
_ROWS: Final = re.compile(r" sockets ([\d,]+) *\Z")


class TimedTerminal(Terminal):
    """80x24 with sockview in it."""

    arrived: float = 0.0
    """When the last bytes came, before they were drawn (perf_counter)."""

    @classmethod
    def with_sockview(cls, *arguments: str, prefix: Sequence[str] = ()) -> Self:
        """As in an SSH session, so that no desktop is asked for its clipboard."""
        environment = session_free_environment(SSH_CONNECTION="192.0.2.1 50000 192.0.2.2 22")
        return cls([*prefix, sys.executable, "-m", "sockview", *arguments], env=environment)

    def _show(self, data: bytes) -> None:
        self.arrived = time.perf_counter()
        super()._show(data)

    @property
    def has_rows(self) -> bool:
        """Whether the table shows sockets: the crowd's loopback addresses."""
        return sum("127." in line for line in self.lines) >= 3

    def wait_for_rows(self) -> None:
        """Until they are on the screen."""
        self.wait_for(lambda _: self.has_rows, 120.0)

    @property
    def rows_in_view(self) -> int | None:
        """How many sockets the view has, as the screen tells; None where it does not."""
        for line in self.lines:
            found = _ROWS.search(line)
            if found:
                return int(found[1].replace(",", ""))
        return None

    @property
    def cursor_place(self) -> tuple[int, str]:
        """Row of the cursor's mark and the addresses beside it: refreshes change neither, keys change one of them."""
        for number, line in enumerate(self.lines):
            if line.startswith(CURSOR_MARK):
                return number, line[AFTER_AGE:]
        return -1, ""

    def press(self, key: str) -> float:
        """Seconds from the key to the bytes that move the cursor."""
        self.take_all()
        before, start = self.cursor_place, time.perf_counter()
        self.feed(key)
        while self.cursor_place == before:
            self.pump(PATIENCE)
            if time.perf_counter() - start > PATIENCE:
                raise RuntimeError(f"The key {key} moved nothing:\n{self.dump()}")
        return self.arrived - start

    def press_many(self, count: int, dice: random.Random) -> list[float]:
        """Move down and up at uneven times, so that keys meet every phase of a refresh."""
        seconds = []
        for number in range(count):
            self.read_for(dice.uniform(0.02, 0.15))
            # Rows above may have gone, and the cursor may have come to the top: there is no way up from there.
            may_go_up = "LOCAL" not in self.lines[self.cursor_place[0] - 1]
            seconds.append(self.press("k" if may_go_up and number % 12 >= 6 else "j"))
        return seconds

    def take_all(self) -> None:
        """Read what is there already."""
        while self.pump(0):
            pass

    def read_for(self, seconds: float) -> None:
        """Look on."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.pump(left)

    def quit(self) -> None:
        """By its key."""
        self.feed("q")
        self.wait_exit()


class SlowTerminal(TimedTerminal):
    """Behind a line that carries so many bytes a second."""

    pace: float = 16_384.0
    _chunk_seconds: Final = 0.01
    _next: float = 0.0

    def pump(self, seconds: float) -> int:
        """As Terminal's, but the bytes of each hundredth of a second cost one."""
        wait = self._next - time.perf_counter()
        if wait > 0:
            time.sleep(min(wait, seconds))
            if wait > seconds:
                return 0
        self.most_at_once = max(1, int(self.pace * self._chunk_seconds))
        count = super().pump(max(0.0, seconds - max(0.0, wait)))
        self._next = time.perf_counter() + count / self.pace
        return count
