"""How a count went over time, as a screen draws it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trend:
    """Counts over the time that is known, at most an hour."""

    series: tuple[int, ...]
    """Counts, oldest first, evenly spaced, at most 60; the last is the present one."""
    span: float
    """Seconds that the series covers: all that has been seen, up to an hour."""
    rate: float | None
    """Change per second over the last minute or what is known of it; None while too little is known."""
