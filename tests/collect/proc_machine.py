"""A /proc that a test writes, and what is told about its processes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from sockview.collect.perf_records import BY_EXEC, COMM, EXIT, FORK, NAMESPACES, Comm, Fork, Namespaces
from sockview.collect.traced_processes import TracedProcesses
from sockview.model.owner import Process

TICK: Final = 10


class Machine:
    """A /proc that a test writes, and the memory over it. A process that starts at tick 5 starts at 50 ns.

    If the machine was suspended since then, it started so much earlier.
    """

    def __init__(self, root: Path, suspended: int = 0) -> None:
        self.root = root
        (root / "ours").touch()
        (root / "theirs").touch()
        self.net = (root / "ours").stat().st_ino
        self.processes = TracedProcesses(str(root), self.net, lambda ticks: ticks * TICK - suspended, TICK)

    def add(
        self, pid: int, name: str, started: int, *, flags: int = 0, ours: bool = True, tids: tuple[int, ...] = ()
    ) -> None:
        stat = f"{pid} ({name}) S 1 1 1 0 -1 {flags} {'0 ' * 12}{started} 0\n"
        for directory in (self.root / str(pid), *(self.root / str(pid) / "task" / str(tid) for tid in (pid, *tids))):
            (directory / "ns").mkdir(parents=True, exist_ok=True)
            (directory / "stat").write_text(stat)
            (directory / "ns" / "net").unlink(missing_ok=True)
            os.link(self.root / ("ours" if ours else "theirs"), directory / "ns" / "net")
        (self.root / str(pid) / "cmdline").write_text(f"/bin/{name}\0-x\0")

    def remove(self, pid: int) -> None:
        shutil.rmtree(self.root / str(pid))

    def fork(self, time: int, pid: int, parent: int, *, parent_tid: int | None = None, net: int | None = None) -> None:
        ids = (parent, parent if parent_tid is None else parent_tid)
        self.processes.forked(Fork(FORK, 0, 48, pid, pid, time, *ids))
        self.move(time + 1, pid, self.net if net is None else net)

    def move(self, time: int, pid: int, net: int, tid: int | None = None) -> None:
        self.processes.moved(Namespaces(NAMESPACES, 0, 152, pid, pid if tid is None else tid, time, net))

    def rename(self, time: int, pid: int, name: bytes, *, by_exec: bool = True) -> None:
        self.processes.renamed(Comm(COMM, BY_EXEC if by_exec else 0, 40, pid, pid, time, name))

    def end(self, time: int, pid: int, tid: int | None = None) -> None:
        self.processes.ended(Fork(EXIT, 0, 48, pid, pid if tid is None else tid, time, 1, 1))

    def who(self, pid: int, time: int, tid: int | None = None) -> Process | None:
        return self.processes.who(pid, pid if tid is None else tid, time)
