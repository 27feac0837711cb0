"""What tracing costs: those who close sockets, and the reader that takes in who did it."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Final

from sockview.collect.close_trace import CloseTrace
from sockview.collect.native import NativeSource
from sockview.collect.open_trace import NotTracing, open_trace
from sockview.draining import Draining
from tests.benchmarks.report import Line

WORKERS: Final = 2
#: Connections opened and closed each second, by all workers together.
PACE: Final = 10_000
#: Seconds of one run: each connection leaves a TIME_WAIT for a minute, and takes a port.
SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class TracingCost:
    """Medians of some runs in turns, traced and not traced; seconds."""

    connections: int
    """In one run."""
    pace: float
    """Connections a second, as they were when traced."""
    plain_cpu: float
    """Of those who open and close them, not traced."""
    traced_cpu: float
    drain_cpu: float
    """Of the one who takes in the reports of one run."""
    reports: int
    """Taken in during one run: one for each opening and each of both ends' closing."""
    lost: int
    """In all runs."""


def measure_tracing(rounds: int, connections: int = PACE * SECONDS) -> TracingCost | str:
    """Close `connections` in `rounds` pairs of runs; why not in a few words where it can't be traced."""
    plain, traced = [], []
    for number in range(rounds):
        # Each first in its turn.
        for with_trace in (number % 2 == 0, number % 2 == 1):
            if not with_trace:
                plain.append(_run(connections, None))
                continue
            trace = open_trace()
            if isinstance(trace, NotTracing):
                return trace.why_not
            with closing(trace):
                traced.append(_run(connections, trace))
    return TracingCost(
        connections,
        connections / statistics.median(run.wall for run in traced),
        statistics.median(run.cpu for run in plain),
        statistics.median(run.cpu for run in traced),
        statistics.median(run.drain_cpu for run in traced),
        round(statistics.median(run.reports for run in traced)),
        sum(run.lost for run in traced),
    )


def tracing_lines(rounds: int) -> list[Line]:
    """What tracing costs, or why it can't be told."""
    cost = measure_tracing(rounds)
    if isinstance(cost, str):
        return [Line("tracing", 0.0, "of a core", note=f"not measured: {cost}")]
    extra = (cost.traced_cpu - cost.plain_cpu) / cost.connections * 1e6
    report = cost.drain_cpu / max(cost.reports, 1) * 1e6
    at = f"at {cost.pace:,.0f} connections a second"
    return [
        Line("opening and closing, not traced", cost.plain_cpu, "s", note=f"{cost.connections:,} connections"),
        Line("opening and closing, traced", cost.traced_cpu, "s", note=f"{extra:+.1f} us a connection"),
        Line("taking in the reports", cost.drain_cpu / (cost.connections / cost.pace), "of a core", note=at),
        Line(
            "taking in the reports, in all", cost.drain_cpu, "s", note=f"{report:.1f} us a report, {cost.lost:,} lost"
        ),
    ]


@dataclass(slots=True)
class _Run:
    wall: float = 0.0
    cpu: float = 0.0
    drain_cpu: float = 0.0
    reports: int = 0
    lost: int = 0


def _run(connections: int, trace: CloseTrace | None) -> _Run:
    run = _Run()
    command = [sys.executable, "-m", "tests.benchmarks.closing_worker"]
    arguments = [str(connections // WORKERS), str(PACE // WORKERS)]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(WORKERS)
        ]
        answers = [worker.stdout for worker in workers if worker.stdout is not None]
        for answer in answers:
            answer.readline()
        gc.disable()  # as in the reader
        if trace is not None:
            trace.take()
        for worker in workers:
            if worker.stdin is not None:
                worker.stdin.close()
        draining = Draining(NativeSource(trace=trace), time.monotonic)
        while trace is not None and any(worker.poll() is None for worker in workers):
            cpu = time.process_time()
            draining.advance()
            run.drain_cpu += time.process_time() - cpu
            time.sleep(draining.wait_seconds())
        if trace is not None:
            taken = trace.take()
            run.reports, run.lost = len(taken.transitions), taken.lost
        gc.enable()
        for answer in answers:
            wall, cpu = map(float, answer.readline().split())
            run.wall, run.cpu = max(run.wall, wall), run.cpu + cpu
    return run
