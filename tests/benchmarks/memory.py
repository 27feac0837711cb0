"""Memory of both processes while the crowd goes on."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.footprint import proportional, resident
from tests.benchmarks.report import Line
from tests.benchmarks.timed_terminal import TimedTerminal

#: Bytes that both processes may take together after ten minutes.
TOGETHER: Final = 150e6
#: Bytes by which they may grow in the second half of the watch: the noise of single samples.
FLAT: Final = 2e6
#: From so many minutes on it is judged.
LONG: Final = 10.0

#: Seconds between two samples, and how many of them make a figure.
STEP: Final = 5.0
SAMPLES: Final = 6


@dataclass(frozen=True, slots=True)
class Sample:
    """Bytes at one moment."""

    proportional: int
    resident: int


def memory_lines(terminal: TimedTerminal, minutes: float, sockets: int, *, judged: bool) -> list[Line]:
    """Watch a screen that nobody touches. `judged`: the limits are meant for so many sockets."""
    return lines_of(_watch(terminal, minutes * 60), minutes, sockets, judged=judged)


def _watch(terminal: TimedTerminal, seconds: float) -> list[Sample]:
    pid = terminal.process.pid
    samples: list[Sample] = []
    end = time.perf_counter() + seconds
    while not samples or time.perf_counter() < end:
        terminal.read_for(STEP)
        samples.append(Sample(proportional(pid), resident(pid)))
    return samples


def lines_of(samples: list[Sample], minutes: float, sockets: int, *, judged: bool = True) -> list[Line]:
    """What is there at the end, and how much of it came in the second half."""
    half = samples[len(samples) // 2 :]
    last, first = half[-SAMPLES:], half[:SAMPLES]
    together = statistics.median(sample.proportional for sample in last)
    growth = together - statistics.median(sample.proportional for sample in first)
    when = f"after {minutes:g} min, {sockets:,}"
    return [
        Line(f"memory of both together {when}", together, "MB", TOGETHER if judged else None, note="shared pages once"),
        Line(f"memory of each added {when}", statistics.median(sample.resident for sample in last), "MB"),
        Line(f"growth in the last {minutes / 2:g} min", growth, "MB", FLAT if judged and minutes >= LONG else None),
    ]
