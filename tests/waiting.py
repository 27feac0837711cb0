"""Waiting for a fact, not for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

#: Seconds after which it is said not to come true: far more than any of them takes on a busy machine.
DEADLINE: Final = 20.0


def wait_until(fact: Callable[[], object], timeout: float = DEADLINE) -> bool:
    """Poll until the fact holds; False when it does not within the time (seconds)."""
    deadline = time.monotonic() + timeout
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


async def until(fact: Callable[[], object], timeout: float = DEADLINE) -> None:
    """The same in an event loop, whose other tasks go on; AssertionError when it does not come true."""
    deadline = time.monotonic() + timeout
    while not fact():
        assert time.monotonic() < deadline, "it did not come true"
        await asyncio.sleep(0.01)
