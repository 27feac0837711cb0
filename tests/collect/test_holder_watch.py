"""Looks at a /proc that changes between them. Real processes are watched in tests/live/test_owners.py."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from sockview.collect import holders, table_reader
from tests.collect.fake_proc import FakeProc, Watched, pairs
from tests.collect.test_holders import failing


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProc:
    monkeypatch.setattr(table_reader, "_is_counted", lambda _directory: False)
    return FakeProc(tmp_path)


@pytest.fixture
def watched(proc: FakeProc) -> Watched:
    return Watched(proc)


def test_what_is_handed_out_stays_as_it_is(proc: FakeProc, watched: Watched) -> None:
    proc.add(100, b"a", {3: "socket:[7]", 4: "socket:[8]"})
    first = watched.look({7, 8})
    assert first.changed == {7, 8}
    proc.link(100, {4: None, 5: "socket:[9]"})
    copy = dict(first.by_inode)
    second = watched.look({7, 9})
    assert first.by_inode == copy and second.by_inode is not first.by_inode
    assert second.by_inode[7] is first.by_inode[7]
    assert second.changed == {8, 9}
    third = watched.look({7, 9})
    assert third.changed == frozenset()
    assert third.by_inode == second.by_inode and third.by_inode is not second.by_inode


def test_a_number_that_is_another_socket_now(proc: FakeProc, watched: Watched) -> None:
    proc.add(100, b"a", {3: "socket:[7]", 4: "socket:[8]"})
    watched.look({7, 8})
    proc.link(100, {3: "socket:[8]", 4: "socket:[7]"})
    found = watched.look({7, 8})
    assert (pairs(found, 7), pairs(found, 8)) == ([(100, 4)], [(100, 3)])
    assert found.changed == {7, 8}


def test_a_new_number_that_does_not_show_as_another_was_closed_meanwhile(
    proc: FakeProc, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.add(100, b"a", {3: "socket:[7]"})
    watched.look({7})
    monkeypatch.setattr(table_reader, "_is_counted", lambda _directory: True)
    monkeypatch.setattr(table_reader.TableReader, "_missing", lambda *_: 0)
    proc.link(100, {4: "socket:[8]"})
    assert watched.look({7, 8}).by_inode.keys() == {7}
    found = watched.look({7, 8})
    assert pairs(found, 8) == [(100, 4)] and found.changed == {8}


def test_a_process_that_becomes_another_program(proc: FakeProc, watched: Watched) -> None:
    proc.add(100, b"a", {3: "socket:[7]", 4: "socket:[8]"})
    proc.add(101, b"b", {3: "socket:[8]"})
    watched.look({7, 8})
    proc.name(100, b"other")
    found = watched.look({7, 8})
    assert [holder.process.name for holder in found.by_inode[8]] == ["other", "b"]
    assert found.changed == {7, 8}


def test_a_pid_that_another_process_has_now(proc: FakeProc, watched: Watched) -> None:
    proc.add(100, b"a", {3: "socket:[7]"})
    assert watched.look({7, 8}).started == {100: 1000}
    proc.remove(100)
    proc.add(100, b"b", {3: "socket:[8]"}, started=2000)
    found = watched.look({7, 8})
    assert set(found.by_inode) == {8}
    assert (found.by_inode[8][0].process.name, found.started) == ("b", {100: 2000})


def test_a_process_that_has_gone_holds_nothing(proc: FakeProc, watched: Watched) -> None:
    proc.add(100, b"a", {3: "socket:[7]", 4: "socket:[8]", 5: "socket:[99]"})
    proc.add(101, b"b", {3: "socket:[8]"})
    watched.look({7, 8})
    proc.remove(100)
    found = watched.look({7, 8})
    assert found.by_inode.keys() == {8} and pairs(found, 8) == [(101, 3)]
    assert found.changed == {7, 8} and found.pids == frozenset({1, 101}) and found.started == {101: 1000}


def test_a_socket_that_was_in_no_dump_when_it_was_first_read(proc: FakeProc, watched: Watched) -> None:
    proc.add(100, b"a", {3: "socket:[7]", 4: "socket:[7]"})
    assert watched.look(set()).by_inode == {}
    assert pairs(watched.look({7}), 7) == [(100, 3), (100, 4)]
    assert watched.look(set()).changed == {7}
    found = watched.look({7})
    assert pairs(found, 7) == [(100, 3), (100, 4)] and found.changed == {7}


def test_one_that_cannot_be_read_is_tried_at_each_look(
    proc: FakeProc, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.add(100, b"a", {3: "socket:[7]"})
    watched.look({7})
    with monkeypatch.context() as refused:
        refused.setattr(os, "open", failing(os.open, "/100/fd", errno.EACCES))
        for _ in range(2):
            found = watched.look({7})
            assert (found.by_inode, found.unreadable) == ({}, 1)
    found = watched.look({7})
    assert pairs(found, 7) == [(100, 3)] and found.unreadable == 0 and found.changed == {7}


def test_one_that_fails_in_its_middle_holds_nothing(
    proc: FakeProc, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.add(100, b"a", {fd: f"socket:[{fd}]" for fd in range(1, 1500)})
    proc.add(101, b"b", {3: "socket:[3]"})
    watched.look(range(1, 2000))
    with monkeypatch.context() as broken:
        broken.setattr(os, "readlink", failing(os.readlink, "1400", errno.EIO))
        found = watched.look(range(1, 2000))
    assert found.by_inode.keys() == {3} and (found.unreadable, len(found.warnings)) == (1, 1)
    assert pairs(found, 3) == [(101, 3)]
    assert len(watched.look(range(1, 2000)).by_inode) == 1499


@pytest.mark.parametrize("steps", [0, 1, 3, 20])
def test_a_look_that_is_abandoned_spoils_nothing(
    proc: FakeProc, watched: Watched, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(table_reader, "_LINKS_A_STEP", 1)
    for pid in range(100, 130):
        proc.add(pid, b"a", {3: f"socket:[{pid}]", 4: "socket:[7]"})
    first = watched.look(range(200))
    proc.link(101, {3: "socket:[8]"})
    proc.remove(129)
    abandoned = watched.begin(range(200))
    for _ in range(steps):
        next(abandoned)
    abandoned.close()
    found = watched.look(range(200))
    assert found.by_inode == proc.holders(range(200)).by_inode
    assert found.changed == {7, 8, 101, 129}, "against what was handed out last"
    assert found.by_inode[100] is first.by_inode[100]


def test_a_listing_that_fails_spoils_nothing(proc: FakeProc, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    proc.add(100, b"a", {3: "socket:[7]"})
    watched.look({7})
    with monkeypatch.context() as broken:
        broken.setattr(os, "listdir", failing(os.listdir, str(proc.root), errno.EMFILE))
        with pytest.raises(Exception, match="ulimit"):
            watched.look({7})
    assert watched.look({7}).changed == frozenset()


def test_a_kernel_thread_is_left_alone(proc: FakeProc, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    proc.add(2, b"kthreadd", {}, flags=0x00200000)
    proc.add(100, b"a", {})
    watched.look(set())
    opened: list[str] = []
    monkeypatch.setattr(table_reader, "_opened", recording(opened))
    for _ in range(15):
        watched.look(set())
    assert sum("/100/" in path for path in opened) == 15
    assert sum("/2/" in path for path in opened) == 1, "in case another process has the PID"


def recording(paths: list[str]) -> Callable[[str], AbstractContextManager[int]]:
    opened = table_reader._opened

    def recorded(path: str) -> AbstractContextManager[int]:
        paths.append(path)
        return opened(path)

    return recorded


def test_what_was_put_off_is_read_at_the_next_look(
    proc: FakeProc, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "LINKS_AT_ONCE", 0)
    for pid in range(100, 110):
        proc.add(pid, b"a", {fd: f"socket:[{pid}{fd}]" for fd in range(10, 30)})
    alive = {int(f"{pid}{fd}") for pid in range(100, 110) for fd in range(10, 30)} | {*range(10)}
    watched.look(alive)
    for pid in range(100, 110):
        proc.link(pid, {20: f"socket:[{pid - 100}]"})
    seen = set(watched.look(alive).by_inode) & {*range(10)}
    assert 0 < len(seen) < 10
    assert set(watched.look(alive).by_inode) >= {*range(10)}


def test_what_is_put_off_is_read_where_it_shows(
    proc: FakeProc, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new descriptor; one whose socket has gone; one whose socket has got another holder."""
    monkeypatch.setattr(holders, "LINKS_AT_ONCE", 0)
    for pid in (100, 101, 102, 103):
        proc.add(pid, b"a", {fd: f"socket:[{pid}{fd}]" for fd in range(10, 30)})
    alive = {int(f"{pid}{fd}") for pid in (100, 101, 102, 103) for fd in range(10, 30)}
    watched.look(alive)
    for pid in (100, 101, 102, 103):
        proc.link(pid, {9: f"socket:[{pid}]", 10: f"socket:[{pid + 10}]"})
    proc.link(100, {29: "socket:[10329]"})
    proc.link(103, {29: "/dev/null", 31: "socket:[10029]"})
    alive -= {10010, 10110, 10210, 10310}
    alive |= {*range(100, 104), *range(110, 114)}
    found = watched.look(alive)
    assert found.by_inode == proc.holders(alive).by_inode
