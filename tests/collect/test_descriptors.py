"""How many descriptors a process has: of this process itself, and of made-up ones."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sockview.collect.descriptors import FEWEST_SOCKETS, MOST_PROCESSES, Descriptors, parse_descriptor_limit
from sockview.collect.process_stat import read_process
from sockview.model.inet_socket import InetSocket
from sockview.model.limits import DescriptorUse
from sockview.model.owner import Holder, Process
from tests.collect.steps import finish
from tests.model.builders import make_process, make_socket

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def leak(*counts: tuple[Process, int]) -> tuple[list[InetSocket], Mapping[int, tuple[Holder, ...]]]:
    """CLOSE_WAIT sockets, so many for each process; every socket has two descriptors there."""
    sockets: list[InetSocket] = []
    holders: dict[int, tuple[Holder, ...]] = {}
    for process, count in counts:
        for fd in range(count):
            inode = len(sockets) + 1
            sockets.append(make_socket("CLOSE_WAIT", inode=inode, cookie=inode))
            holders[inode] = (Holder(process, fd), Holder(process, 1000 + fd))
    return sockets, holders


def read(
    proc: Path | str, made: tuple[list[InetSocket], Mapping[int, tuple[Holder, ...]]]
) -> dict[tuple[int, int], DescriptorUse]:
    sockets, holders = made
    return finish(Descriptors(str(proc)).look(sockets, holders))[0]


def make_files(proc: Path, process: Process, used: int = 7) -> None:
    directory = proc / str(process.pid)
    (directory / "fd").mkdir(parents=True)
    for fd in range(used):
        (directory / "fd" / str(fd)).touch()
    (directory / "stat").write_bytes(b"%d (web) S" % process.pid + b" 0" * 18 + b" %d" % process.started)
    (directory / "limits").write_bytes(b"Max open files            1024  4096  files\n")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel before 6.2: the directory has no size, its entries are counted."""
    real = os.stat

    def stat(path: str | int, **options: Any) -> os.stat_result:
        found = real(path, **options)
        return os.stat_result((*found[:6], 0, *found[7:10])) if path == "fd" else found

    monkeypatch.setattr(os, "stat", stat)


@needs_proc
@pytest.mark.parametrize("kernel", ["this one", "an older one"])
def test_this_process(kernel: str, request: pytest.FixtureRequest) -> None:
    import resource

    if kernel == "an older one":
        request.getfixturevalue("counted")
    me = read_process(os.getpid(), f"/proc/{os.getpid()}")
    assert me is not None
    made = leak((me, FEWEST_SOCKETS))
    before = read("/proc", made)[me.identity]
    ends = socket.socketpair()
    after = read("/proc", made)[me.identity]
    for end in ends:
        end.close()
    assert after.used == before.used + 2
    assert after.limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    # Those that the look itself has open are counted too: one or two.
    assert 0 <= after.used - len(os.listdir("/proc/self/fd")) - len(ends) <= 2


@pytest.mark.usefixtures("counted")
def test_only_the_largest_leaks_are_looked_at(tmp_path: Path) -> None:
    processes = [make_process(100 + number, started=5) for number in range(MOST_PROCESSES + 2)]
    for process in processes:
        make_files(tmp_path, process)
    sizes = [FEWEST_SOCKETS - 1, FEWEST_SOCKETS, *range(FEWEST_SOCKETS + 1, FEWEST_SOCKETS + 1 + MOST_PROCESSES)]
    found = read(tmp_path, leak(*zip(processes, sizes, strict=True)))
    assert set(found) == {process.identity for process in processes[2:]}
    assert set(found.values()) == {DescriptorUse(7, 1024)}
    assert list(read(tmp_path, leak((processes[0], FEWEST_SOCKETS)))) == [processes[0].identity]
    assert read(tmp_path, leak((processes[0], FEWEST_SOCKETS - 1))) == {}


@pytest.mark.usefixtures("counted")
def test_a_process_that_has_gone_or_is_another_one_is_absent(tmp_path: Path) -> None:
    gone, other, half = make_process(7), make_process(8, started=5), make_process(9, started=5)
    make_files(tmp_path, make_process(8, started=6))
    make_files(tmp_path, half)
    (tmp_path / "9" / "limits").unlink()
    assert read(tmp_path, leak((gone, 20), (other, 20), (half, 20))) == {}


@pytest.mark.usefixtures("counted")
def test_the_counts_follow_the_sockets_and_their_holders(tmp_path: Path) -> None:
    one, two = make_process(7, started=5), make_process(8, started=5)
    for process in (one, two):
        make_files(tmp_path, process)
    descriptors = Descriptors(str(tmp_path))
    sockets, held = leak((one, FEWEST_SOCKETS), (two, FEWEST_SOCKETS))

    def look(sockets: list[InetSocket], holders: Mapping[int, tuple[Holder, ...]]) -> list[int]:
        found = finish(descriptors.look(sockets, holders))[0]
        assert found == finish(Descriptors(str(tmp_path)).look(sockets, holders))[0]
        return sorted(pid for pid, _ in found)

    assert look(sockets, held) == [7, 8]
    assert look(sockets[1:], held) == [8], "one fewer is not enough"
    assert look(sockets, held) == [7, 8]
    passed_on = {**held, 1: (Holder(two, 900),)}
    assert look(sockets, passed_on) == [8]
    assert look(sockets[:FEWEST_SOCKETS], passed_on) == []
    assert look(sockets, {**passed_on, 1: (Holder(one, 3), Holder(two, 900))}) == [7, 8]
    assert look(sockets, {}) == look([], held) == []


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (b"Limit  Soft Limit\nMax open files            1024                 524288               files     \n", 1024),
        (b"Max open files            unlimited            unlimited            files     \n", None),
        (b"Max open files\n", None),
        (b"", None),
    ],
)
def test_limits(limits: bytes, expected: int | None) -> None:
    assert parse_descriptor_limit(limits) == expected
