"""Goes over all processes of /proc in small steps."""

from __future__ import annotations

import os
from typing import Final

#: PIDs given at a time.
A_STEP: Final = 100
#: Nanoseconds between the beginnings of two rounds.
EVERY: Final = 10_000_000_000


class ProcessRound:
    """One round over the PIDs of `proc`, and another when it is asked to begin anew, but not too often."""

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._left: list[int] = []
        self._began: int | None = None
        self._wanted = True

    def begin_anew(self) -> None:
        """Whatever the present round has passed is to be passed once more."""
        self._wanted = True

    def step(self, now: int) -> list[int]:
        """The next PIDs; none when the round is done. `now`: nanoseconds. Raises OSError if there is no listing."""
        if not self._left and self._wanted and (self._began is None or now - self._began >= EVERY):
            self._left = [int(name) for name in os.listdir(self._proc) if name.isascii() and name.isdecimal()]
            self._began, self._wanted = now, False
        pids = self._left[-A_STEP:]
        del self._left[-A_STEP:]
        return pids
