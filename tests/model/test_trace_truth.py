"""Random histories of connections whose truth is known: a certain closer is never another process."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from sockview.model import tcp_state
from sockview.model.age import Since
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Process
from sockview.model.trace import Trace, Transition
from sockview.model.trace_memory import CLOSED_INTO, Traced, TraceMemory
from tests.model.builders import endpoint, make_process, make_snapshot, make_socket

PROCESSES = (make_process(10, "a"), make_process(11, "b"), make_process(12, "c"))
ENDS = (("10.0.0.7:80", "10.1.1.1:5"), ("[fd00::7]:80", "[fd00::9]:5"), ("127.0.0.1:5", "127.0.0.1:6"))
SECONDS = 12.0


@dataclass
class Life:
    """One socket from its first moment in the table to its last."""

    ends: tuple[str, str]
    cookie: int
    born: float
    closed: float | None
    """None: it is reset before a process closes it."""
    waits: float
    """When it comes into TIME_WAIT."""
    gone: float
    closer: Process
    opener: Process | None
    """None: it was accepted."""
    passive: bool
    restart: float
    """The timer of TIME_WAIT starts anew then."""

    def row(self, moment: float) -> InetSocket:
        """What a look reads of it."""
        local, remote = self.ends
        if self.closed is None or moment < self.closed:
            state = "CLOSE_WAIT" if self.passive else "ESTABLISHED"
        elif self.passive:
            state = "LAST_ACK"
        elif moment < self.waits:
            state = "FIN_WAIT2"
        else:
            began = self.restart if self.waits <= self.restart <= moment else self.waits
            return make_socket("TIME_WAIT", local, remote, cookie=self.cookie, time_left=60 - (moment - began))
        return make_socket(state, local, remote, cookie=self.cookie)


@dataclass
class World:
    """All sockets, all reports, and what tracing lost of them."""

    seed: int
    losses: bool
    lives: list[Life] = field(default_factory=list)
    reports: list[Transition] = field(default_factory=list)
    gaps: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        for number, ends in enumerate(ENDS):
            self._live(ends, 100 * number + 1)
        if self.losses:
            for _ in range(self.random.randrange(4)):
                start = self.random.uniform(0, SECONDS)
                self.gaps.append((start, start + self.random.choice((0.01, 0.2, 2.0))))
        lost = [r for r in self.reports if any(start < r.clock < end for start, end in self.gaps)]
        self.reports = sorted((r for r in self.reports if r not in lost), key=lambda r: r.clock)

    def _live(self, ends: tuple[str, str], cookie: int) -> None:
        """Socket after socket with the same ends, some for milliseconds and some for seconds."""
        random = self.random
        now = random.uniform(0, 2)
        accepted = random.random() < 0.4

        def later() -> float:
            nonlocal now
            now += random.choice((0.0005, 0.01, 0.1, 0.7, 2.5)) * random.uniform(0.5, 1.5)
            return now

        while now < SECONDS:
            who, passive, born = random.choice(PROCESSES), random.random() < 0.25, now
            opener = None if accepted else random.choice(PROCESSES)
            if opener is not None:
                self._report(ends, born, tcp_state.SYN_SENT, opener)
            closed = later() if random.random() < 0.8 else None
            if closed is not None:
                self._report(ends, closed, tcp_state.LAST_ACK if passive else tcp_state.FIN_WAIT1, who)
            waits, restart = later(), later() if random.random() < 0.3 else 0.0
            self.lives.append(Life(ends, cookie, born, closed, waits, later(), who, opener, passive, restart))
            cookie += 1
            if random.random() < 0.5:
                later()

    def _report(self, ends: tuple[str, str], clock: float, state: int, process: Process) -> None:
        self.reports.append(Transition(clock, state, process, *endpoint(ends[0]), *endpoint(ends[1])))


@dataclass
class Watch:
    """Looks at the world as a reader does, and remembers as it does."""

    world: World
    random: Random
    began: float
    memory: TraceMemory = field(default_factory=TraceMemory)
    earlier: dict[int, Since] = field(default_factory=dict)
    last: set[int] = field(default_factory=set)
    passed_over: set[int] = field(default_factory=set)
    known: dict[int, Traced] = field(default_factory=dict)
    drained: float = 0.0

    def look(self, clock: float, seconds: float) -> list[tuple[Life, InetSocket, Traced | None]]:
        complete = self.random.random() < 0.8
        given_up = self.random.random() < 0.1
        shown = self._rows(clock, seconds, complete, given_up)
        end = clock + seconds + 0.01
        times = [r.clock for r in self.world.reports]
        new = self.world.reports[bisect_left(times, max(self.drained, self.began)) : bisect_right(times, end)]
        gaps = [gap for gap in self.world.gaps if self.drained < gap[1] and gap[0] < end]
        self.drained = end
        trace = Trace(on=True, since=self.began, transitions=tuple(new), gaps=tuple(gaps))
        rows = [row for _life, row in shown]
        snapshot = replace(make_snapshot(rows, clock=clock, complete=complete, trace=trace), dump_seconds=seconds)
        self.memory.take(trace)
        if given_up:
            return []
        found = self.memory.follow(rows, snapshot, self.earlier, self.known)
        self.memory.forget(snapshot)
        kept = self.last if complete else set(self.earlier)
        absent = kept - {row.cookie for row in rows}
        self.known = {c: t for c, t in self.known.items() if c in absent} | found
        self.earlier = {cookie: self.earlier[cookie] for cookie in absent} | {
            row.cookie: Since(row.state, end, None) for row in rows
        }
        self.last = {row.cookie for row in rows}
        return [(life, row, found.get(row.cookie)) for life, row in shown]

    def _rows(self, clock: float, seconds: float, complete: bool, given_up: bool) -> list[tuple[Life, InetSocket]]:
        """Each is read at its own moment; a look passes over some, but of two that are joined not both over one."""
        found, passed_over = [], set()
        for ends in ENDS:
            moment = self.random.uniform(clock, clock + seconds)
            life = next((x for x in self.world.lives if x.ends == ends and x.born <= moment < x.gone), None)
            if life is None:
                continue
            chance = 0.1 if complete else 0.5
            if self.random.random() < chance and (not complete or life.cookie not in self.passed_over):
                passed_over.add(life.cookie)
                continue
            found.append((life, life.row(moment)))
        if complete and not given_up:
            self.passed_over = passed_over
        return found


@given(seed=st.integers(0, 2**32), losses=st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_certain_closer_is_never_wrong_and_a_quiet_one_is_found(seed: int, losses: bool) -> None:
    world = World(seed, losses)
    random = Random(seed + 1)
    watch = Watch(world, random, began=random.choice((0.0, 3.0)))
    clock = watch.began
    while clock < SECONDS:
        seconds = random.choice((0.0, 0.02, 0.3))
        for life, row, traced in watch.look(clock, seconds):
            if _quiet(world, watch, life, clock, seconds):
                assert traced is not None
                assert traced.closer == life.closer
            if traced is None:
                continue
            assert traced.opener in (None, life.opener)
            if not traced.closers:
                continue
            assert life.closed is not None
            assert row.state in CLOSED_INTO
            if traced.closer is not None:
                assert traced.closer == life.closer
            elif not losses and watch.began == 0.0:
                assert life.closer in traced.closers
        clock += seconds + random.choice((0.05, 0.4, 1.0))


def _quiet(world: World, watch: Watch, life: Life, clock: float, seconds: float) -> bool:
    """Whether its closing was reported not long before the look, and nothing of its ends during it."""
    if world.losses or life.closed is None or not max(watch.began, clock - 0.3) < life.closed < clock - 0.01:
        return False
    ends = (*endpoint(life.ends[0]), *endpoint(life.ends[1]))
    return not any(r[3:7] == ends and clock - 0.01 < r.clock < clock + seconds + 0.01 for r in world.reports)
