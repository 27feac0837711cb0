"""Counts that are kept for long: what has come to nothing takes no memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def add(counts: dict[K, int], key: K, number: int) -> int:
    """Count so many more of a key, or fewer below 0; how many there are now."""
    count = counts.get(key, 0) + number
    if count:
        counts[key] = count
    else:
        counts.pop(key, None)
    return count
