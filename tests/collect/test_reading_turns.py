"""Whose descriptors are read when."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sockview.collect import reading_turns
from sockview.collect.reading_turns import ReadingTurns

SIZE = 1000


class Simulated:
    """Processes that run when the test says so; all that is planned is read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pids: list[int]) -> None:
        self.clocks = dict.fromkeys(pids, 100)
        self.turns = ReadingTurns()
        self.looks = 0
        self.read: dict[int, list[int]] = {pid: [] for pid in pids}
        self.changed: set[int] = set()
        self.partly: list[int] = []
        monkeypatch.setattr(reading_turns, "read_clock", self.clocks.get)

    def look(self, *running: int, at_once: int = 0) -> list[int]:
        """The PIDs that are read fully."""
        self.looks += 1
        for pid in running:
            self.clocks[pid] += 1
        plan = self.turns.plan(list(self.clocks), dict(self.clocks), at_once)
        for pid in plan.fully:
            self.read[pid].append(self.looks)
            self.turns.read(pid, SIZE, changed=pid in self.changed, kernel=False)
        self.changed -= {*plan.fully}
        self.partly = plan.partly
        return plan.fully

    def settle(self) -> None:
        """Until all are believed to sleep."""
        for _ in range(4):
            self.look()


def test_one_that_runs_is_read_at_every_second_look_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    pids = [*range(100, 110)]
    simulated = Simulated(monkeypatch, pids)
    assert simulated.look() == pids
    for _ in range(20):
        fully = simulated.look(*pids)
        assert sorted((*fully, *simulated.partly)) == pids
        assert len(fully) == 5
    for looks in simulated.read.values():
        assert max(later - sooner for sooner, later in pairwise(looks)) <= 2


def test_few_links_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = Simulated(monkeypatch, [*range(100, 110)])
    simulated.look()
    assert len(simulated.look(*range(100, 110), at_once=20_000)) == 10


def test_one_that_ran_once_is_read_until_it_is_found_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = Simulated(monkeypatch, [*range(160, 170)])
    simulated.settle()
    simulated.read[165].clear()
    for looks in range(6):
        simulated.look(*([165] if looks == 0 else []), at_once=10_000)
    assert [look - simulated.looks for look in simulated.read[165]][:2] == [-5, -4]
    assert len(simulated.read[165]) == 2


def test_one_that_sleeps_is_read_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = Simulated(monkeypatch, [*range(100, 140)])
    simulated.settle()
    for pid in simulated.read:
        simulated.read[pid].clear()
    for _ in range(16):
        assert len(simulated.look()) <= 3
    assert all(len(looks) == 1 for looks in simulated.read.values())


def test_a_table_that_changes_in_its_sleep_is_shared_and_never_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = Simulated(monkeypatch, [*range(160, 170)])
    simulated.settle()
    simulated.read[165].clear()
    simulated.changed = {165}
    while not simulated.read[165]:
        simulated.look()
    simulated.read[165].clear()
    for _ in range(10):
        simulated.look()
    assert len(simulated.read[165]) >= 5


def test_those_that_are_alike_are_read_with_one_that_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = Simulated(monkeypatch, [160, 161, 162])
    simulated.settle()
    simulated.turns.changed(160, 5)
    simulated.turns.changed(161, 5)
    assert set(simulated.look(161, at_once=10_000)) == {160, 161}
    simulated.settle()
    simulated.turns.changed(161, 6)
    assert set(simulated.look(161, at_once=10_000)) == {160, 161}, "it was like it before it changed"
    simulated.settle()
    assert set(simulated.look(161)) | {*simulated.partly} == {160, 161}
    assert set(simulated.look()) | {*simulated.partly} == {160, 161}, "put off, and not forgotten"
    simulated.turns.forget(160)
    simulated.turns.forget(161)
    assert simulated.turns._alike == {}


def test_a_clock_that_goes_back_belongs_to_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = Simulated(monkeypatch, [160, 161, 162])
    simulated.settle()
    simulated.clocks[161] = 1
    assert simulated.look() == [161]


def test_without_clocks_everyone_counts_as_running(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = Simulated(monkeypatch, [160, 161])
    simulated.settle()
    for _ in range(5):
        plan = simulated.turns.plan([160, 161], {}, 0)
        assert sorted((*plan.fully, *plan.partly)) == [160, 161]
        for pid in plan.fully:
            simulated.turns.read(pid, SIZE, changed=False, kernel=False)
