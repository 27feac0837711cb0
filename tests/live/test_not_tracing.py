"""Where the kernel's reports are not to be had, and why."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from sockview.collect.open_trace import NotTracing, open_trace
from tests.live.socket_makers import become

ROOT: Final = Path(__file__).parents[2]
OTHER_USER: Final = 65534


def test_the_proc_of_another_pid_namespace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("1")
    opened = open_trace(str(tmp_path))
    assert isinstance(opened, NotTracing) and opened.why_not
    assert (opened.on, opened.take().why_not) == (False, opened.why_not)
    assert not open_trace(str(tmp_path / "nowhere")).on


def test_in_a_time_namespace_the_times_of_the_reports_are_not_ours(tmp_path: Path) -> None:
    mine = tmp_path / str(os.getpid())
    (mine / "ns").mkdir(parents=True)
    (mine / "ns" / "net").touch()
    (tmp_path / "self").symlink_to(mine.name)
    (mine / "timens_offsets").write_text("monotonic           0         0\nboottime          100         0\n")
    with closing(open_trace(str(tmp_path))) as opened:
        assert opened.take().why_not != "time namespace"
    (mine / "timens_offsets").write_text("monotonic        1000         0\nboottime            0         0\n")
    assert open_trace(str(tmp_path)).take().why_not == "time namespace"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_not_permitted() -> None:
    if Path("/proc/sys/kernel/perf_event_paranoid").read_text().strip() == "-1":
        pytest.skip("this kernel permits it to everybody")
    command = [sys.executable, "-m", "tests.live.test_not_tracing"]
    shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout
    assert shown == "not permitted\n"


def _main() -> None:
    ctypes.CDLL(None)  # imports what is imported late
    open_trace("/nowhere")
    become(OTHER_USER)
    print(open_trace().take().why_not)


if __name__ == "__main__":
    _main()
