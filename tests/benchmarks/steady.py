"""A steady refresh beside ss(8) and the bare receive: the crowd churns for a second between one and the next."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import Final

from sockview.model.query import Query
from tests.benchmarks.contenders import MANY, SS, bare_receive, has_ss
from tests.benchmarks.owners import OwnerCheck, check_owners
from tests.benchmarks.phases import PHASES, SteadyReader
from tests.benchmarks.report import Line
from tests.benchmarks.timing import Cost, command, cost_of, median_cost, without_garbage_collection

#: Seconds from the start of one refresh to the next.
INTERVAL: Final = 1.0
#: Refreshes that are not counted: the first knows nothing, the second asks which connections are silent.
WARM_UP: Final = 3

#: Comparisons with ss.
CHECKS: Final = 3
#: Wrong owners that are printed.
_EXAMPLES: Final = 5

OF_SS: Final = 0.25
OF_BARE: Final = 3.0

#: What the screen asks: as it starts, with a filter, and sorted by another column than the first.
QUERIES: Final = {
    "": Query(serial=1),
    ", with a filter": Query(serial=1, filter="established !127.10.0.1"),
    ", sorted by remote end": Query(serial=1, sort="remote"),
}


@dataclass(slots=True)
class _Rounds:
    refresh: list[Cost] = field(default_factory=list)
    phases: list[dict[str, float]] = field(default_factory=list)
    ss: list[Cost] = field(default_factory=list)
    bare: list[Cost] = field(default_factory=list)


def steady_lines(rounds: int, sockets: int) -> list[Line]:
    """Every query with a reader of its own, one after the other; last whether the owners are those of ss."""
    lines: list[Line] = []
    with without_garbage_collection():
        for name, query in QUERIES.items():
            lines += _query_lines(f"steady refresh{name}", query, rounds, sockets, with_phases=not name)
    return lines


def _query_lines(what: str, query: Query, rounds: int, sockets: int, with_phases: bool) -> list[Line]:
    with SteadyReader(query) as reader:
        done = _rounds(reader, rounds)
        checks = [check_owners(reader, INTERVAL) for _ in range(CHECKS)] if with_phases and has_ss else []
    name, refresh = f"{what}, {sockets:,}", median_cost(done.refresh)
    lines = []
    for beside, limit, costs in (("ss", OF_SS, done.ss), ("bare receive", OF_BARE, done.bare)):
        if costs:
            other = median_cost(costs)
            note = f"wall {refresh.wall * 1e3:.0f} ms, {refresh.wall / other.wall:.2f}"
            lines.append(
                Line(name, refresh.cpu, "ms", limit if sockets >= MANY else None, refresh.cpu / other.cpu, beside, note)
            )
    if with_phases:
        lines += [
            Line(f"  of it {phase}", statistics.median(seconds[phase] for seconds in done.phases), "ms")
            for phase in PHASES
        ]
        lines += _owner_lines(checks)
    return lines


def _rounds(reader: SteadyReader, rounds: int) -> _Rounds:
    """Every second a refresh, then the others while the crowd goes on; all of processor time that the reader takes in
    that second is the refresh's.
    """
    done = _Rounds()
    run_ss = command(SS.split()) if has_ss else None
    due = time.monotonic()
    for number in range(WARM_UP + rounds):
        reader.rest_until(due)
        reports = reader.phases.seconds.pop("reports", 0.0)
        reader.phases.seconds.clear()
        due = time.monotonic() + INTERVAL
        cost = cost_of(reader.refresh)
        counted = number >= WARM_UP
        if counted:
            done.refresh.append(Cost(cost.wall, cost.cpu + reports))
            done.phases.append({**dict.fromkeys(PHASES, 0.0), **reader.phases.seconds, "reports": reports})
        reader.phases.seconds.clear()
        if number < WARM_UP - 1:
            continue
        bare = cost_of(bare_receive)
        ss = cost_of(run_ss) if run_ss is not None else None
        if counted:
            done.bare.append(bare)
            if ss is not None:
                done.ss.append(ss)
    return done


def _owner_lines(checks: list[OwnerCheck]) -> list[Line]:
    if not checks:
        return [Line("owners that differ from those of ss", 0, "sockets", note="not compared: there is no ss(8) here")]
    late = sum(len(check.late) for check in checks)
    stale = [text for check in checks for text in check.stale]
    note = f"of {sum(check.compared for check in checks):,} that stood still meanwhile"
    for text in stale[:_EXAMPLES]:
        print(text)
    return [
        Line("owners that differ from those of ss, at the first refresh", late, "sockets", note=note),
        Line("owners that differ from those of ss, at the second", len(stale), "sockets", 0, note=note),
    ]
