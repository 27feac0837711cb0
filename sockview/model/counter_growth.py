"""Which of the kernel's counters grow: a counter since boot says nothing of now, its growth does."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from sockview.model.recent import Recent


class CounterGrowth:
    """Add the counters of every snapshot in turn."""

    def __init__(self) -> None:
        self._recent: Recent[Mapping[str, int]] = Recent()

    def add(self, clock: float, counters: Mapping[str, int]) -> Mapping[str, int]:
        """Counter -> by how much it grew; only those that did.

        Over the last minute, or what is known of it; with looks rarer than that, since the look before. A counter that
        shrank is of another boot or another network namespace: all starts anew. A counter that could not be read at
        the beginning of that time or now is not in it.
        """
        samples = self._recent.add(clock, dict(counters))
        if any(_shrank(before.value, after.value) for before, after in pairwise(samples)):
            self._recent = Recent()
            samples = self._recent.add(clock, dict(counters))
        first = samples[0].value
        return {name: now - first[name] for name, now in counters.items() if name in first and now > first[name]}


def _shrank(before: Mapping[str, int], after: Mapping[str, int]) -> bool:
    """Whether a counter went back."""
    return any(after[name] < value for name, value in before.items() if name in after)
