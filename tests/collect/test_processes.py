from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sockview.collect.process_stat import read_started
from sockview.collect.processes import ProcessReader, start_stamp
from tests.waiting import wait_until


def test_this_very_process() -> None:
    pid = os.getpid()
    detail = ProcessReader().read(pid, start_stamp(pid))
    me = psutil.Process()
    assert (detail.pid, detail.problem, detail.cwd, detail.user) == (pid, None, str(Path.cwd()), me.username())
    assert detail.command.startswith(me.cmdline()[0])
    assert detail.started_at == me.create_time()
    assert detail.parents[0].startswith(f"{os.getppid()} ")
    assert detail.memory_bytes and detail.threads and detail.descriptors
    assert detail.cpu_percent is None, "one look makes no difference"


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="needs /proc")
def test_the_descriptor_limit_is_the_soft_one() -> None:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert ProcessReader().read(os.getpid(), 0).descriptor_limit == soft


def test_cpu_use_is_the_difference_of_two_looks_some_time_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    values = iter([0.0, 40.0, 60.0])
    monkeypatch.setattr(psutil.Process, "cpu_percent", lambda _self: next(values))
    reader = ProcessReader(clock=lambda: now[0])
    looks = []
    for later in (0.0, 0.1, 1.0, 0.1, 1.0):
        now[0] += later
        looks.append(reader.read(os.getpid(), 0).cpu_percent)
    assert looks == [None, None, 40.0, 40.0, 60.0]


def test_gone_reused_and_zombie() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    reader = ProcessReader()
    started = start_stamp(child.pid)
    assert reader.read(child.pid, started).problem is None
    other = reader.read(child.pid, started + 1)
    assert other.problem is not None and "belongs to another process" in other.problem
    assert (other.name, other.command, other.user) == ("", "", None)
    child.stdin.close()
    assert wait_until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    zombie = reader.read(child.pid, started)
    assert zombie.problem is not None and "zombie" in zombie.problem
    child.wait()
    gone = reader.read(child.pid, started)
    assert gone.problem == f"Process {child.pid} has exited."


def test_refused_fields_are_none_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: psutil.Process) -> object:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "cwd", refuse)
    monkeypatch.setattr(psutil.Process, "num_fds", refuse)
    detail = ProcessReader().read(os.getpid(), 0)
    assert (detail.cwd, detail.descriptors) == (None, None)
    assert detail.problem == "Not readable by this user: working directory, descriptors; run with sudo."
    assert detail.memory_bytes and detail.user


def test_a_working_directory_with_an_endless_path_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: psutil.Process) -> object:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))

    monkeypatch.setattr(psutil.Process, "cwd", refuse)
    detail = ProcessReader().read(os.getpid(), 0)
    assert (detail.cwd, detail.problem) == (None, None)
    assert detail.threads


def test_a_chain_of_parents_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish(self: psutil.Process) -> object:
        raise psutil.NoSuchProcess(self.pid)

    monkeypatch.setattr(psutil.Process, "parent", vanish)
    assert ProcessReader().read(os.getpid(), 0).parents == ()


def test_hostile_texts_come_out_clean() -> None:
    code = "open('/proc/self/comm','wb').write(b'\\x1b[2J\\n'); print('ready', flush=True); input()"
    if not Path("/proc/self/comm").exists():
        pytest.skip("needs /proc")
    child = subprocess.Popen(
        [sys.executable, "-c", code, "\x1b]0;x\x07"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        detail = ProcessReader().read(child.pid, read_started(child.pid, "/proc") or 0)
        assert detail.problem is None
        assert detail.name == "\\x1b[2J\\n"
        assert detail.command.isprintable() and "\\x1b]0;x\\x07" in detail.command
    finally:
        child.kill()
        child.communicate()
