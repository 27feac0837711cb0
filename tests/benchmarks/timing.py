"""Repeated measurements, taken in turns so that a noisy moment hits every contender alike."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage


@dataclass(frozen=True, slots=True)
class Cost:
    """In seconds."""

    wall: float
    cpu: float
    """Of this process and of the children it waited for."""


def cpu_seconds() -> float:
    """Processor time until now of this process and of the children it waited for, in microseconds' steps."""
    usages = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def cost_of(run: Callable[[], object]) -> Cost:
    """Run it once."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    run()
    return Cost(time.perf_counter() - wall, cpu_seconds() - cpu)


def median_cost(costs: Iterable[Cost]) -> Cost:
    """The medians of wall clock and processor time."""
    kept = list(costs)
    return Cost(statistics.median(c.wall for c in kept), statistics.median(c.cpu for c in kept))


def measure(
    contenders: Mapping[str, Callable[[], object]], rounds: int, tidy: Callable[[], object] = gc.collect
) -> dict[str, Cost]:
    """The cost of each contender: every round runs all of them once; one round before is not counted.

    `tidy` comes before each run and is not counted either.
    """
    runs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            tidy()
            cost = cost_of(run)
            if number:
                runs[name].append(cost)
    return {name: median_cost(costs) for name, costs in runs.items()}


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """As in the reader, whose main() says why."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def command(arguments: Sequence[str]) -> Callable[[], object]:
    """Runs a program to its end, its output thrown away by a reader as in a pipe."""

    def run() -> None:
        with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while os.read(process.stdout.fileno(), 1 << 20):
                pass
        if process.returncode:
            raise RuntimeError(f"{arguments[0]} ended with exit code {process.returncode}.")

    return run


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
