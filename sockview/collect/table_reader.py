"""Reads the descriptors of a process into its table, and tells the index what is different."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator, Iterator, Sequence, Set
from contextlib import contextmanager
from itertools import compress
from operator import not_
from typing import Final

from sockview.collect.descriptor_links import CLOSED, Numbers, list_descriptors, read_links
from sockview.collect.descriptor_table import DescriptorTable, Difference, by_page
from sockview.collect.holder_index import HolderIndex
from sockview.collect.process_stat import is_kernel_thread, read_process, read_stat
from sockview.model.owner import Process

#: Links read in one step, at about 2 us each.
_LINKS_A_STEP: Final = 1000
#: A table with more descriptors is not listed to find out which have been closed.
_LISTED_AT_ONCE: Final = 2000
#: What opening a process costs, in links.
_PROCESS_COST: Final = 10


class TableReader:
    """All of a process is read through one open directory, so that a PID which is given to another process meanwhile
    cannot lend its name to the descriptors of the first. All raise the OSErrors of a process that may not be read or
    has gone; what its table and the index say then still agrees.
    """

    def __init__(self, proc: str, index: HolderIndex) -> None:
        self._proc = proc
        self._index = index
        self._alive: Set[int] = frozenset()
        self._numbers = Numbers()
        self._work = 0
        self.changed: set[int] = set()
        """PIDs whose links were found to be others in this look."""
        self.new: set[int] = set()
        """PIDs that may be other processes since it."""

    def begin(self, alive: Set[int]) -> None:
        """Begin a look for these inodes."""
        self._alive = alive
        self.changed = set()
        self.new = set()

    def fully(self, table: DescriptorTable) -> Generator[None, None, None]:
        """Read every link, and who the process is."""
        with _opened(f"{self._proc}/{table.pid}/fd") as directory:
            inode = os.fstat(directory).st_ino
            if table.directory != inode:
                table.directory = inode
                self.new.add(table.pid)
            if table.process is not None:
                yield from self._identify_again(table, directory)
            table.reserved = 0
            counted = _is_counted(directory)
            new = [] if counted else self._list(table, directory)
            for number in table.pages():
                fds = table.fds(number)
                difference = table.compare(number, read_links(directory, self._numbers.names(fds)))
                if difference is not None:
                    self._take(table, directory, difference)
                if self._is_long(len(fds)):
                    yield
            # Less than are known: some were opened since, and found.
            if counted and (yield from self._find(table, directory)) > 0:
                new = self._list(table, directory)
            yield from self._read(table, directory, new)
            if counted:
                table.reserved = max(0, self._missing(table, directory))
            self._take_up(table, directory)
            table.kernel = not table.count and is_kernel_thread(read_stat("..", directory) or b"")
            if self._is_long(_PROCESS_COST):
                yield

    def partly(self, table: DescriptorTable, fds: Sequence[int], *, count: bool) -> Generator[None, None, bool | None]:
        """Read these links; with `count` more, if the number of descriptors is not what is known.

        True: anything is different. None: nothing was read, because it may be another process that has the PID.
        """
        with _opened(f"{self._proc}/{table.pid}/fd") as directory:
            if os.fstat(directory).st_ino != table.directory:
                return None
            different = yield from self._read(table, directory, fds)
            if count:
                different |= yield from self._count(table, directory)
            if self._is_long(_PROCESS_COST):
                yield
            return different

    def listed(self, table: DescriptorTable) -> Generator[None, None, None]:
        """Read the descriptors that a listing shows and that are not known."""
        with _opened(f"{self._proc}/{table.pid}/fd") as directory:
            if os.fstat(directory).st_ino == table.directory:  # else it is another process, whose turn comes
                yield from self._read(table, directory, self._list(table, directory))
                if self._is_long(table.count // 2 + _PROCESS_COST):
                    yield

    def _count(self, table: DescriptorTable, directory: int) -> Generator[None, None, bool]:
        """Read new descriptors, and what may have been closed, if the number shows such; whether it does."""
        if not _is_counted(directory):
            return (yield from self._read(table, directory, self._list(table, directory)))
        missing = self._missing(table, directory)
        if missing < 0:
            yield from self._read(table, directory, table.loose())
        left = yield from self._find(table, directory)
        # Those that were closed are mostly sockets that the next dump will not have either: no need to hurry.
        if left > 0 or (left < 0 and table.count <= _LISTED_AT_ONCE):
            yield from self._read(table, directory, self._list(table, directory))
            table.reserved = max(0, table.reserved + self._missing(table, directory))
        return missing != 0

    def take_over(self, table: DescriptorTable, inode: int) -> Sequence[int] | None:
        """A socket that the process held before it was in a dump is in one now. Its descriptors.

        None: not done, because it is not known who the process is.
        """
        if table.process is None:
            return None
        fds = table.others.take(inode)
        self._index.gain(table.process, fds, [inode] * len(fds))
        return fds

    def leave(self, table: DescriptorTable) -> Generator[None, None, None]:
        """The process holds nothing any more."""
        for fds, inodes in table.sockets():
            for fd, inode in zip(fds, inodes, strict=True):
                if inode not in table.others:
                    self._index.lose(table.pid, fd, inode)
            if self._is_long(len(fds)):
                yield

    def _identify_again(self, table: DescriptorTable, directory: int) -> Generator[None, None, None]:
        process = _identify(table.pid, directory)
        if process == table.process:
            return
        table.process = process
        for fds, inodes in table.sockets():
            held = [inode not in table.others for inode in inodes]
            fds, inodes = list(compress(fds, held)), list(compress(inodes, held))
            for fd, inode in zip(fds, inodes, strict=True):
                self._index.lose(table.pid, fd, inode)
            self._index.gain(process, fds, inodes)
            if self._is_long(len(fds)):
                yield

    def _find(self, table: DescriptorTable, directory: int) -> Generator[None, None, int]:
        """Read new descriptors if there are more than are known; how many more, or less, there are then."""
        missing = self._missing(table, directory)
        if missing > 0:
            yield from self._probe(table, directory, missing)
            missing = self._missing(table, directory)
        return missing

    def _missing(self, table: DescriptorTable, directory: int) -> int:
        return os.fstat(directory).st_size - table.count - table.reserved

    def _probe(self, table: DescriptorTable, directory: int, missing: int) -> Generator[None, None, None]:
        """Look for so many new descriptors at the lowest free numbers, which the kernel gives first.

        A listing costs as much as a quarter of its names tried in vain, so it is given up well before that.
        """
        failures = 4 + (table.count + missing) // 16
        number = 0
        while missing > 0 and failures > 0:
            free = table.free(number, self._numbers)
            number += 1
            while free and missing > 0 and failures > 0:
                taken = min(missing, 4 * failures)
                part, free = free[:taken], free[taken:]
                links = read_links(directory, self._numbers.names(part))
                self._take(table, directory, table.change(part, links))
                failed = links.count(CLOSED)
                missing -= len(part) - failed
                failures -= failed
                if self._is_long(len(part)):
                    yield

    def _list(self, table: DescriptorTable, directory: int) -> list[int]:
        """The new descriptors; those that are not listed any more are taken out of the table."""
        new = list_descriptors(directory)
        for number in table.pages():
            known = set(table.fds(number))
            closed = sorted(known - new)
            new -= known
            if closed:
                self._take(table, directory, table.change(closed, [CLOSED] * len(closed)))
        return self._numbers.same(new)

    def _read(self, table: DescriptorTable, directory: int, fds: Sequence[int]) -> Generator[None, None, bool]:
        """Whether any of these was another than it was known to be."""
        different = False
        for part in by_page(fds):
            difference = table.change(part, read_links(directory, self._numbers.names(part)))
            different |= self._take(table, directory, difference)
            if self._is_long(len(part)):
                yield
        return different

    def _take(self, table: DescriptorTable, directory: int, difference: Difference) -> bool:
        if not difference.lost.fds and not difference.gained.fds:
            return False
        self.changed.add(table.pid)
        for fd, inode in zip(*difference.lost.sockets(), strict=True):
            if not table.others.drop(inode, fd):
                self._index.lose(table.pid, fd, inode)
        fds, inodes = difference.gained.sockets()
        alive = list(map(self._alive.__contains__, inodes))
        if not all(alive):
            strange = list(map(not_, alive))
            for fd, inode in zip(compress(fds, strange), compress(inodes, strange), strict=True):
                table.others.add(inode, fd)
            fds, inodes = list(compress(fds, alive)), list(compress(inodes, alive))
        if inodes:
            self._index.gain(self._process(table, directory), fds, inodes)
        return True

    def _take_up(self, table: DescriptorTable, directory: int) -> None:
        """Sockets that were opened after the last dump, and are in this one."""
        late = table.others.among(self._alive)
        if late:
            self._process(table, directory)
        for inode in late:
            self.take_over(table, inode)

    def _process(self, table: DescriptorTable, directory: int) -> Process:
        if table.process is None:
            table.process = _identify(table.pid, directory)
        return table.process

    def _is_long(self, links: int) -> bool:
        """So many have been read: whether it is time to let others go on."""
        self._work += links
        if self._work < _LINKS_A_STEP:
            return False
        self._work = 0
        return True


@contextmanager
def _opened(path: str) -> Iterator[int]:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield directory
    finally:
        os.close(directory)


def _is_counted(directory: int) -> bool:
    """The size of the directory is the number of descriptors (proc_readfd_count, ``fs/proc/fd.c``, since Linux 6.2)."""
    return os.fstat(directory).st_size > 0


def _identify(pid: int, directory: int) -> Process:
    """Whose open ``fd`` directory this is."""
    process = read_process(pid, "..", directory)
    if process is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return process
