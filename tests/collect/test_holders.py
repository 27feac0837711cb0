"""Looks at a /proc made for the test: the first one, and what each can meet."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sockview.collect import table_reader
from sockview.errors import CollectError
from tests.collect.fake_proc import FakeProc, first_look, pairs
from tests.collect.steps import finish


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProc:
    monkeypatch.setattr(table_reader, "_is_counted", lambda _directory: False)
    return FakeProc(tmp_path)


def test_all_holders_of_an_inode_in_order(proc: FakeProc) -> None:
    proc.add(100, b"master", {3: "socket:[7]", 10: "socket:[7]", 4: "socket:[8]"})
    proc.add(99, b"worker", {12: "socket:[7]"})
    proc.add(1000, b"worker", {12: "socket:[7]", 9: "/dev/null", 8: "pipe:[7]", 7: "anon_inode:[eventpoll]"})
    found = proc.holders()
    assert pairs(found, 7) == [(99, 12), (100, 3), (100, 10), (1000, 12)]
    assert pairs(found, 8) == [(100, 4)]
    process = found.by_inode[8][0].process
    assert (process.name, process.command, process.started) == ("master", "master -x", 1000)
    assert (found.unreadable, found.warnings) == (0, [])


def test_only_wanted_inodes_and_only_their_processes_are_read(proc: FakeProc) -> None:
    proc.add(100, b"a", {3: "socket:[7]", 4: "socket:[8]"})
    proc.add(101, b"b", {3: "socket:[9]"}, stat=False)
    assert set(proc.holders({8}).by_inode) == {8}


def test_a_process_that_vanishes_holds_nothing(proc: FakeProc) -> None:
    proc.add(100, b"a", {3: "socket:[7]"}, stat=False)
    (proc.root / "101").mkdir()
    found = proc.holders()
    assert (found.by_inode, found.unreadable) == ({}, 0)


def test_what_is_no_process_and_no_socket_is_passed_over(proc: FakeProc) -> None:
    for name in ("self", "²", "net", "0x1"):
        (proc.root / name).mkdir()
    proc.add(100, b"a", {3: "socket:[x]", 4: "socket:[", 5: "socket:[]", 6: "socket:[7]"})
    assert set(proc.holders().by_inode) == {7}


@pytest.mark.parametrize("comm", [b"a) S 1 (b", b"x\ny", b"\x1b]52;c;AAAA\x07", "\u202eevil".encode()])
def test_hostile_names_come_out_clean(proc: FakeProc, comm: bytes) -> None:
    proc.add(100, comm, {3: "socket:[7]"})
    process = proc.holders().by_inode[7][0].process
    assert process.started == 1000
    assert process.name.isprintable() and process.command.isprintable()


def test_many_descriptors_and_processes_are_read_in_steps(proc: FakeProc) -> None:
    proc.add(100, b"big", {fd: f"socket:[{fd}]" for fd in range(1, 3500)})
    for pid in range(200, 300):
        proc.add(pid, b"small", {3: "/dev/null"})
    found, steps = finish(first_look(proc.root, range(10_000)))
    assert len(found.by_inode) == 3499
    assert steps >= 3


def test_processes_hidden_by_the_mount_are_not_taken_for_absent(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path / "proc")
    (tmp_path / "proc" / "1").rename(tmp_path / "1")
    proc.add(100, b"mine", {3: "socket:[7]"})
    found = proc.holders()
    assert (set(found.by_inode), found.unreadable) == ({7}, 1)


def failing(call: Callable[..., object], part: str, number: int) -> Callable[..., object]:
    def wrapped(path: str | bytes, *args: object, **kwargs: object) -> object:
        if part in os.fsdecode(path):
            raise OSError(number, os.strerror(number), path)
        return call(path, *args, **kwargs)

    return wrapped


@pytest.mark.parametrize(
    ("number", "unreadable", "warned"),
    [
        (errno.EACCES, 1, False),
        (errno.EPERM, 1, False),
        (errno.ESRCH, 0, False),
        (errno.ENOENT, 0, False),
        (errno.EMFILE, 1, True),
    ],
)
def test_a_process_that_cannot_be_opened(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch, number: int, unreadable: int, warned: bool
) -> None:
    proc.add(100, b"a", {3: "socket:[7]"})
    proc.add(101, b"b", {3: "socket:[8]"})
    monkeypatch.setattr(os, "open", failing(os.open, "/100/fd", number))
    found = proc.holders()
    assert set(found.by_inode) == {8}
    assert (found.unreadable, bool(found.warnings)) == (unreadable, warned)
    assert all("ulimit -n" in text for text in found.warnings)


def test_a_descriptor_closed_meanwhile_does_not_end_the_process(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.add(100, b"a", {3: "socket:[7]", 44: "socket:[8]", 5: "socket:[9]"})
    monkeypatch.setattr(os, "readlink", failing(os.readlink, "44", errno.ENOENT))
    assert set(proc.holders().by_inode) == {7, 9}


def test_an_unexpected_error_is_said_and_hides_no_other_process(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.add(100, b"a", {44: "socket:[7]"})
    proc.add(101, b"b", {44: "socket:[7]"})
    proc.add(102, b"c", {3: "socket:[8]"})
    monkeypatch.setattr(os, "readlink", failing(os.readlink, "44", errno.EIO))
    found = proc.holders()
    assert set(found.by_inode) == {8}
    assert found.unreadable == 2
    assert found.warnings == ["A process could not be read (Input/output error); the others are shown."]


def test_a_file_with_an_endless_path_hides_nothing(tmp_path: Path) -> None:
    """The kernel refuses to name it (ENAMETOOLONG), and everybody can have one open."""
    code = "import os\nfor _ in range(25):\n os.mkdir('d' * 200); os.chdir('d' * 200)\n"
    code += "file = open('x', 'w'); print(file.fileno(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        fd = int(process.stdout.readline())
        with pytest.raises(OSError, match="too long"):
            os.readlink(f"/proc/{process.pid}/fd/{fd}")
        root = tmp_path / "proc"
        root.mkdir()
        (root / str(process.pid)).symlink_to(f"/proc/{process.pid}")
        found = finish(first_look(root, range(10)))[0]
        process.communicate(b"\n")
    assert (found.unreadable, found.warnings) == (1, [])  # 1: there is no PID 1 in this folder
    shutil.rmtree(tmp_path)


def test_no_proc_at_all_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CollectError, match="mount proc there"):
        finish(first_look(tmp_path / "none", {1}))


def test_no_descriptor_to_list_with_has_another_remedy(proc: FakeProc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "listdir", failing(os.listdir, str(proc.root), errno.EMFILE))
    with pytest.raises(CollectError, match="raise ulimit -n"):
        proc.holders()


def test_no_directory_stays_open(proc: FakeProc) -> None:
    proc.add(100, b"big", {fd: f"socket:[{fd}]" for fd in range(1, 1500)})
    before = len(os.listdir("/dev/fd"))
    walk = first_look(proc.root, range(10_000))
    next(walk)
    walk.close()
    proc.holders()
    assert len(os.listdir("/dev/fd")) == before
