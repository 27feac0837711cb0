"""What a source tells of the difference between two of its snapshots, also after one that went wrong."""

from __future__ import annotations

import errno
from collections.abc import Generator
from pathlib import Path

import pytest

from sockview.collect import close_wait_times, native, silent_sockets
from sockview.collect.holders import Holders, HolderWatch
from sockview.collect.native import NativeSource
from sockview.errors import CollectError
from sockview.model.inet_socket import TCP, UDP
from sockview.model.snapshot import Change, Snapshot
from tests.collect import messages as made
from tests.collect.dumps import FakeKernel
from tests.collect.steps import finish


def message(cookie: int, recv_q: int = 0, state: int = 1) -> bytes:
    return made.inet_diag(cookie=cookie, inode=cookie, state=state, queues=(recv_q, 0), remote=("10.0.0.1", cookie))


class World:
    """A machine whose sockets and processes can be changed, and its source."""

    def __init__(self, proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.proc = proc
        self.kernel = FakeKernel()
        self.kernel.sockets = {(4, TCP): [message(n) for n in range(1, 6)], (4, UDP): [message(50)]}
        monkeypatch.setattr(native, "open_netlink", self.kernel)
        for module in (close_wait_times, silent_sockets):
            monkeypatch.setattr(module, "dump_times", self.no_times)
        (proc / "1" / "fd").mkdir(parents=True)
        process = proc / "9"
        (process / "fd").mkdir(parents=True)
        (process / "stat").write_bytes(b"9 (web) S" + b" 0" * 18 + b" 44")
        (process / "cmdline").touch()
        self.hold(1, 2, 3)
        self.source = NativeSource(str(proc), clock=lambda: 5.0)

    @staticmethod
    def no_times(*_: object) -> Generator[None, None, None]:
        yield

    def hold(self, *inodes: int) -> None:
        """Process 9 holds these, by descriptors of these numbers."""
        descriptors = self.proc / "9" / "fd"
        for descriptor in descriptors.iterdir():
            descriptor.unlink()
        for inode in inodes:
            (descriptors / str(inode)).symlink_to(f"socket:[{inode}]")

    def collect(self) -> Snapshot:
        return finish(self.source.collect())[0]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def assert_right(change: Change | None, before: Snapshot, after: Snapshot) -> None:
    """It is there, and it is the difference."""
    assert change is not None and change.since == before.serial
    earlier, later = {id(s) for s in before.sockets}, {id(s) for s in after.sockets}
    assert sorted(map(id, change.gone)) == sorted(earlier - later)
    assert sorted(map(id, change.come)) == sorted(later - earlier)
    reheld = [s for s in after.sockets if before.holders.get(s.inode) != after.holders.get(s.inode)]
    assert {id(s) for s in reheld if id(s) in earlier} <= set(map(id, change.reheld)) <= earlier & later


def test_the_first_snapshot_tells_no_change_and_the_next_what_it_is(world: World) -> None:
    first = world.collect()
    assert first.change is None
    world.kernel.sockets = {(4, TCP): [message(n) for n in (1, 2, 4, 5, 6)], (4, UDP): [message(50, recv_q=7)]}
    world.hold(1, 2, 6)
    second = world.collect()
    assert second.serial > first.serial
    assert_right(second.change, first, second)
    assert second.change is not None
    assert [s.cookie for s in second.change.gone] == [3, 50] and {s.cookie for s in second.change.come} == {6, 50}
    assert {1, 2, 6} == second.holders.keys()
    third = world.collect()
    assert_right(third.change, second, third)
    assert third.change is not None and not third.change.gone and not third.change.come


def test_serials_are_never_the_same(world: World) -> None:
    other = NativeSource(str(world.proc), clock=lambda: 5.0)
    snapshots = [world.collect(), finish(other.collect())[0], world.collect(), finish(other.collect())[0]]
    assert len({snapshot.serial for snapshot in snapshots}) == 4 and all(s.serial for s in snapshots)
    assert [snapshot.change and snapshot.change.since for snapshot in snapshots[2:]] == [
        snapshots[0].serial,
        snapshots[1].serial,
    ]


@pytest.mark.parametrize("steps", range(12))
def test_a_collection_that_was_given_up_leaves_the_source_right(world: World, steps: int) -> None:
    first = world.collect()
    world.kernel.sockets = {(4, TCP): [message(n) for n in (2, 3, 4, 9)]}
    given_up = world.source.collect()
    for _ in range(steps):
        next(given_up, None)
    given_up.close()
    second = world.collect()
    assert sorted(s.cookie for s in second.sockets) == [2, 3, 4, 9]
    assert sorted(second.holders) == [2, 3]
    if second.change is not None:
        assert_right(second.change, first, second)
    world.kernel.sockets = {(4, TCP): [message(n) for n in (3, 4)]}
    third = world.collect()
    assert_right(third.change, second, third)


def test_a_failed_table_tells_no_change_and_the_next_snapshot_does(world: World) -> None:
    world.collect()
    world.kernel.errors = {(4, TCP): errno.ENOBUFS}
    second = world.collect()
    assert (second.complete, second.change, [s.cookie for s in second.sockets]) == (False, None, [50])
    world.kernel.errors = {}
    third = world.collect()
    assert_right(third.change, second, third)
    assert sorted(third.holders) == [1, 2, 3]
    fourth = world.collect()
    assert_right(fourth.change, third, fourth)


def test_a_table_that_is_never_there_is_no_change(world: World) -> None:
    world.kernel.errors = {(6, TCP): errno.ENOENT, (6, UDP): errno.ENOENT}
    first, second = world.collect(), world.collect()
    assert first.complete
    assert_right(second.change, first, second)


def test_after_no_table_at_all_everything_begins_anew(world: World) -> None:
    world.collect()
    world.kernel.errors = dict.fromkeys(native.DUMPS, errno.EPERM)
    with pytest.raises(CollectError):
        world.collect()
    world.kernel.errors = {}
    second = world.collect()
    assert second.change is None and sorted(second.holders) == [1, 2, 3]
    third = world.collect()
    assert_right(third.change, second, third)


def test_a_table_that_changed_while_it_was_read_tells_no_change(world: World) -> None:
    world.collect()
    world.kernel.flags = 0x12
    second = world.collect()
    assert (second.complete, second.change, len(second.sockets)) == (False, None, 6)
    world.kernel.flags = 2
    third = world.collect()
    if third.change is not None:
        assert_right(third.change, second, third)
    fourth = world.collect()
    assert_right(fourth.change, third, fourth)


def test_without_holders_no_change_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Generator[None, None, Holders]:
        yield
        raise RuntimeError("surprise")

    world.collect()
    with monkeypatch.context() as patch:
        patch.setattr(HolderWatch, "look", broken)
        second = world.collect()
    assert (second.owners_read, second.change) == (False, None)
    third = world.collect()
    assert third.change is None and sorted(third.holders) == [1, 2, 3]
    fourth = world.collect()
    assert_right(fourth.change, third, fourth)
