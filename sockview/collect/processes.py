"""Details about one process for the pane, from psutil: on every system, and for one process only."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Final, TypeVar

import psutil

from sockview.collect.descriptors import parse_descriptor_limit
from sockview.collect.process_stat import FORBIDDEN, VANISHED, read_process, read_started
from sockview.model.clean_text import MAX_NAME, clean
from sockview.model.owner import Process
from sockview.model.sources import ProcessDetail

#: A chain of parents longer than this is cut.
_MOST_PARENTS: Final = 64
#: Processor time is counted in ticks of 10 ms: over a shorter time the percentage would be noise.
_CPU_SECONDS: Final = 0.5

_Value = TypeVar("_Value")


def start_stamp(pid: int, proc: str = "/proc") -> int:
    """`Process.started` of whoever has this PID now: from ``/proc/PID/stat``, else psutil's creation time in ms.

    0 where neither tells. Raises psutil.NoSuchProcess.
    """
    ticks = read_started(pid, proc)
    if ticks is not None:
        return ticks
    try:
        return int(psutil.Process(pid).create_time() * 1000)
    except psutil.AccessDenied:
        return 0


def identify(pid: int, proc: str = "/proc") -> Process | None:
    """Who has this PID now; None: nobody."""
    found = read_process(pid, f"{proc}/{pid}")
    if found is not None:
        return found
    try:
        process = psutil.Process(pid)
        name, command = "?", ""
        try:
            name = clean(process.name(), MAX_NAME)
            command = clean(" ".join(process.cmdline()))
        except psutil.AccessDenied:
            pass  # the PID alone is known
        return Process(pid, name, command, start_stamp(pid, proc))
    except psutil.NoSuchProcess:
        return None


class ProcessReader:
    """A `ProcessSource`. Remembers the process it last read, because CPU use is a difference."""

    def __init__(self, proc: str = "/proc", clock: Callable[[], float] = time.monotonic) -> None:
        self._proc = proc
        self._clock = clock
        self._last: psutil.Process | None = None
        self._last_identity: tuple[int, int] = (0, 0)
        self._cpu_percent: float | None = None
        self._cpu_asked = 0.0

    def read(self, pid: int, started: int) -> ProcessDetail:
        """See `ProcessSource.read`; takes a few milliseconds."""
        try:
            before = start_stamp(pid, self._proc)
            detail = self._read(pid, before)
            after = start_stamp(pid, self._proc)
        except psutil.NoSuchProcess:
            return _nothing(pid, f"Process {pid} has exited.")
        except psutil.AccessDenied:
            return _nothing(pid, f"Process {pid} may not be read by this user: run with sudo.")
        if before != after or (started and started != before):
            return _nothing(pid, f"Process {pid} has exited; the PID belongs to another process now.")
        return detail

    def _read(self, pid: int, stamp: int) -> ProcessDetail:
        if self._last is None or self._last_identity != (pid, stamp):
            self._last, self._last_identity = psutil.Process(pid), (pid, stamp)
            self._cpu_percent, self._cpu_asked = None, 0.0
        process = self._last
        who = identify(pid, self._proc)
        if who is None:
            raise psutil.NoSuchProcess(pid)
        fields = _Fields()
        with process.oneshot():
            zombie = fields.get("state", process.status) == psutil.STATUS_ZOMBIE
            cwd = fields.get("working directory", process.cwd)
            memory = fields.get("memory", process.memory_info)
            return ProcessDetail(
                pid=pid,
                name=who.name,
                command=who.command,
                user=clean(fields.get("user", process.username) or "", MAX_NAME) or None,
                parents=_parents(process),
                started_at=fields.get("start", process.create_time),
                cpu_percent=self._cpu(process, fields),
                memory_bytes=None if memory is None else memory.rss,
                threads=fields.get("threads", process.num_threads),
                descriptors=fields.get("descriptors", process.num_fds),
                descriptor_limit=self._descriptor_limit(process),
                cwd=clean(cwd) if cwd else None,
                problem=fields.problem(pid, zombie=zombie),
            )

    def _cpu(self, process: psutil.Process, fields: _Fields) -> float | None:
        """Percent of one core since the last question; None at the first."""
        now = self._clock()
        if not self._cpu_asked:
            fields.get("processor time", process.cpu_percent)  # the start of the first difference
            self._cpu_asked = now
        elif now - self._cpu_asked >= _CPU_SECONDS:
            self._cpu_percent = fields.get("processor time", process.cpu_percent)
            self._cpu_asked = now
        return self._cpu_percent

    def _descriptor_limit(self, process: psutil.Process) -> int | None:
        # On Linux the file is open to everybody; the system call behind psutil's rlimit is not.
        try:
            with open(f"{self._proc}/{process.pid}/limits", "rb") as file:
                return parse_descriptor_limit(file.read())
        except OSError as error:
            if error.errno not in VANISHED | FORBIDDEN:
                raise
        if not hasattr(process, "rlimit"):  # macOS
            return None
        try:
            limit: int = process.rlimit(psutil.RLIMIT_NOFILE)[0]
        except (psutil.AccessDenied, psutil.ZombieProcess):
            return None
        return limit if limit >= 0 else None


class _Fields:
    """Reads fields one by one and remembers which were refused."""

    def __init__(self) -> None:
        self._refused: list[str] = []

    def get(self, name: str, read: Callable[[], _Value]) -> _Value | None:
        try:
            return read()
        except psutil.AccessDenied:
            self._refused.append(name)
        except psutil.ZombieProcess:
            pass  # it has no such thing any more; `problem` tells
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # a path longer than the page that the kernel has for it
                raise
        return None

    def problem(self, pid: int, *, zombie: bool) -> str | None:
        if zombie:
            return f"Process {pid} has exited and waits for its parent to collect it (zombie)."
        if self._refused:
            return f"Not readable by this user: {', '.join(self._refused)}; run with sudo."
        return None


def _parents(process: psutil.Process) -> tuple[str, ...]:
    chain: list[str] = []
    try:
        parent = process.parent()
        while parent is not None and len(chain) < _MOST_PARENTS:
            chain.append(f"{parent.pid} {clean(parent.name(), MAX_NAME)}")
            parent = parent.parent()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass  # the chain is known up to here
    return tuple(chain)


def _nothing(pid: int, problem: str) -> ProcessDetail:
    return ProcessDetail(pid, "", "", None, (), None, None, None, None, None, None, None, problem)
