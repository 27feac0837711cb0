"""How many descriptors the processes with the most CLOSE_WAIT sockets have, and how many they may have."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from heapq import nlargest
from itertools import repeat
from operator import itemgetter
from typing import Final

from sockview.collect.process_stat import FORBIDDEN, VANISHED, parse_stat, read_file
from sockview.model.inet_socket import InetSocket
from sockview.model.limits import DescriptorUse
from sockview.model.owner import Holder, identity_of

#: Processes looked at, those with the most sockets first.
MOST_PROCESSES: Final = 20
#: A process with fewer sockets in CLOSE_WAIT is not looked at.
FEWEST_SOCKETS: Final = 10

#: Sockets counted in one step.
_SLICE: Final = 2000
_MOST_BYTES: Final = 4096

_Holders = tuple[Holder, ...]
_inode_of = itemgetter(InetSocket._fields.index("inode"))


class Descriptors:
    """Counts again only the sockets whose holders are others than the last time."""

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._counted: dict[int, _Holders] = {}
        """Inode -> those that hold it, as counted."""
        self._counts: Counter[tuple[int, int]] = Counter()
        """(PID, start) -> how many of these sockets it holds."""

    def look(
        self, close_waits: Iterable[InetSocket], holders: Mapping[int, _Holders]
    ) -> Generator[None, None, dict[tuple[int, int], DescriptorUse]]:
        """(PID, start) -> descriptors, of the processes that hold the most of these sockets, in small steps.

        Those that have gone meanwhile, or may not be looked at, are absent. Raises other OSErrors.
        """
        yield from self._count(list(map(_inode_of, close_waits)), holders)
        enough = [(count, identity) for identity, count in self._counts.items() if count >= FEWEST_SOCKETS]
        found = {}
        for _, (pid, started) in nlargest(MOST_PROCESSES, enough):
            use = _look(f"{self._proc}/{pid}", started)
            if use is not None:
                found[pid, started] = use
            yield
        return found

    def _count(self, inodes: Sequence[int], holders: Mapping[int, _Holders]) -> Generator[None, None, None]:
        now = dict(zip(inodes, map(holders.get, inodes, repeat(())), strict=True))
        yield
        before = self._counted
        changed = [(inode, held) for inode, held in now.items() if before.get(inode, ()) is not held]
        gone = before.keys() - now.keys()
        yield
        for start in range(0, len(changed), _SLICE):
            for inode, held in changed[start : start + _SLICE]:
                self._put(inode, held)
            yield
        for inode in gone:
            self._put(inode, ())

    def _put(self, inode: int, held: _Holders) -> None:
        for identity in _identities(self._counted.pop(inode, ())):
            self._counts[identity] -= 1
            if not self._counts[identity]:
                del self._counts[identity]
        if held:
            self._counted[inode] = held
            for identity in _identities(held):
                self._counts[identity] += 1


def _identities(held: _Holders) -> Collection[tuple[int, int]]:
    """(PID, start) of each process among them, once."""
    if len(held) == 1:  # nearly always
        return (identity_of(held[0].process),)
    return {identity_of(holder.process) for holder in held}


def parse_descriptor_limit(limits: bytes) -> int | None:
    """The soft limit of open files from the bytes of ``/proc/PID/limits`` (``proc_pid_limits(5)``)."""
    for line in limits.splitlines():
        if line.startswith(b"Max open files"):
            fields = line[len(b"Max open files") :].split()
            return int(fields[0]) if fields and fields[0].isdigit() else None
    return None


def _look(path: str, started: int) -> DescriptorUse | None:
    """Of one process, through one open directory: a PID given to another process meanwhile lends it nothing."""
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in VANISHED | FORBIDDEN:
            return None
        raise
    try:
        if parse_stat(read_file("stat", _MOST_BYTES, directory))[1] != started:
            return None
        return DescriptorUse(_count(directory), parse_descriptor_limit(read_file("limits", _MOST_BYTES, directory)))
    except OSError as error:
        if error.errno in VANISHED | FORBIDDEN:
            return None
        raise
    finally:
        os.close(directory)


def _count(directory: int) -> int:
    """Open descriptors: since Linux 6.2 the size of the directory (proc_readfd_count, ``fs/proc/fd.c``), 0 before."""
    size = os.stat("fd", dir_fd=directory).st_size
    if size:
        return size
    descriptors = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    try:
        return len(os.listdir(descriptors))
    finally:
        os.close(descriptors)
