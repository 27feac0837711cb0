"""Runs a reader that works in steps to its end."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")


def finish(steps: Generator[None, None, Result]) -> tuple[Result, int]:
    """What the reader returned, and the number of its steps."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Result = stop.value
            return result, count
        count += 1
