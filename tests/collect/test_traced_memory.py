"""What is remembered of processes: after a loss only what /proc still shows, and never without bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockview.collect import process_round, traced_processes
from sockview.model.owner import Process
from sockview.model.trace import NOBODY
from tests.collect.proc_machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# ------------------------------------------------------------------ after a loss
def test_after_a_loss_only_what_proc_still_shows_counts(machine: Machine) -> None:
    machine.add(30, "nginx", 5)
    machine.add(31, "curl", 6)
    machine.processes.look_around(90)
    before = machine.who(30, 100)
    machine.remove(31)
    machine.processes.doubt()
    assert machine.who(30, 110) == before
    assert machine.who(31, 110) == NOBODY, "its PID may have been given anew, unheard"


def test_after_a_loss_a_pid_may_be_anothers(machine: Machine) -> None:
    machine.add(30, "old", 5)
    machine.who(30, 80)
    machine.processes.doubt()
    machine.add(30, "new", 10, ours=False)
    assert machine.who(30, 200) is None
    machine.processes.doubt()
    machine.add(30, "newest", 15)
    assert machine.who(30, 155) == NOBODY
    assert machine.who(30, 160) == Process(30, "newest", "/bin/newest -x", 15)


def test_after_a_loss_a_namespace_is_looked_at_again(machine: Machine) -> None:
    machine.add(30, "mover", 5, tids=(33,))
    machine.move(80, 30, machine.net, tid=33)
    machine.who(30, 80)
    machine.processes.doubt()
    machine.add(30, "mover", 5, ours=False, tids=(33,))
    assert (machine.who(30, 100), machine.who(30, 100, 33)) == (None, None)


# ------------------------------------------------------------------ bounds
def test_the_memory_is_bounded(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced_processes, "MOST", 50)
    monkeypatch.setattr(traced_processes, "MOST_GONE", 20)
    machine.add(1, "init", 1)
    machine.processes.look_around(90)
    for pid in range(100, 400):
        machine.fork(pid, pid, 1)
        machine.move(pid, 1, machine.net, tid=pid + 1000)
        if pid % 2:
            machine.end(pid, pid)
    assert len(machine.processes._known) <= 50
    assert len(machine.processes._threads) <= 50
    assert len(machine.processes._gone) <= 20
    assert machine.who(398, 1000) == Process(398, "init", "", -1)


def test_all_processes_are_looked_at_in_steps_and_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_round, "A_STEP", 2)
    for pid in range(1, 6):
        machine.add(pid, f"p{pid}", 1)
    counts = []
    for now in range(100, 106):
        machine.processes.look_around(now)
        counts.append(len(machine.processes._known))
    assert counts == [2, 4, 5, 5, 5, 5]
    machine.add(6, "later", 2)
    machine.processes.look_around(107)
    machine.processes.doubt()
    machine.processes.look_around(108)
    assert len(machine.processes._known) == 5, "not so soon again"
    for now in range(3):
        machine.processes.look_around(process_round.EVERY + 110 + now)
    assert len(machine.processes._known) == 6
