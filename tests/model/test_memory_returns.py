"""A million sockets come and go: what is remembered of them stays bounded, and goes when they are gone."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any, Final

import pytest

from sockview.model.inet_socket import TCP, TIMER_NONE, TIMER_TIME_WAIT, InetSocket
from sockview.model.observation import Observation
from sockview.model.owner import Holder, Process
from sockview.model.query import Query
from sockview.model.snapshot import Change, Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, LISTEN, TIME_WAIT
from sockview.model.trace import Trace, Transition
from sockview.model.view import ViewMaker
from tests.model.builders import busy_snapshot, endpoint, make_process, make_snapshot

#: Looks at quite different sockets, how many each of them shows, and looks that each tell a change.
LOOKS: Final = 37
SOCKETS: Final = 25_000
CHANGES: Final = 15
CHANGED: Final = 10_000
#: Processes that hold the sockets of one look: others at each.
PROCESSES: Final = 200

#: Bytes of memory that may be left. What has a documented bound and does not depend on the sockets: the counts of an
#: hour, of each state and of at most 1,000 processes that had CLOSE_WAITs or TIME_WAITs.
LEFT: Final = 100_000

_HERE, _DATABASE = endpoint("10.0.0.7:0")[0], endpoint("10.9.1.1:5432")


def _socket(number: int, state: int, clock: float) -> InetSocket:
    """A client of a database, of the service on port 80, or of a place of its own, in turn."""
    place, port = number.to_bytes(4, "big"), 20_000 + number % 40_000
    kind = number % 3
    held = state in (ESTABLISHED, CLOSE_WAIT)
    ends = ((port, *_DATABASE), (80, place, port), (port, place, 443))[kind]
    return InetSocket(
        TCP,
        4,
        state,
        _HERE,
        *ends,
        recv_q=0,
        send_q=0,
        uid=number % 50 if held else None,
        inode=number if held else 0,
        cookie=number,
        timer=TIMER_TIME_WAIT if state == TIME_WAIT else TIMER_NONE,
        expires_ms=59_000 if state == TIME_WAIT else 0,
        read_at=clock if state == TIME_WAIT else None,
    )


class _Churn:
    """Every look shows other sockets, but for some that were held at the look before and are over now."""

    def __init__(self) -> None:
        self.made = 0
        self._clock = 1000.0
        self._held: list[InetSocket] = []

    def look(self, count: int) -> Snapshot:
        self._clock += 1.0
        clock = self._clock
        left = [_socket(s.cookie, TIME_WAIT, clock) for s in self._held]
        first = self.made + 1
        self.made += count - len(left)
        numbers = range(first, self.made + 1)
        states = (*[ESTABLISHED] * 6, CLOSE_WAIT, TIME_WAIT, TIME_WAIT, FIN_WAIT2)
        new = [_socket(number, states[number % len(states)], clock) for number in numbers]
        processes = [
            make_process(number, "worker") for number in range(int(clock) * PROCESSES, int(clock + 1) * PROCESSES)
        ]
        listener = _socket(1, LISTEN, clock)._replace(local_port=80, inode=1, remote_port=0)
        holders = {s.inode: (Holder(processes[s.cookie % PROCESSES], 5),) for s in new if s.inode}
        holders[1] = (Holder(processes[0], 3),)
        self._held = [s for s in new if s.state == ESTABLISHED][::12]
        return replace(
            make_snapshot([listener, *left, *new], clock=clock, trace=self._trace(new, processes)),
            holders=holders,
            users={uid: f"user-{uid}" for uid in range(50)},
            close_wait_times={s.cookie: (1.0, 5.0) for s in new if s.state == CLOSE_WAIT},
        )

    def _trace(self, new: list[InetSocket], processes: list[Process]) -> Trace:
        """One in three of those that are left was reported, some of them twice."""
        moment = self._clock - 0.5
        closed = [s for s in new if s.state == TIME_WAIT][::3]
        reports = [Transition(moment, FIN_WAIT1, processes[s.cookie % PROCESSES], *s[3:7]) for s in closed]
        again = [Transition(moment, FIN_WAIT1, processes[0], *s[3:7]) for s in closed[::5]]
        return Trace(on=True, since=1.0, transitions=[*reports, *again])

    def changes(self) -> Iterator[Snapshot]:
        """Looks that share most of their sockets, as a source delivers them that tells changes."""
        last = replace(self.look(SOCKETS), serial=1)
        yield last
        for serial in range(2, CHANGES + 2):
            new = self.look(CHANGED)
            gone, kept = last.sockets[:CHANGED], last.sockets[CHANGED:]
            come = [s for s in new.sockets if s.state != LISTEN or serial % 2]  # somebody listens, somebody does not
            cookies = {s.cookie for s in come}
            gone, kept = (
                [*gone, *(s for s in kept if s.cookie in cookies)],
                [s for s in kept if s.cookie not in cookies],
            )
            inodes = {s.inode for s in kept}
            holders = {**{inode: of for inode, of in last.holders.items() if inode in inodes}, **new.holders}
            reheld = [s for s in kept if last.holders.get(s.inode) != holders.get(s.inode)]
            change = Change(serial - 1, gone, come, reheld)
            last = replace(new, sockets=(*kept, *come), holders=holders, serial=serial, change=change)
            yield last


def _size(*roots: object) -> int:
    """Bytes of all that can be reached, but for code."""
    seen: set[int] = set()
    found, size = list(roots), 0
    while found:
        one = found.pop()
        if id(one) in seen or isinstance(one, type | ModuleType):
            continue
        seen.add(id(one))
        size += sys.getsizeof(one)
        closure: Any = one.__closure__ if isinstance(one, FunctionType) else None
        found += closure or () if isinstance(one, FunctionType) else gc.get_referents(one)
    return size


def _seen(observation: Observation, views: ViewMaker, snapshot: Snapshot, *, shown: bool = True) -> SocketTable:
    table = finish(observation.add(snapshot))
    if shown:
        finish(views.show(table, Query(serial=1)))
    return table


def _calm(observation: Observation, views: ViewMaker) -> int:
    """Bytes that are held after some looks at a small machine where nothing happens."""
    for clock in (90_000.0, 90_001.0, 90_002.0, 90_003.0):
        trace = Trace(on=True, since=1.0)
        _seen(observation, views, replace(busy_snapshot(120, clock=clock), trace=trace))
    return _size(observation, views)


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """Without the collector of cycles: what is not needed any more must go at once."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
def test_the_memory_of_a_million_sockets_returns() -> None:
    small = _calm(Observation(), ViewMaker())
    observation, views, churn = Observation(), ViewMaker(), _Churn()
    for number in range(LOOKS):
        table = _seen(observation, views, churn.look(SOCKETS), shown=number % 4 == 0)
    assert all(table.states[state] > 1000 for state in (ESTABLISHED, CLOSE_WAIT, TIME_WAIT))
    _check_bounds(observation)
    for snapshot in churn.changes():
        table = _seen(observation, views, snapshot)
        assert len(table.by_cookie) == len(snapshot.sockets)
    _check_bounds(observation)
    assert churn.made > 1_000_000
    assert _calm(observation, views) < small + LEFT
    assert gc.collect() < 1000


def _check_bounds(observation: Observation) -> None:
    """Nothing is remembered of more sockets than the last two looks showed."""
    join, attributor = observation._join, observation._attributor
    assert join is not None and attributor is not None
    most = 2 * (SOCKETS + 1)
    counts, index = vars(join.tally), vars(join.peers)
    sizes = [len(part) for part in (join.since, join.remembered, join.traced, join.absent, join.missed, join.doubtful)]
    sizes += [len(part) for part in counts.values()]
    sizes += [len(index[name]) for name in ("_asked", "_tied", "_unsettled", "changed")]
    assert max(sizes) <= most
    assert sum(len(moments) for moments in counts["_closed"].values()) <= SOCKETS + 1
    assert 0 < len(attributor.peers.talkers) <= len(index["_asked"])
