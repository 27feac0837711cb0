"""When to take in what the kernel reports between collections: several times a second, also while nothing is asked."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from sockview.failure_text import failure_text
from sockview.model.query import Trouble
from sockview.model.sources import SocketSource

#: Seconds between two looks, and the least between the end of one and the next.
DRAIN_EVERY: Final = 0.1
DRAIN_PAUSE: Final = 0.02
#: A look that took long found much: the next one comes so many times its length sooner.
HASTE: Final = 5.0


class Draining:
    """Its schedule; whoever holds it calls `advance` at least every `wait_seconds`."""

    def __init__(self, source: SocketSource, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._due: float | None = None
        """None: at the last look there was nothing of the kind."""
        self._failed = False

    def wait_seconds(self) -> float:
        """Until the next look; inf where there is nothing to look at."""
        return inf if self._due is None else max(0.0, self._due - self._clock())

    def advance(self) -> Trouble | None:
        """Look if it is time."""
        now = self._clock()
        if self._failed or (self._due is not None and now < self._due):
            return None
        try:
            reports = self._source.drain()
        except Exception as error:
            self._failed, self._due = True, None
            return Trouble(failure_text("Taking in who closed sockets", error, "it is done at each refresh alone"))
        end = self._clock()
        self._due = end + max(DRAIN_PAUSE, DRAIN_EVERY - HASTE * (end - now)) if reports else None
        return None
