"""Who the processes are that the kernel's reports name by their PID, also those that have gone since.

What is known of a process comes from the reports (it was forked, has another name, moved to another
network namespace) and from /proc. PIDs are given anew: nothing is said of a process that cannot be
shown to be the very one that the report means. A process that has gone unseen has the name that it
was born with or took, and a stand-in below 0 for its start.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from sockview.collect.perf_records import BY_EXEC, Comm, Fork, Namespaces
from sockview.collect.process_round import ProcessRound
from sockview.collect.process_stat import (
    FORBIDDEN,
    VANISHED,
    is_kernel_thread,
    parse_parent,
    parse_stat,
    process_from,
    read_command_line,
    read_stat,
)
from sockview.model.clean_text import MAX_NAME, clean_bytes
from sockview.model.owner import Process
from sockview.model.trace import NAMELESS, NOBODY

#: Processes, and threads, remembered at most; then the oldest are forgotten.
MOST: Final = 50_000
#: Processes remembered after their end: their last reports may come after it.
MOST_GONE: Final = 10_000
#: Not to be told now, for want of rights or descriptors: whether it is still there is open.
_UNREADABLE: Final = FORBIDDEN | {errno.EMFILE, errno.ENFILE}


@dataclass(slots=True)
class _Known:
    """One process; times in nanoseconds of CLOCK_MONOTONIC."""

    pid: int
    since: int
    """It has had this PID at least from here on."""
    faith: int
    """As `TracedProcesses._faith` when it was last known to be as it is here."""
    parent: tuple[int, int] = (0, 0)
    """(PID, thread) that forked it, where its name is to be looked for; no thread where /proc told the PID."""
    name: str | None = None
    command: str = ""
    started: int = 0
    """As Process.started; 0 before it was looked up."""
    looked_at: int = 0
    """When /proc was read."""
    in_kernel: bool | None = None
    """It is a kernel thread; None: not known."""
    ours: bool | None = None
    """Its first thread is in the network namespace that is looked at; None: not known."""
    first_ended: bool = False
    """Its first thread has ended."""
    process: Process | None = None
    """The answer; None when it has to be made anew."""


class TracedProcesses:
    """Takes the reports in the order of their times, and answers for each time before the next one."""

    def __init__(self, proc: str, net: int, start_time: Callable[[int], int], tick: int) -> None:
        """`net`: inode of the network namespace that is looked at; `start_time`: clock ticks after boot
        to nanoseconds of CLOCK_MONOTONIC, rounded down to a tick; `tick`: nanoseconds of one."""
        self._proc = proc
        self._net = net
        self._start_time = start_time
        self._tick = tick
        self._known: dict[int, _Known] = {}
        self._threads: dict[int, bool] = {}
        """Thread -> whether it is in our namespace, of those that are not the first of their process."""
        self._gone: deque[_Known] = deque()
        self._faith = 0
        """Grows whenever reports were lost: what was known before may be of another process."""
        self._round = ProcessRound(proc)
        self._stand_ins = count(-1, -1)

    # ------------------------------------------------------------ the question
    def who(self, pid: int, tid: int, time: int) -> Process | None:
        """The process that a report means; NOBODY if it cannot be named, None if it is in another network namespace.

        A kernel thread is NOBODY: it acts for somebody else.
        """
        known = self._known.get(pid)
        if known is None or known.process is None or known.faith != self._faith:
            known = self._try_to_settle(pid, time)
            if known is None:
                return NOBODY
        ours = known.ours if tid == pid else self._threads.get(tid)
        if ours is None:
            ours = self._look_at_space(known, tid)
        if ours is None or known.since > time:
            return NOBODY
        return known.process if ours else None

    def parent_of(self, pid: int) -> int:
        """PID of the parent of a process that `who` has just named; 0: not known."""
        known = self._known.get(pid)
        return known.parent[0] if known is not None else 0

    def _try_to_settle(self, pid: int, time: int) -> _Known | None:
        if pid <= 0:  # of no PID namespace that is seen from here
            return None
        try:
            return self._settle(pid, time)
        except OSError as error:
            if error.errno in _UNREADABLE:
                return None
            raise

    def _settle(self, pid: int, time: int) -> _Known | None:
        """The process with its answer, from /proc while that still shows it; None: not known."""
        known = self._known.get(pid)
        stat = self._read_stat(pid)
        started = parse_stat(stat)[1] if stat else 0
        begun = self._start_time(started)
        if known is not None and known.faith == self._faith:
            # What began after the time from which this one is known is another one with its PID.
            same = started == known.started if known.started else started > 0 and begun <= known.since
            if stat is None or not same:
                return self._remember_gone(known)
        elif stat is None or begun + self._tick > time:
            return None
        elif known is None or known.started != started:
            known = self._add(_Known(pid, begun + self._tick, self._faith))
        else:
            known.faith, known.ours = self._faith, None
        process = process_from(pid, stat, read_command_line(f"{self._proc}/{pid}"))
        known.name, known.command, known.started = process.name, process.command or known.command, started
        known.in_kernel = is_kernel_thread(stat)
        known.parent = known.parent if known.parent[0] else (parse_parent(stat), 0)
        known.process = NOBODY if known.in_kernel else process._replace(command=known.command)
        return known

    def _remember_gone(self, known: _Known) -> _Known:
        """The answer for a process that has left /proc, from what was heard of it."""
        if known.name is None or known.in_kernel is None:
            self._ask_parent(known)
        known.started = known.started or next(self._stand_ins)
        named = Process(known.pid, known.name or NAMELESS, known.command, known.started)
        known.process = named if known.in_kernel is False else NOBODY
        return known

    def _ask_parent(self, known: _Known) -> None:
        """A forked process has the name of the thread that forked it until it takes another one."""
        pid, tid = known.parent
        stat = self._read_stat(pid, tid) if tid > 0 else None
        comm, started = parse_stat(stat) if stat else (b"", 0)
        if stat is None or self._start_time(started) > known.since:
            return  # the parent has gone as well
        if known.name is None:
            known.name = clean_bytes(comm, MAX_NAME)
        if known.in_kernel is None:
            known.in_kernel = is_kernel_thread(stat)

    def _look_at_space(self, known: _Known, tid: int) -> bool | None:
        try:
            ours = os.stat(f"{self._proc}/{known.pid}/task/{tid}/ns/net").st_ino == self._net
        except OSError as error:
            if error.errno in VANISHED | _UNREADABLE:
                return None
            raise
        if tid == known.pid:
            known.ours = ours
        else:
            self._put_thread(tid, ours)
        return ours

    def _read_stat(self, pid: int, tid: int | None = None) -> bytes | None:
        return read_stat(f"{self._proc}/{pid}" if tid is None else f"{self._proc}/{pid}/task/{tid}")

    # ------------------------------------------------------------ the reports
    def forked(self, report: Fork) -> None:
        """A new process; its threads come with `moved` only."""
        pid, parent_pid, parent_tid, time = report.pid, report.parent_pid, report.parent_tid, report.time
        if pid <= 0 or pid == parent_pid:
            return
        known = self._known.get(pid)
        if known is not None and known.looked_at > time >= known.since - self._tick:
            known.since = min(known.since, time)
            return  # this very one was seen in /proc before its report was read
        known = self._add(_Known(pid, time, self._faith, (parent_pid, parent_tid)))
        parent = self._known.get(parent_pid)
        if parent is not None and parent.faith == self._faith and parent.since <= time:
            known.in_kernel = parent.in_kernel
            if parent_pid == parent_tid:
                known.name = parent.name

    def renamed(self, report: Comm) -> None:
        """A process calls itself something else, or runs another program."""
        if report.pid <= 0 or report.pid != report.tid:
            return
        known = self._trusted(report.pid, report.time)
        known.name, known.process = clean_bytes(report.comm, MAX_NAME), None
        if report.misc & BY_EXEC:
            known.command, known.in_kernel = "", False
            if known.first_ended:
                # Another thread took its place (de_thread, fs/exec.c), which may be in another network namespace.
                known.ours, known.first_ended = None, False

    def moved(self, report: Namespaces) -> None:
        """A thread is in this network namespace from now on."""
        ours = report.net == self._net
        if report.pid != report.tid:
            self._put_thread(report.tid, ours)
        elif report.pid > 0:
            self._trusted(report.pid, report.time).ours = ours

    def ended(self, report: Fork) -> None:
        """A thread has ended; with the first one, most often, its process."""
        if report.pid != report.tid:
            self._threads.pop(report.tid, None)
            return
        known = self._known.get(report.pid)
        if known is None:
            return
        known.first_ended = True
        self._gone.append(known)
        if len(self._gone) > MOST_GONE:
            oldest = self._gone.popleft()
            if self._known.get(oldest.pid) is oldest:
                del self._known[oldest.pid]

    def doubt(self) -> None:
        """Reports were lost: from now on only those count that /proc shows to be the same still."""
        self._faith += 1
        self._threads.clear()
        self._round.begin_anew()

    def _trusted(self, pid: int, time: int) -> _Known:
        """What is known of it, or what is going to be."""
        known = self._known.get(pid)
        if known is None or known.faith != self._faith:
            known = self._add(_Known(pid, time, self._faith))
        return known

    def _add(self, known: _Known) -> _Known:
        self._known.pop(known.pid, None)
        self._known[known.pid] = known
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        return known

    def _put_thread(self, tid: int, ours: bool) -> None:
        self._threads[tid] = ours
        if len(self._threads) > MOST:
            del self._threads[next(iter(self._threads))]

    # ------------------------------------------------------------ before anything is reported
    def look_around(self, now: int) -> None:
        """Get to know some of those that are there, so that their names outlive them; a step of some milliseconds.

        Goes once over all processes, and again after reports were lost.
        """
        try:
            for pid in self._round.step(now):
                known = self._known.get(pid)
                if known is None or known.faith != self._faith:
                    self._get_to_know(pid, now)
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise

    def _get_to_know(self, pid: int, now: int) -> None:
        stat = self._read_stat(pid)
        if stat is None:
            return
        name, started = process_from(pid, stat, b"").name, parse_stat(stat)[1]
        since = self._start_time(started) + self._tick
        known = _Known(pid, since, self._faith, name=name, started=started, looked_at=now)
        known.in_kernel = is_kernel_thread(stat)
        known.parent = (parse_parent(stat), 0)
        self._add(known)
        if not known.in_kernel:
            self._look_at_space(known, pid)
