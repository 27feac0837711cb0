"""A series in a few cells of a terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_SPARKS: Final = "▁▂▃▄▅▆▇█"
#: Enough to see a course; no fewer values than that are in a series that has gone over to longer bins.
MOST_SPARK_CELLS: Final = 20


def sparkline(series: Sequence[int], cells: int) -> str:
    """The whole series in exactly `cells` cells, the newest at the right; blank where there was nothing seen yet."""
    return fit_sparks(sparks(series), cells).rjust(cells)


def sparks(series: Sequence[int]) -> str:
    """One cell a value, as high as it is above the least of them; a level line stays low.

    The full height is at least seven sockets and 2% of the count, so that a flicker looks like one.
    """
    if not series:
        return ""
    low, high = min(series), max(series)
    span = max(high - low, high // 50, 7)
    return "".join(_SPARKS[(value - low) * 7 // span] for value in series)


def fit_sparks(drawn: str, cells: int) -> str:
    """At most `cells` cells of `sparks`: where several become one the highest counts, so that no peak is lost. The
    last stays what it is.
    """
    if len(drawn) <= cells:
        return drawn
    if cells < 1:
        return ""
    older = drawn[:-1]
    edges = [at * len(older) // (cells - 1) for at in range(cells)] if cells > 1 else []
    return "".join(max(older[a:b]) for a, b in pairwise(edges)) + drawn[-1]
