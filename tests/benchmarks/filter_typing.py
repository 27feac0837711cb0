"""Typing filters: from each key to the rows of that very filter."""

from __future__ import annotations

import random
import time
from typing import Final

from sockview.collect.sources import open_source
from sockview.model.filter import parse_filter
from sockview.model.observation import Observation
from sockview.model.query import Query
from sockview.model.steps import finish
from sockview.model.view import Pace, ViewMaker
from tests.benchmarks.timed_terminal import PATIENCE, TimedTerminal

#: What is typed, one after the other.
TEXTS: Final = (
    "cw",
    "tw",
    "!established",
    "raddr:127.100.0.0/16",
    "cw,tw",
    "!tcp",
    "laddr:127.10.12",
    "!lo udp",
    "rport:1-45000",
    "!tw !cw",
    "fin_wait2",
    "estab",
    "user:root",
    "raddr:127.101.2",
)

#: How far a number of rows may be from what was counted before: the crowd goes on.
STRAYS: Final = 0.15
#: Rows that may come or go however few there are.
FEW: Final = 5

#: What only held sockets pass: who owns the others depends on how long one has looked on.
_HELD: Final = " evidence:fd"


def type_filters(terminal: TimedTerminal, dice: random.Random) -> list[float]:
    """Seconds from each key to the screen with its rows. A key counts where its rows are so many more or fewer than
    those before that the number on the screen tells them apart; the others are typed fast. The moments are uneven, so
    that keys meet every phase of a refresh.
    """
    counts = _count({text[:end] for text in TEXTS for end in range(len(text) + 1)})
    seconds: list[float] = []
    for text in TEXTS:
        terminal.feed("/")
        terminal.read_for(0.3)
        everything = before = terminal.rows_in_view
        for end in range(1, len(text) + 1):
            expected = counts[text[:end]]
            if expected is not None and (before is None or apart(before, expected)):
                terminal.read_for(dice.uniform(0.2, 0.7))
                if apart(terminal.rows_in_view or 0, expected):
                    seconds.append(_type(terminal, text[end - 1], expected))
                    before = expected
                    continue
            terminal.feed(text[end - 1])
            before = expected
        terminal.wait_for(f"/ {text} ")
        terminal.feed("\x1b")
        terminal.wait_for("/ filter: ")
        _wait_for_rows(terminal, everything or 0, "Esc")
        terminal.settle(quiet=0.05, timeout=1)
    return seconds


def alike(number: int, expected: int) -> bool:
    """Whether a number of rows is what was expected, give or take what the crowd may have done meanwhile."""
    return abs(number - expected) <= max(FEW, STRAYS * expected)


def apart(one: int, other: int) -> bool:
    """Whether nothing that is alike the one is alike the other."""
    return max(one, other) > 1.5 * min(one, other) + 2 * FEW


def _type(terminal: TimedTerminal, key: str, expected: int) -> float:
    terminal.take_all()
    start = time.perf_counter()
    terminal.feed(key)
    _wait_for_rows(terminal, expected, key)
    return terminal.arrived - start


def _wait_for_rows(terminal: TimedTerminal, expected: int, key: str) -> None:
    end = time.perf_counter() + PATIENCE
    while (shown := terminal.rows_in_view) is None or not alike(shown, expected):
        if time.perf_counter() > end:
            raise RuntimeError(f"The key {key} did not bring about {expected:,} rows:\n{terminal.dump()}")
        terminal.pump(1.0)


def _count(filters: set[str]) -> dict[str, int | None]:
    """How many sockets each filter lets through now; None for one that is refused, or where nobody can tell."""
    table = finish(Observation().add(finish(open_source("auto").collect())))
    views = ViewMaker()
    finish(views.show(table, Query(serial=1)))
    counts: dict[str, int | None] = {}
    for text in filters:
        counts[text] = _length(views, text)
        if counts[text] is not None and parse_filter(text).asks_owners:
            held = _length(views, text + _HELD) or 0
            counts[text] = held if alike(held + len(table.unheld), held) else None
    return counts


def _length(views: ViewMaker, text: str) -> int | None:
    view = views.answer(Query(serial=1, filter=text), Pace(1.0, 1.0, 0.0, 1, False))
    assert view is not None
    return view.length if view.filter_error is None else None
