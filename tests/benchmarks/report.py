"""Lines of the table: what was measured, what is to be reached, and whether it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal["s", "ms", "of a core", "bytes", "MB", "times", "sockets"]

_HEADINGS: Final = ("what", "measured", "ratio", "to reach", "reached")


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. Times are in seconds, sizes in bytes, a share of a core is a fraction."""

    what: str
    value: float
    unit: Unit
    limit: float | None = None
    """The value, or the ratio where there is one, is to be at most this; None: for information."""
    ratio: float | None = None
    """To what stands in `beside`."""
    beside: str = ""
    note: str = ""

    @property
    def judged(self) -> float:
        return self.value if self.ratio is None else self.ratio

    @property
    def reached(self) -> bool | None:
        """None where nothing is to be reached."""
        return None if self.limit is None else self.judged <= self.limit

    def cells(self) -> tuple[str, str, str, str, str]:
        """As the headings say."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f} of {self.beside}"
        wanted = "" if self.limit is None else "<= " + (f"{self.limit:g}" if ratio else amount(self.limit, self.unit))
        return self.what, amount(self.value, self.unit), ratio, wanted, self._verdict()

    def _verdict(self) -> str:
        if self.limit is None:
            return self.note
        if self.reached:
            verdict = "yes"
        elif self.limit:
            verdict = f"no, {self.judged / self.limit:.2f} times that"
        else:
            verdict = "no"
        return f"{verdict} ({self.note})" if self.note else verdict


def amount(value: float, unit: Unit) -> str:
    """A value as it is read: ``17.4 ms``, ``143 MB``, ``2.6% of a core``."""
    match unit:
        case "s":
            return f"{value:.2f} s"
        case "ms":
            return f"{value * 1e3:.0f} ms" if value >= 0.1 else f"{value * 1e3:.1f} ms"
        case "of a core":
            return f"{value:.1%} of a core"
        case "MB":
            return f"{value / 1e6:.1f} MB"
        case "times":
            return f"{value:.2f} times"
        case "bytes" | "sockets":
            return f"{value:,.0f} {unit}"


def table(lines: Iterable[Line]) -> str:
    """All lines below each other."""
    rows = [_HEADINGS, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def markdown(lines: Iterable[Line]) -> str:
    """The short table: the lines with something to reach."""
    rows = [line.cells()[:4] for line in lines if line.limit is not None]
    head = ["| " + " | ".join(_HEADINGS[:4]) + " |", "|---" * 4 + "|"]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)])
