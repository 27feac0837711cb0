"""The live screen over a crowd: first rows, keys, filter, and how it paces itself."""

from __future__ import annotations

import random
import re
import statistics
import time
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.crowd import Crowd
from tests.benchmarks.filter_typing import type_filters
from tests.benchmarks.footprint import cpu_of, family
from tests.benchmarks.memory import memory_lines
from tests.benchmarks.report import Line
from tests.benchmarks.timed_terminal import TimedTerminal
from tests.benchmarks.timing import percentile

#: Seconds from exec to the first rows, by the number of sockets.
FIRST_ROWS: Final = {1_000: 0.5, 60_000: 1.2}
#: Seconds from a key to the screen.
BUSY_KEY: Final = 0.05
IDLE_KEY: Final = 0.025
FILTER_KEY: Final = 0.1
#: Of a core, for collecting: "at most about a third".
COLLECTING: Final = 0.36
#: What keys and memory may take is said for so many sockets.
CROWDED: Final = 100_000
#: From so many on a refresh each second would take more than that.
MANY: Final = 500_000

#: Seconds of looking at a screen that nobody touches, before and while it is measured.
SETTLE: Final = 3.0
WATCH: Final = 10.0
#: Refreshes that are looked at in any case.
WHOLE_REFRESHES: Final = 3

_STRETCHED: Final = re.compile(r"every ([\d.]+) s, not")


def first_rows_lines(rounds: int, sockets: int) -> list[Line]:
    """From exec to the first rows in the terminal."""
    starts = [_start() for _ in range(rounds)]
    limit = FIRST_ROWS.get(sockets)
    return [Line(f"exec to first rows, {sockets:,}", statistics.median(starts), "s", limit)]


def _start() -> float:
    start = time.perf_counter()
    with TimedTerminal.with_sockview() as terminal:
        terminal.wait_for_rows()
        first = terminal.arrived - start
        terminal.quit()
    return first


def screen_lines(crowd: Crowd, keys: int, minutes: float, sockets: int) -> list[Line]:
    """One screen over the crowd, used as one does: looked at, moved in, paused, left alone, filtered."""
    dice = random.Random(7)
    with TimedTerminal.with_sockview() as terminal:
        terminal.wait_for_rows()
        terminal.read_for(SETTLE)
        lines = _pace_lines(_watch(terminal), sockets)
        busy = terminal.press_many(keys, dice)
        terminal.feed("p")
        terminal.wait_for("PAUSED")
        terminal.settle(quiet=0.1, timeout=3)
        idle = terminal.press_many(keys, dice)
        terminal.feed("p")
        terminal.wait_for(lambda seen: "PAUSED" not in seen.text)
        memory = memory_lines(terminal, minutes, sockets, judged=sockets <= CROWDED)
        crowd.wait_until_steady()
        typed = type_filters(terminal, dice)
        terminal.quit()
    return [
        *lines,
        *memory,
        _key_line("key to screen, refreshing", sockets, busy, BUSY_KEY),
        _key_line("key to screen, paused", sockets, idle, IDLE_KEY),
        _key_line("key in the filter to its rows", sockets, typed, FILTER_KEY),
    ]


def _key_line(what: str, sockets: int, seconds: list[float], limit: float) -> Line:
    note = f"p50 {percentile(seconds, 50) * 1e3:.0f} ms, most {max(seconds) * 1e3:.0f} ms, {len(seconds)} keys"
    wanted = limit if sockets <= CROWDED else None
    return Line(f"{what}, p95, {sockets:,}", percentile(seconds, 95), "ms", wanted, note=note)


@dataclass(frozen=True, slots=True)
class _Watched:
    screen: float
    """Share of a core."""
    reader: float
    bytes_a_second: float
    interval: float | None
    """Seconds between refreshes where the header tells that they are not as asked for."""


def _watch(terminal: TimedTerminal) -> _Watched:
    pid = terminal.process.pid
    reader = family(pid)[1]
    written, both, its, then = len(terminal.raw), cpu_of(pid), cpu_of(reader), time.perf_counter()
    terminal.read_for(WATCH)
    found = _STRETCHED.search(terminal.lines[0])
    if found:
        terminal.read_for(WHOLE_REFRESHES * float(found[1]) - WATCH)
        found = _STRETCHED.search(terminal.lines[0])
    seconds = time.perf_counter() - then
    its = (cpu_of(reader) - its) / seconds
    return _Watched(
        (cpu_of(pid) - both) / seconds - its,
        its,
        (len(terminal.raw) - written) / seconds,
        float(found[1]) if found else None,
    )


def _pace_lines(watched: _Watched, sockets: int) -> list[Line]:
    every = "each second" if watched.interval is None else f"every {watched.interval:g} s, as the header says"
    return [
        Line(f"processor, screen, {sockets:,}", watched.screen, "of a core"),
        Line(
            f"processor, reader, {sockets:,}",
            watched.reader,
            "of a core",
            COLLECTING if sockets >= MANY else None,
            note=every,
        ),
        Line(f"bytes to the terminal a second, {sockets:,}", watched.bytes_a_second, "bytes"),
    ]
