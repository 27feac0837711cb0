"""Whether a process ran, from its clock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sockview.collect.process_clocks import ProcessClocks, is_of_this_namespace, read_clock
from tests.collect.steps import finish
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

#: Runs a thread to its end for each line.
THREADS = """
import sys, threading
for line in sys.stdin:
    thread = threading.Thread(target=lambda: sum(range(1_000_000)))
    thread.start()
    thread.join()
    print(flush=True)
"""
NOBODY = 65534


def test_a_clock_moves_when_the_process_runs_and_else_not() -> None:
    with subprocess.Popen(
        [sys.executable, "-I", "-c", THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None

        def run() -> None:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()

        run()
        assert wait_until(lambda: sleeps(process.pid))
        clocks = ProcessClocks("/proc")
        before = finish(clocks.sample([process.pid]))[0]
        assert finish(clocks.sample([process.pid]))[0] == before, "it sleeps"
        run()
        assert wait_until(lambda: sleeps(process.pid))
        after = read_clock(process.pid)
        assert after is not None and after > before[process.pid] + 1_000_000, "also what an ended thread has run"
    assert read_clock(process.pid) is None, "it has gone"


def sleeps(pid: int) -> bool:
    """Its one thread waits, and has left the processor: what it ran is counted then."""
    before = read_clock(pid)
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S" and read_clock(pid) == before


def test_the_clock_of_another_users_process() -> None:
    if os.geteuid() != 0:
        assert read_clock(1), "that of root's"
        return
    code = f"import os, time; os.setuid({NOBODY}); print(time.clock_gettime_ns(~os.getppid() << 3 | 2))"
    child = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    if "PermissionError" in child.stderr:
        pytest.skip("this root may not become another user")
    assert int(child.stdout) > 0


def test_clocks_of_many_and_of_none() -> None:
    pids = [os.getpid(), 2**22 + 1, *range(2**22 + 2, 2**22 + 9000)]
    found, steps = finish(ProcessClocks("/proc").sample(pids))
    assert found.keys() == {os.getpid()}
    assert steps >= 2


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("Name:\tx\nNSpid:\t{pid}\n", True),
        ("Name:\tx\nNSpid:\t{pid}\t1\n", False),
        ("Name:\tx\nNSpid:\t1{pid}\n", False),
        ("Name:\tx\n", False),
        (None, False),
    ],
)
def test_pids_of_another_namespace_have_no_clock_here(tmp_path: Path, status: str | None, ours: bool) -> None:
    if status is not None:
        (tmp_path / "self").mkdir()
        (tmp_path / "self" / "status").write_text(status.format(pid=os.getpid()))
    assert is_of_this_namespace(str(tmp_path)) is ours
    assert bool(finish(ProcessClocks(str(tmp_path)).sample([os.getpid()]))[0]) is ours
