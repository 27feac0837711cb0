"""Answers that are kept: each question is asked once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """What a function tells of each key, looked up as quickly as a dictionary can.

    It grows with the keys; where `most` is given, it begins anew when it holds so many.
    """

    def __init__(self, function: Callable[[K], V], most: int | None = None) -> None:
        super().__init__()
        self._function = function
        self._most = most

    def __missing__(self, key: K) -> V:
        if self._most is not None and len(self) >= self._most:
            self.clear()
        found = self[key] = self._function(key)
        return found
