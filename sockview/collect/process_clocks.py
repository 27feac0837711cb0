"""How long each process has been on a processor, in nanoseconds: whether it ran at all between two looks.

``clock_gettime(2)`` takes the clock of any process, without rights: its id is made as MAKE_PROCESS_CPUCLOCK does
(``linux/posix-timers.h``; see ``clock_getcpuclockid(3)``). The kernel looks the PID up in the namespace of whoever asks
(pid_for_clock, ``kernel/time/posix-cpu-timers.c``) and adds the run time of all threads to that of those that have
exited (thread_group_cputime, ``kernel/sched/cputime.c``): it never goes back. The workers and the poller of io_uring
are threads of their process (CLONE_THREAD in create_io_thread, ``kernel/fork.c``).

The run of a thread is added when it leaves the processor and at each tick (update_curr, ``kernel/sched/fair.c``), so
within 10 ms; a second on processors that the administrator has freed from ticks (nohz_full).
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Sequence
from typing import Final

from sockview.collect.process_stat import FORBIDDEN, VANISHED, read_file

_CPUCLOCK_SCHED: Final = 2
#: Clocks read in one step, at about 0.3 us each.
_CLOCKS_A_STEP: Final = 4000
_STATUS_LIMIT: Final = 16 * 1024


class ProcessClocks:
    """The clocks of the processes whose PIDs are those below `proc`."""

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._ours: bool | None = None

    def sample(self, pids: Sequence[int]) -> Generator[None, None, dict[int, int]]:
        """PID -> nanoseconds; absent where it cannot be told. Read in small steps."""
        found: dict[int, int] = {}
        if self._ours is None:
            self._ours = is_of_this_namespace(self._proc)
        if not self._ours:
            return found
        for start in range(0, len(pids), _CLOCKS_A_STEP):
            part = pids[start : start + _CLOCKS_A_STEP]
            found.update((pid, clock) for pid in part if (clock := read_clock(pid)) is not None)
            yield
        return found


def read_clock(pid: int) -> int | None:
    """Nanoseconds that the process with this PID has run; None: there is none, or the kernel does not tell."""
    try:
        return time.clock_gettime_ns(~pid << 3 | _CPUCLOCK_SCHED)
    except OSError:
        return None


def is_of_this_namespace(proc: str) -> bool:
    """The PIDs below `proc` mean the same to system calls of this process.

    NSpid in its status has the PID in the namespace of the mount first and in this process's own last
    (``proc_pid_status(5)``, since Linux 4.1): a single one says that the two are the same.
    """
    try:
        status = read_file(f"{proc}/self/status", _STATUS_LIMIT)
    except OSError as error:
        if error.errno in VANISHED | FORBIDDEN:
            return False
        raise
    for line in status.splitlines():
        if line.startswith(b"NSpid:"):
            return line.split()[1:] == [b"%d" % os.getpid()]
    return False
