"""Made-up reports of the kernel, and looks that bring them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Process
from sockview.model.pane import describe
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import FIN_WAIT1
from sockview.model.trace import Trace, Transition
from sockview.model.trace_memory import Traced, TraceMemory
from tests.model.builders import endpoint, make_process, make_snapshot, make_socket

CURL = make_process(4711, "curl")
WGET = make_process(4712, "wget")
LOCAL, REMOTE = "10.0.0.7:49152", "10.9.1.1:443"


def report(
    clock: float, process: Process = CURL, state: int = FIN_WAIT1, local: str = LOCAL, remote: str = REMOTE
) -> Transition:
    return Transition(clock, state, process, *endpoint(local), *endpoint(remote))


def row(state: str = "FIN_WAIT2", cookie: int = 7, time_left: float | None = None, interface: int = 0) -> InetSocket:
    return make_socket(
        state, LOCAL, REMOTE, cookie=cookie, time_left=time_left, interface=interface, inode=0 if time_left else None
    )


def left(age: float, cookie: int = 7) -> InetSocket:
    """A TIME_WAIT of that age."""
    return row("TIME_WAIT", cookie, time_left=60 - age)


def look(
    clock: float = 100.0,
    seconds: float = 0.1,
    reports: Iterable[Transition] = (),
    gaps: tuple[tuple[float, float], ...] = (),
    complete: bool = True,
    since: float = 1.0,
) -> Snapshot:
    trace = Trace(on=True, since=since, transitions=tuple(reports), gaps=gaps)
    return replace(make_snapshot(clock=clock, trace=trace, complete=complete), dump_seconds=seconds)


def memory_after(*looks: Snapshot) -> TraceMemory:
    """One that has joined all of these looks but for the last, whose trace it has taken."""
    memory = TraceMemory()
    for number, snapshot in enumerate(looks, 1):
        memory.take(snapshot.trace)
        if number < len(looks):
            memory.forget(snapshot)
    return memory


def matched(s: InetSocket, *looks: Snapshot, first: bool = False) -> Traced | None:
    return memory_after(*looks).match(s, looks[-1], first)


QUIET = (look(97.0, reports=[report(96.0, local="10.0.0.1:1")]), look(98.0), look(99.0))
"""Looks during which nothing was reported of the ends."""


def report_of(s: InetSocket, clock: float, process: Process, state: int = FIN_WAIT1) -> Transition:
    """A report about the ends of `s`."""
    return Transition(clock, state, process, *s[3:7])


def traced(*reports: Transition, gaps: tuple[tuple[float, float], ...] = ()) -> Trace:
    """What one look brings."""
    return Trace(on=True, since=1.0, transitions=reports, gaps=gaps)


def evidence(table: SocketTable, key: InetSocket | str) -> str:
    """The sentences of the pane."""
    found = describe(table, key if isinstance(key, str) else str(key.cookie))
    assert found is not None
    return " ".join(found[0].evidence)
