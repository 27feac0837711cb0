"""Sorting in steps of a few milliseconds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, TypeVar

from sockview.model.steps import parts

#: Values sorted between two yields.
RUN: Final = 8000

T = TypeVar("T")


def sorted_indexes(values: Sequence[Any]) -> Generator[None, None, list[int]]:
    """The indexes in the order of their values, equal ones as they come: short runs first, then two runs at a time are
    merged.
    """
    value = values.__getitem__
    runs: list[list[int]] = []
    for part in parts(range(len(values)), RUN):
        runs.append(sorted(part, key=value))
        yield
    while len(runs) > 1:
        merged: list[list[int]] = []
        for at in range(0, len(runs) - 1, 2):
            both = yield from _merged(runs[at], runs[at + 1], value)
            merged.append(both)
        runs = merged + ([runs[-1]] if len(runs) % 2 else [])
    return runs[0] if runs else []


def _merged(first: list[int], second: list[int], value: Callable[[int], Any]) -> Generator[None, None, list[int]]:
    """Merge two runs. Python's sort finds the two runs in each part and merges them in one pass."""
    if value(first[-1]) <= value(second[0]):
        return first + second
    merged: list[int] = []
    start = 0
    for part in parts(first, RUN):
        end = bisect_left(second, value(part[-1]), start, key=value)
        merged += sorted([*part, *second[start:end]], key=value)
        start = end
        yield
    return merged + second[start:]


def picked(values: Sequence[T], indexes: Sequence[int]) -> Generator[None, None, list[T]]:
    """The values at the indexes."""
    found: list[T] = []
    for part in parts(indexes, RUN):
        found += map(values.__getitem__, part)
        yield
    return found
