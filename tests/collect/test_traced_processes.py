"""Who a PID was at a moment: alive, gone, renamed, in another network namespace, or not to be named."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from sockview.collect import process_round, traced_processes
from sockview.collect.perf_records import COMM, FORK, Comm, Fork
from sockview.model.owner import Process
from sockview.model.trace import NAMELESS, NOBODY
from tests.collect.proc_machine import Machine

OTHERS: Final = 4026532999
KERNEL_THREAD: Final = 0x00208040


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# ------------------------------------------------------------------ those that are there
def test_a_living_process_is_who_proc_says(machine: Machine) -> None:
    machine.add(30, "nginx", 5)
    assert machine.who(30, 100) == Process(30, "nginx", "/bin/nginx -x", 5)
    assert machine.who(30, 101) is machine.who(30, 102)


def test_a_process_that_started_after_the_report_is_another_one(machine: Machine) -> None:
    machine.add(30, "nginx", 5)
    assert machine.who(30, 49) == NOBODY
    assert machine.who(30, 55) == NOBODY, "starts are told in ticks: within one, nothing is certain"
    assert machine.who(30, 60) == Process(30, "nginx", "/bin/nginx -x", 5)


def test_it_keeps_its_real_start_after_its_end(machine: Machine) -> None:
    machine.add(30, "nginx", 5)
    alive = machine.who(30, 100)
    machine.remove(30)
    machine.end(101, 30)
    assert machine.who(30, 101) == alive


def test_those_seen_once_have_their_names_when_they_are_gone(machine: Machine) -> None:
    machine.add(30, "nginx", 5)
    machine.processes.look_around(90)
    machine.remove(30)
    assert machine.who(30, 100) == Process(30, "nginx", "", 5)


def test_names_are_cleaned(machine: Machine) -> None:
    machine.add(30, "a\x1b[2J", 5)
    machine.fork(100, 31, 30)
    machine.rename(101, 31, b"\xffevil\n")
    found = (machine.who(30, 110), machine.who(31, 110))
    assert [process.name for process in found if process] == ["a\\x1b[2J", "\\xffevil\\n"]


def test_those_that_started_before_the_machine_was_suspended_are_known(tmp_path: Path) -> None:
    machine = Machine(tmp_path, suspended=10_000)
    machine.add(30, "nginx", 5)
    machine.add(31, "sh", 6)
    machine.rename(90, 31, b"curl")
    machine.fork(100, 32, 30)
    found = [machine.who(pid, 110) for pid in (30, 31, 32)]
    assert [process and process[:2] for process in found] == [(30, "nginx"), (31, "sh"), (32, "nginx")]
    assert [process and process.started for process in found] == [5, 6, -1]


# ------------------------------------------------------------------ those that have gone before they were looked at
def test_a_short_lived_child_has_its_parents_name(machine: Machine) -> None:
    machine.add(30, "master", 5)
    machine.processes.look_around(90)
    machine.fork(100, 31, 30)
    machine.fork(110, 32, 31)
    first = machine.who(32, 120)
    assert first == Process(32, "master", "", -1)
    assert machine.who(32, 121) == first, "one and the same stand-in"
    assert machine.who(31, 122) == Process(31, "master", "", -2)


def test_a_child_of_one_that_was_never_seen_has_its_name_too(machine: Machine) -> None:
    machine.add(30, "master", 5, tids=(33,))
    (machine.root / "30" / "task" / "33" / "stat").write_text(
        (machine.root / "30" / "stat").read_text().replace("master", "worker")
    )
    machine.fork(100, 31, 30)
    machine.fork(100, 32, 30, parent_tid=33)
    assert [machine.who(pid, 110) for pid in (31, 32)] == [Process(31, "master", "", -1), Process(32, "worker", "", -2)]


def test_an_exec_gives_it_the_name_of_the_program(machine: Machine) -> None:
    machine.fork(100, 31, 30)
    machine.rename(101, 31, b"curl")
    assert machine.who(31, 110) == Process(31, "curl", "", -1)


def test_a_name_that_nobody_told_is_not_made_up(machine: Machine) -> None:
    machine.add(30, "master", 5)
    machine.processes.look_around(90)
    machine.remove(30)
    machine.fork(100, 31, 30, parent_tid=33)  # a thread that has gone, and had a name of its own
    assert machine.who(31, 110) == Process(31, NAMELESS, "", -1)


def test_a_renamed_process_keeps_its_start(machine: Machine) -> None:
    machine.add(30, "sh", 5)
    machine.who(30, 100)
    machine.rename(101, 30, b"worker", by_exec=False)
    machine.remove(30)
    assert machine.who(30, 110) == Process(30, "worker", "/bin/sh -x", 5)
    machine.rename(111, 30, b"curl")
    assert machine.who(30, 120) == Process(30, "curl", "", 5)


def test_a_pid_that_was_given_anew_is_another_process(machine: Machine) -> None:
    machine.add(30, "old", 5)
    machine.processes.look_around(90)
    assert machine.who(30, 91) == Process(30, "old", "/bin/old -x", 5)
    machine.end(95, 30)
    machine.add(30, "new", 10)
    assert machine.who(30, 94) == Process(30, "old", "/bin/old -x", 5)
    machine.fork(100, 30, 1)
    machine.rename(101, 30, b"new")
    assert machine.who(30, 110) == Process(30, "new", "/bin/new -x", 10)
    machine.remove(30)
    machine.fork(200, 30, 1)
    machine.rename(201, 30, b"newest")
    assert machine.who(30, 210) == Process(30, "newest", "", -1)


def test_a_later_process_does_not_lend_its_name_to_a_gone_one(machine: Machine) -> None:
    machine.fork(100, 31, 30)
    machine.rename(101, 31, b"curl")
    machine.add(31, "other", 20)
    assert machine.who(31, 110) == Process(31, "curl", "", -1)


def test_a_process_that_was_seen_before_its_fork_was_read_keeps_its_start(machine: Machine) -> None:
    machine.add(31, "curl", 10)
    machine.processes.look_around(150)
    machine.fork(100, 31, 30)
    machine.remove(31)
    assert machine.who(31, 110) == Process(31, "curl", "", 10)


# ------------------------------------------------------------------ threads
def test_a_thread_is_its_process(machine: Machine) -> None:
    machine.add(30, "java", 5, tids=(33,))
    machine.processes.forked(Fork(FORK, 0, 48, 30, 34, 90, 30, 30))
    machine.move(90, 30, machine.net, tid=34)
    found = Process(30, "java", "/bin/java -x", 5)
    assert [machine.who(30, 100, tid) for tid in (33, 34)] == [found, found]


def test_the_name_of_a_thread_is_not_that_of_its_process(machine: Machine) -> None:
    machine.add(30, "java", 5)
    machine.processes.look_around(90)
    machine.processes.renamed(Comm(COMM, 0, 40, 30, 34, 95, b"GC Thread"))
    machine.remove(30)
    assert machine.who(30, 100) == Process(30, "java", "", 5)


# ------------------------------------------------------------------ network namespaces
def test_other_network_namespaces_are_none_of_ours(machine: Machine) -> None:
    machine.add(30, "theirs", 5, ours=False)
    machine.add(31, "mover", 5, tids=(33,))
    machine.fork(90, 32, 31, net=OTHERS)
    assert (machine.who(30, 100), machine.who(32, 100)) == (None, None)
    assert machine.who(31, 100) is not None
    machine.move(101, 31, OTHERS)
    assert machine.who(31, 102) is None
    assert machine.who(31, 102, 33) is not None, "a thread that has not moved"
    machine.move(103, 31, OTHERS, tid=33)
    assert machine.who(31, 104, 33) is None
    machine.move(105, 31, machine.net)
    assert machine.who(31, 106) is not None


def test_where_a_gone_process_was_is_not_guessed(machine: Machine) -> None:
    machine.rename(90, 31, b"curl")
    assert machine.who(31, 100) == NOBODY
    machine.move(101, 31, machine.net)
    assert machine.who(31, 102) == Process(31, "curl", "", -1)
    assert machine.who(31, 102, 99) == NOBODY, "a thread that nobody has told of"


def test_a_thread_that_ended_says_nothing_of_the_next_one_of_its_number(machine: Machine) -> None:
    machine.add(30, "java", 5)
    machine.move(90, 30, machine.net, tid=34)
    assert machine.who(30, 95, 34) is not None
    machine.end(96, 30, tid=34)
    assert machine.who(30, 97, 34) == NOBODY


def test_a_thread_that_executes_a_program_may_have_been_elsewhere(machine: Machine) -> None:
    """It takes the place of the first thread, which ends, and keeps its own namespaces."""
    machine.add(30, "runner", 5, tids=(33,))
    assert machine.who(30, 90) is not None
    machine.end(100, 30)
    assert machine.who(30, 101) is not None, "what it closed as it ended may be told late"
    machine.add(30, "program", 5, ours=False)
    machine.rename(102, 30, b"program")
    assert machine.who(30, 110) is None


def test_the_parent_is_told(machine: Machine) -> None:
    machine.add(30, "master", 5)
    machine.fork(100, 31, 30)
    machine.rename(101, 99, b"x")
    for pid in (30, 31, 99):
        machine.who(pid, 110)
    assert [machine.processes.parent_of(pid) for pid in (30, 31, 98, 99)] == [1, 30, 0, 0]


# ------------------------------------------------------------------ nobody
@pytest.mark.parametrize("pid", [0, -1])
def test_who_is_in_no_pid_namespace_of_ours_has_no_name(machine: Machine, pid: int) -> None:
    machine.processes.forked(Fork(FORK, 0, 48, pid, pid, 90, 1, 1))
    machine.rename(91, pid, b"x")
    machine.move(92, pid, machine.net)
    assert machine.who(pid, 100) == NOBODY


def test_kernel_threads_and_those_they_fork_are_nobody_until_they_run_a_program(machine: Machine) -> None:
    machine.add(2, "kthreadd", 0, flags=KERNEL_THREAD)
    machine.add(40, "kworker/0:1", 1, flags=KERNEL_THREAD)
    machine.processes.look_around(90)
    machine.fork(95, 41, 2)
    assert (machine.who(40, 100), machine.who(41, 100)) == (NOBODY, NOBODY)
    machine.rename(101, 41, b"modprobe")
    assert machine.who(41, 102) == Process(41, "modprobe", "", -1)


def test_a_gone_process_of_which_nothing_was_heard_is_nobody(machine: Machine) -> None:
    assert machine.who(31, 100) == NOBODY
    machine.fork(101, 32, 31)
    assert machine.who(32, 110) == NOBODY, "it may have been a kernel thread"


@pytest.mark.parametrize("error", [PermissionError(1, ""), OSError(24, "")])
def test_what_may_not_be_read_now_is_not_taken_for_gone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    machine.add(30, "nginx", 5)
    machine.processes.look_around(90)

    def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(traced_processes, "read_stat", refuse)
        assert machine.who(30, 100) == NOBODY
        machine.processes.doubt()
        machine.processes.look_around(process_round.EVERY + 100)
    assert machine.who(30, 110) == Process(30, "nginx", "/bin/nginx -x", 5)
