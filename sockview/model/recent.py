"""What was seen over the last minute: a few samples, however often something is looked at."""

from __future__ import annotations

from typing import Final, Generic, NamedTuple, TypeVar

#: Seconds that the samples reach back, where so much has been seen.
WINDOW: Final = 60.0
#: Least seconds between two samples. A little under 5, so that looks every 5 s all count.
SPACING: Final = 4.5

T = TypeVar("T")


class Sample(NamedTuple, Generic[T]):
    """What was seen at one moment."""

    clock: float
    value: T


class Recent(Generic[T]):
    """Add what is seen in turn."""

    def __init__(self) -> None:
        self._kept: list[Sample[T]] = []
        self._clock = 0.0

    def add(self, clock: float, value: T) -> tuple[Sample[T], ...]:
        """The samples, oldest first; the last is this one.

        The first is at least a minute old, or all that is known. With looks rarer than once a minute it is the look
        before. A clock that went backwards starts anew.
        """
        if clock < self._clock:
            self._kept = []
        self._clock = clock
        kept, sample = self._kept, Sample(clock, value)
        if kept and clock - kept[-1].clock < SPACING:
            return (*self._since(clock), sample)
        kept.append(sample)
        return tuple(self._since(clock))

    def _since(self, clock: float) -> list[Sample[T]]:
        kept = self._kept
        while len(kept) > 1 and kept[1].clock <= clock - WINDOW:
            del kept[0]
        return kept
