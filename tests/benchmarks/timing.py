"""Repeated measurements, taken in turns so that a noisy moment hits every contender alike."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians of several runs, in seconds."""

    wall: float
    cpu: float
    """Of this process and of the children it waited for."""


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Cost]:
    """The cost of each contender: every round runs all of them once; one round before is not counted."""
    runs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            gc.collect()
            cpu, wall = _cpu_seconds(), time.perf_counter()
            run()
            cost = Cost(time.perf_counter() - wall, _cpu_seconds() - cpu)
            if number:
                runs[name].append(cost)
    return {
        name: Cost(statistics.median(c.wall for c in costs), statistics.median(c.cpu for c in costs))
        for name, costs in runs.items()
    }


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
