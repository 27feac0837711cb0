"""Inode -> every process and descriptor that holds that socket, from the links in ``/proc/PID/fd``.

A process is what has a PID of its own; its threads share its descriptors (a thread that has left
that sharing with unshare(CLONE_FILES) is not looked at, as ss(8) does not either). One socket may
have several holders, as in pre-fork servers: all are kept.

Reading every link costs more than all the rest of a refresh, so what was read is remembered. Why no owner that is shown
is older than the look before:

- A table of descriptors is changed only by a process that has it, in any of its threads: by open, close, dup2, accept,
  fork, exec and exit, and by receiving (SCM_RIGHTS, pidfd_getfd, the notifications of seccomp), which the receiver does
  itself. So its clock moves (`process_clocks`). Clocks are sampled before links are read: what happens later counts for
  the next look, and so does what was done within the last tick before it.
- Of the processes whose clocks have moved, half the links are read at this look and the other half at the next
  (`reading_turns`); each link, not the number of them: a number used for another socket, or two exchanged, are seen.
- clone(CLONE_FILES) without CLONE_THREAD lets two processes have one table, and what the one changes the other, asleep,
  holds too. Such tables are alike: with a process that ran all are read whose tables are like its own, or like what
  that was. They may look different where a change fell between the readings of the two; so a table is believed when it
  was found unchanged while its process slept, and one that did change then is shared and never believed.
- Where another process has the PID, its directory has another inode (proc_pid_make_inode, ``fs/proc/base.c``).
- The kernel may leave a short run out of account where a hypervisor took as much time as it lasted
  (update_rq_clock_task, ``kernel/sched/core.c``): each process is read at every 16th look, whatever its clock says.

What need not wait is seen at once: a socket that has gone, a new descriptor (by their number, `TableReader`), and
whether those who held a socket for which a new holder is found still do. Their number does not show a new descriptor if
another is closed while the table is read: for a socket that was new at the look before, and of which no holder is found
at this one either, the descriptors are listed.
"""

from __future__ import annotations

import errno
import os
from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sockview.collect.descriptor_table import DescriptorTable
from sockview.collect.holder_index import HolderIndex
from sockview.collect.process_clocks import ProcessClocks
from sockview.collect.process_stat import FORBIDDEN, VANISHED
from sockview.collect.reading_turns import ReadingTurns
from sockview.collect.table_reader import TableReader
from sockview.errors import CollectError
from sockview.model.owner import Holder

#: So many links may be read at a look beyond what has to be, at about 2 us each.
LINKS_AT_ONCE: Final = 2000

#: Inodes or processes gone through in one step.
_SLICE: Final = 2000
_NO_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE})
_Result = TypeVar("_Result")


@dataclass(slots=True)
class Holders:
    """What one look at the processes found."""

    by_inode: dict[int, tuple[Holder, ...]] = field(default_factory=dict)
    """Sorted by (pid, fd). Another dict for each look; in it the same tuples as in the last where they are equal."""
    changed: frozenset[int] = frozenset()
    """Inodes whose holders are not those of the look before, also those that had or have none."""
    started: dict[int, int] = field(default_factory=dict)
    """PID -> start, as in `Process.started`, of every process that holds or has held one of the sockets."""
    unreadable: int = 0
    """Processes whose descriptors this user may not read."""
    pids: frozenset[int] | None = None
    """Every process there was; None where not all of them are in sight."""
    warnings: list[str] = field(default_factory=list)


class HolderWatch:
    """Looks at the processes below `proc` again and again."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._clocks = ProcessClocks(proc)
        self._index = HolderIndex()
        self._reader = TableReader(proc, self._index)
        self._forget()
        self._torn = True
        """The last look did not come to its end, or there was none."""

    def _forget(self) -> None:
        self._missed: frozenset[int] = frozenset()
        """Inodes that were new at the last look, and nobody in sight held them."""
        self._tables: dict[int, DescriptorTable] = {}
        self._turns = ReadingTurns()

    def look(self, alive: Set[int], come: Collection[int], gone: Collection[int]) -> Generator[None, None, Holders]:
        """Look at all processes in steps of a few milliseconds.

        `alive` are the inodes to look for: those of the internet sockets, leaving out unix sockets and the like; `come`
        those of them that were not among those of the last look, `gone` those that were. Processes that vanish are no
        holders any more; those that may not be read are counted. Raises CollectError if `proc` itself cannot be listed.
        """
        anew, self._torn = self._torn, True
        if anew:
            self._forget()
        self._index.begin(anew=anew)
        self._reader.begin(alive)
        found = Holders()
        pids = _list_pids(self._proc)
        if 1 not in pids:
            # PID 1 always exists: a /proc mounted with hidepid hides what belongs to others.
            found.unreadable += 1
        else:
            found.pids = frozenset(pids)
        if not anew:
            for pid in self._tables.keys() - set(pids):
                yield from self._drop(pid)
        new = alive if anew else set(come)
        yield from self._read(pids, new, () if anew else gone, found)
        yield from self._list_for(self._missed & alive, found)
        self._missed = frozenset(new - self._index.by_inode.keys())
        found.changed = yield from self._index.finish()
        found.by_inode = self._index.by_inode
        for pid in (self._reader.changed | self._reader.new) & self._tables.keys():
            if not self._tables[pid].kernel:
                self._turns.changed(pid, self._tables[pid].likeness())
        found.started = {pid: t.process.started for pid, t in self._tables.items() if t.process is not None}
        self._torn = False
        return found

    def _read(
        self, pids: list[int], come: Set[int], gone: Collection[int], found: Holders
    ) -> Generator[None, None, None]:
        asked: defaultdict[int, set[int]] = defaultdict(set)
        yield from self._retire(gone, asked)
        yield from self._retire(come & self._index.by_inode.keys(), asked)
        nameless = yield from self._take_over(come, asked)
        clocks = yield from self._clocks.sample(pids)
        plan = self._turns.plan(pids, clocks, LINKS_AT_ONCE)
        for pid in dict.fromkeys((*plan.fully, *nameless)):
            yield from self._read_fully(pid, found)
        rest: dict[int, set[int]] = {pid: set() for pid in plan.partly if pid not in nameless}
        if rest:
            different = yield from self._ask({pid: asked[pid] for pid in rest}, rest, found, count=True)
            yield from self._ask_old_holders(rest, found)
            yield from self._explain(come, different, rest, found)

    def _retire(self, inodes: Iterable[int], asked: defaultdict[int, set[int]]) -> Generator[None, None, None]:
        """These are not looked for any more; `asked` takes who held them where."""
        for number, inode in enumerate(inodes, 1):
            for process, fd in self._index.retire(inode):
                self._tables[process.pid].others.add(inode, fd)
                asked[process.pid].add(fd)
            if number % _SLICE == 0:
                yield

    def _take_over(self, come: Set[int], asked: defaultdict[int, set[int]]) -> Generator[None, None, set[int]]:
        """Who held these sockets already when they were in no dump, as far as it is known. The PIDs of the others."""
        nameless = set()
        for number, (pid, table) in enumerate(self._tables.items(), 1):
            for inode in table.others.among(come):
                fds = self._reader.take_over(table, inode)
                if fds is None:
                    nameless.add(pid)
                else:
                    asked[pid].update(fds)
            if number % _SLICE == 0:
                yield
        return nameless

    def _ask(
        self, asked: Mapping[int, set[int]], rest: dict[int, set[int]], found: Holders, *, count: bool = False
    ) -> Generator[None, None, list[int]]:
        """Read these descriptors, by PID; with `count` new ones too. PIDs of those in which anything is different.

        `rest`: of the processes that are not read fully in this look, the descriptors that have been read in it.
        """
        different = []
        for pid, fds in asked.items():
            rest[pid] |= fds
            reading = self._reader.partly(self._tables[pid], sorted(fds), count=count)
            outcome = yield from self._attempt(pid, reading, found)
            if outcome:
                different.append(pid)
            elif outcome is None:
                del rest[pid]
                if pid in self._tables:
                    yield from self._read_fully(pid, found)
        return different

    def _ask_old_holders(self, rest: dict[int, set[int]], found: Holders) -> Generator[None, None, None]:
        """Whether those who held a socket that has got another holder still do: it may have been passed on."""
        while self._index.joined:
            joined, self._index.joined = self._index.joined, {}
            asked: defaultdict[int, set[int]] = defaultdict(set)
            for held in joined.values():
                for process, fd in held:
                    if fd not in rest.get(process.pid, {fd}):
                        asked[process.pid].add(fd)
            yield from self._ask(asked, rest, found)

    def _explain(
        self, come: Set[int], different: list[int], rest: dict[int, set[int]], found: Holders
    ) -> Generator[None, None, None]:
        """Look for the holders of new sockets that nobody is known to hold.

        They may have the number of something else that was closed, or their number does not show because as many
        others were closed. Some are never found, as they were closed before this look; so only some links are read.
        """
        left = LINKS_AT_ONCE
        asked = {}
        if not self._index.by_inode.keys() >= come:
            for pid in sorted(rest, key=self._size):
                table = self._tables[pid]
                likely = {*table.loose(), *table.gaps()} - rest[pid]
                if len(likely) <= left:
                    left -= len(likely)
                    asked[pid] = likely
        yield from self._ask(asked, rest, found)
        yield from self._ask_old_holders(rest, found)
        for pid in sorted(rest.keys() & different, key=self._size):
            if self._size(pid) <= left and not self._index.by_inode.keys() >= come:
                left -= self._size(pid)
                del rest[pid]
                yield from self._read_fully(pid, found)
        yield from self._ask_old_holders(rest, found)

    def _list_for(self, inodes: Set[int], found: Holders) -> Generator[None, None, None]:
        """Look in listings for who holds these sockets."""
        for pid in sorted(self._tables, key=self._size, reverse=True):
            if self._index.by_inode.keys() >= inodes:
                break
            if not self._tables[pid].kernel:
                yield from self._attempt(pid, self._reader.listed(self._tables[pid]), found)
        yield from self._ask_old_holders({pid: set() for pid in self._tables}, found)

    def _size(self, pid: int) -> int:
        return self._tables[pid].count

    def _read_fully(self, pid: int, found: Holders) -> Generator[None, None, None]:
        table = self._tables.setdefault(pid, DescriptorTable(pid))
        yield from self._attempt(pid, self._reader.fully(table), found)
        if pid in self._tables:
            self._turns.read(pid, table.count, changed=pid in self._reader.changed, kernel=table.kernel)

    def _attempt(
        self, pid: int, reading: Generator[None, None, _Result], found: Holders
    ) -> Generator[None, None, _Result | None]:
        """What the reading of a process returns; None, and nothing is held by it, if it cannot be read."""
        try:
            return (yield from reading)
        except OSError as error:
            _take_error(error, found)
        yield from self._drop(pid)
        return None

    def _drop(self, pid: int) -> Generator[None, None, None]:
        yield from self._reader.leave(self._tables.pop(pid))
        self._turns.forget(pid)


def _list_pids(proc: str) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(proc) if name.isascii() and name.isdecimal())
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        short = error.errno in _NO_DESCRIPTORS
        remedy = "raise ulimit -n for sockview" if short else "mount proc there to see processes"
        raise CollectError(f"{proc} cannot be listed ({reason}): {remedy}.") from error


def _take_error(error: OSError, found: Holders) -> None:
    if error.errno in VANISHED:
        return
    if error.errno in FORBIDDEN:
        found.unreadable += 1
    elif error.errno in _NO_DESCRIPTORS:
        found.unreadable += 1
        text = f"Some processes could not be read ({os.strerror(error.errno)}): raise ulimit -n for sockview."
        if text not in found.warnings:
            found.warnings.append(text)
    else:
        # One strange process must not hide what all the others hold.
        found.unreadable += 1
        text = f"A process could not be read ({os.strerror(error.errno or 0)}); the others are shown."
        if text not in found.warnings:
            found.warnings.append(text)
