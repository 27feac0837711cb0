"""Whether the PID of a former holder is still the same process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sockview.collect.holders import Holders
from sockview.collect.past_holders import PastHolders
from sockview.collect.process_stat import read_started
from tests.collect.steps import finish


def put(root: Path, pid: int, started: int) -> None:
    (root / str(pid)).mkdir(exist_ok=True)
    (root / str(pid) / "stat").write_bytes(b"%d (x) S" % pid + b" 0" * 18 + b" %d 0" % started)


def look(past: PastHolders, held: dict[int, int], pids: set[int]) -> dict[int, int]:
    return finish(past.look(Holders(started=held, pids=frozenset(pids))))[0]


def test_a_pid_is_followed_whoever_has_it(tmp_path: Path) -> None:
    past = PastHolders(str(tmp_path))
    put(tmp_path, 9, 100)
    assert look(past, {9: 100}, {1, 9}) == {9: 100}
    assert look(past, {}, {1, 9}) == {9: 100}
    put(tmp_path, 9, 200)
    assert look(past, {}, {1, 9}) == {9: 200}, "another process has the PID"
    assert look(past, {}, {1}) == {}
    assert look(past, {}, {1, 9}) == {9: 200}, "after nobody had it too"


def test_a_pid_that_only_a_report_tells_of_is_followed_too(tmp_path: Path) -> None:
    past = PastHolders(str(tmp_path))
    put(tmp_path, 9, 200)
    pids = frozenset({1, 9})
    assert finish(past.look(Holders(pids=pids), {9}))[0] == {9: 200}, "another process has the PID by now"
    assert look(past, {}, {1, 9}) == {9: 200}
    assert look(PastHolders(str(tmp_path)), {}, {1, 9}) == {}


def test_no_more_than_some_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockview.collect.past_holders.MOST", 2)
    past = PastHolders(str(tmp_path))
    for pid in (2, 3, 4, 2):
        put(tmp_path, pid, 100)
        look(past, {pid: 100}, {2, 3, 4})
    assert set(look(past, {}, {2, 3, 4})) == {4, 2}


def test_a_process_that_vanishes_or_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    past = PastHolders(str(tmp_path))
    look(past, {9: 100, 8: 100}, {8, 9})
    put(tmp_path, 9, 100)
    assert finish(past.look(Holders()))[0] == {9: 100}
    (tmp_path / "7").mkdir()
    finish(past.look(Holders(started={7: 100})))
    found = Holders(pids=frozenset({1, 7, 8, 9}))
    assert finish(past.look(found))[0] == {9: 100}
    assert found.pids == frozenset({1, 7, 9}), "8 has vanished, 7 cannot be read"


def test_many_of_them_are_read_in_steps(tmp_path: Path) -> None:
    past = PastHolders(str(tmp_path))
    many = dict.fromkeys(range(2, 1002), 100)
    finish(past.look(Holders(started=many)))
    assert finish(past.look(Holders()))[1] >= 5


def test_a_real_process() -> None:
    past = PastHolders("/proc")
    with subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = read_started(process.pid, "/proc")
        assert started is not None
        look(past, {process.pid: started}, {process.pid})
        assert look(past, {}, {process.pid, os.getpid()}) == {process.pid: started}
        process.communicate(b"\n")
    assert look(past, {}, {process.pid}) == {}
