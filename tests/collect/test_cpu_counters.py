"""One counter on each CPU, and new ones when the CPUs are others or the machine has slept."""

from __future__ import annotations

import errno
from typing import cast

import pytest

from sockview.collect.cpu_counters import CpuCounters, seconds_asleep
from sockview.collect.perf_event import Counter, ring_size


class Opened:
    """Stands for a counter."""

    def __init__(self, cpu: int, size: int) -> None:
        self.cpu, self.size, self.closed = cpu, size, False

    def close(self) -> None:
        self.closed = True


class Machine:
    """Some CPUs, of which some refuse."""

    def __init__(self, size: int | None = None) -> None:
        self.cpus = [0, 1, 3]
        self.asleep = 7.0
        self.refusals: dict[int, int] = {}
        self.made: list[Opened] = []
        self.counters = CpuCounters(self._open, size, cpus=lambda: list(self.cpus), asleep=lambda: self.asleep)

    def _open(self, cpu: int, size: int) -> Counter:
        if cpu in self.refusals:
            raise OSError(self.refusals[cpu], "")
        self.made.append(Opened(cpu, size))
        return cast(Counter, self.made[-1])

    def open(self) -> list[tuple[int, int]]:
        self.counters.open()
        return [(one.cpu, one.size) for one in self.made]


def test_each_cpu_that_is_online_has_one() -> None:
    assert Machine().open() == [(cpu, ring_size(3)) for cpu in (0, 1, 3)]
    assert Machine(4096).open() == [(cpu, 4096) for cpu in (0, 1, 3)]


def test_one_that_goes_offline_meanwhile_has_none() -> None:
    machine = Machine()
    machine.refusals[1] = errno.ENODEV
    assert [cpu for cpu, _size in machine.open()] == [0, 3]


def test_all_or_none() -> None:
    machine = Machine()
    machine.refusals[3] = errno.EMFILE
    with pytest.raises(OSError) as failed:
        machine.open()
    assert failed.value.errno == errno.EMFILE
    assert [one.closed for one in machine.made] == [True, True]


def test_nothing_has_changed() -> None:
    machine = Machine()
    machine.open()
    machine.asleep += 0.1  # the two clocks are not read at once
    assert machine.counters.renewed() is None


def test_other_cpus_need_other_counters() -> None:
    machine = Machine()
    machine.open()
    machine.cpus = [0, 3]
    fresh = machine.counters.renewed()
    assert fresh is not None and len(fresh) == 2
    assert machine.counters.renewed() is None
    machine.cpus = [0, 1, 3]
    assert machine.counters.renewed() is not None, "the one that came back has lost its counter"


def test_a_machine_that_has_slept_has_lost_its_counters() -> None:
    machine = Machine()
    machine.open()
    machine.asleep += 60
    assert machine.counters.renewed() is not None
    assert machine.counters.renewed() is None


def test_this_machine_has_slept_for_some_time_or_not_at_all() -> None:
    assert seconds_asleep() > -0.5
