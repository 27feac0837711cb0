"""``python -m tests.benchmarks``: what sockview costs among real sockets, beside ss(8) and psutil.

Everything is measured in one run on one machine, in turns: compare the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections import Counter

from sockview.collect.sources import open_source
from sockview.model.steps import finish
from sockview.model.tcp_state import state_name, state_rank
from tests.benchmarks.crowd import Crowd
from tests.benchmarks.screen import ScreenCost, measure_screen
from tests.benchmarks.tables import BARE, SS, contenders, starts
from tests.benchmarks.timing import Cost, measure
from tests.benchmarks.tracing import TracingCost, measure_tracing

COLUMNS = "{:<34} {:>9} {:>9} {:>8} {:>8}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--sockets", type=int, nargs="+", default=[1_000, 50_000], help="sizes of the crowd")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender; the median counts")
    parser.add_argument("--keys", type=int, default=100, help="keys pressed busy, and again idle")
    parser.add_argument("--only", choices=("tables", "screen", "tracing"), help="leave the rest out")
    given = parser.parse_args()

    print(f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    parts = {given.only} if given.only else {"tables", "screen", "tracing"}
    if "tables" in parts:
        print("\nstarting, milliseconds")
        _print_costs(measure(starts(), given.rounds))
    for sockets in given.sockets if parts & {"tables", "screen"} else ():
        with Crowd(sockets) as crowd:
            print(f"\n{_counts()}, in {crowd.processes} processes")
            if "tables" in parts:
                _print_costs(measure(contenders(), given.rounds))
            if "screen" in parts:
                _print_screen(measure_screen(given.keys))
    if "tracing" in parts:  # at the end: it leaves more TIME_WAIT behind than the crowds have sockets
        _print_tracing(measure_tracing(given.rounds))


def _counts() -> str:
    """How many sockets there are, and in which states, as sockview itself sees them."""
    sockets = finish(open_source("auto").collect()).sockets
    states = sorted(Counter(s.state for s in sockets).items(), key=lambda item: state_rank(item[0]))
    return f"{len(sockets):,} sockets: " + ", ".join(f"{state_name(state)} {count:,}" for state, count in states)


def _print_costs(costs: dict[str, Cost]) -> None:
    """A line each: wall clock and processor time in milliseconds, and the wall clock's ratios."""
    ss, bare = costs.get(SS), costs.get(BARE)
    print(COLUMNS.format("", "wall ms", "cpu ms", "of ss" if ss else "", "of bare" if bare else ""))
    for name, cost in costs.items():
        of_ss = f"{cost.wall / ss.wall:.2f}" if ss else ""
        of_bare = f"{cost.wall / bare.wall:.1f}" if bare else ""
        print(COLUMNS.format(name, f"{cost.wall * 1e3:.1f}", f"{cost.cpu * 1e3:.1f}", of_ss, of_bare).rstrip())


def _print_screen(cost: ScreenCost) -> None:
    print("the live screen at 80x24")
    lines = (
        ("exec to first rows", f"{cost.first_data * 1e3:.0f} ms"),
        (
            "key to screen, refreshing each second",
            f"p50 {cost.busy_p50 * 1e3:.1f} ms, p95 {cost.busy_p95 * 1e3:.1f} ms",
        ),
        ("key to screen, paused", f"p50 {cost.idle_p50 * 1e3:.1f} ms, p95 {cost.idle_p95 * 1e3:.1f} ms"),
        ("bytes to the terminal", f"{cost.bytes_per_second:,.0f} a second"),
        ("processor, both processes", f"{cost.cpu_share:.1%} of a core"),
        ("peak memory, both processes", f"{cost.peak_memory / 1e6:.0f} MB"),
    )
    for name, value in lines:
        print(f"  {name:<40} {value}")


def _print_tracing(cost: TracingCost | str) -> None:
    if isinstance(cost, str):
        print(f"\ntracing: {cost}")
        return
    print(f"\ntracing {cost.connections:,} connections, opened and closed at {cost.pace:,.0f} a second")
    extra = (cost.traced_cpu - cost.plain_cpu) / cost.connections
    share = cost.drain_cpu / (cost.connections / cost.pace)
    lines = (
        ("opening and closing, not traced", f"{cost.plain_cpu:.3f} s of processor"),
        ("opening and closing, traced", f"{cost.traced_cpu:.3f} s, {extra * 1e6:+.1f} us a connection"),
        ("taking in the reports", f"{cost.drain_cpu:.3f} s, {share:.1%} of a core"),
        ("a report", f"{cost.drain_cpu / max(cost.reports, 1) * 1e6:.1f} us, {cost.reports:,} of them"),
        ("reports lost", f"{cost.lost:,}"),
    )
    for name, value in lines:
        print(f"  {name:<40} {value}")


if __name__ == "__main__":
    main()
