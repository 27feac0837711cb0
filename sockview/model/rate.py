"""How fast a count changes: a number that does not start at every flicker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockview.model.recent import SPACING

#: Seconds below which nothing is said.
LEAST_SECONDS: Final = SPACING
#: Fewer more or fewer are never taken for a flicker or a collapse.
LEAST_JUMP: Final = 10


def change_rate(samples: Sequence[tuple[float, int]]) -> float | None:
    """Change per second from the first to the last of the samples (clock, count), oldest first.

    None below about 5 s. The difference over the whole time counts slow leaks and those that come in bursts alike. A
    single flicker does not count. After a collapse (to less than half: the process that leaked was restarted, a pool
    was closed) what came before does not: the rate is then that of what happens since.
    """
    if not _is_long_enough(samples):
        return None
    since = samples[_after_collapse(_without_flickers(samples)) :]
    if not _is_long_enough(since):
        since = samples
    counts = _without_flickers(since)
    return (counts[-1] - counts[0]) / (since[-1][0] - since[0][0])


def _is_long_enough(samples: Sequence[tuple[float, int]]) -> bool:
    return len(samples) > 1 and samples[-1][0] - samples[0][0] >= LEAST_SECONDS


def _without_flickers(samples: Sequence[tuple[float, int]]) -> list[int]:
    """The counts, as running medians of three. At an end the third is where the line through the next two would be
    there (J. W. Tukey, Exploratory Data Analysis, 1977), so that a steady growth stays what it is.
    """
    counts = [count for _, count in samples]
    if len(counts) < 4:
        return counts
    inner = [_median(*counts[at - 1 : at + 2]) for at in range(1, len(counts) - 1)]
    return [_end(counts[0], inner[0], inner[1]), *inner, _end(counts[-1], inner[-1], inner[-2])]


def _end(count: int, next_to_it: int, second: int) -> int:
    """A count at an end: what it is, unless it is far from where the next two point."""
    expected = _median(count, next_to_it, 3 * next_to_it - 2 * second)
    return expected if abs(count - expected) >= LEAST_JUMP else count


def _median(first: int, second: int, third: int) -> int:
    return sorted((first, second, third))[1]


def _after_collapse(counts: list[int]) -> int:
    """Index of the first count after the last collapse from which it did not come back; 0 without one."""
    highest = 0
    for at in range(len(counts) - 1, 0, -1):
        before, after = counts[at - 1], counts[at]
        highest = max(highest, after)
        if before - after >= LEAST_JUMP and after * 2 < before and highest < before:
            return at
    return 0
