"""Inode -> every process and descriptor that holds that socket, from the links in ``/proc/PID/fd``.

A process is what has a PID of its own; its threads share its descriptors (a thread that has left
that sharing with unshare(CLONE_FILES) is not looked at, as ss(8) does not either). One socket may
have several holders, as in pre-fork servers: all are kept.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Container, Generator, Iterator
from dataclasses import dataclass, field
from typing import Final

from sockview.collect.process_stat import FORBIDDEN, VANISHED, read_process
from sockview.errors import CollectError
from sockview.model.owner import Holder, Process

#: Links looked at in one step, at about 3 us each.
_LINKS_A_STEP: Final = 600
#: What opening a process costs, in links.
_PROCESS_COST: Final = 10

_NO_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE})
#: The descriptor was closed, or it is a file whose path is longer than the page that the kernel has for it.
_NO_SOCKET: Final = VANISHED | {errno.ENAMETOOLONG}
_PREFIX: Final = "socket:["


@dataclass(slots=True)
class Holders:
    """What one walk over the processes found."""

    by_inode: dict[int, tuple[Holder, ...]] = field(default_factory=dict)
    """Sorted by (pid, fd)."""
    started: dict[int, int] = field(default_factory=dict)
    """PID -> start of every process among the holders, as in `Process.started`."""
    unreadable: int = 0
    """Processes whose descriptors this user may not read."""
    pids: frozenset[int] | None = None
    """Every process there was; None where not all of them are in sight."""
    warnings: list[str] = field(default_factory=list)


def find_holders(proc: str, wanted: Container[int]) -> Generator[None, None, Holders]:
    """Walk all processes below `proc` in steps of a few milliseconds.

    `wanted` are the inodes to look for: those of the internet sockets, leaving out unix sockets and
    the like. Processes that vanish are no holders any more; those that may not be read are counted.
    Raises CollectError if `proc` itself cannot be listed.
    """
    found = Holders()
    shared: set[int] = set()
    pids = _list_pids(proc)
    if 1 not in pids:
        # PID 1 always exists: a /proc mounted with hidepid hides what belongs to others.
        found.unreadable += 1
    else:
        found.pids = frozenset(pids)
    work = 0
    for pid in pids:
        work += _PROCESS_COST
        try:
            work += yield from _look_into(pid, proc, wanted, found, shared)
        except OSError as error:
            _take_error(error, found)
        if work >= _LINKS_A_STEP:
            work = 0
            yield
    for inode in shared:
        found.by_inode[inode] = tuple(sorted(found.by_inode[inode]))
    return found


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


def _look_into(
    pid: int, proc: str, wanted: Container[int], found: Holders, shared: set[int]
) -> Generator[None, None, int]:
    """Add what one process holds; the number of links read since the last step is returned.

    Everything is read through one open directory, so that a PID which is given to another process
    meanwhile cannot lend its name to the descriptors of the first.
    """
    directory = os.open(f"{proc}/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with os.scandir(directory) as entries:
            return (yield from _read_links(pid, directory, entries, wanted, found, shared))
    finally:
        os.close(directory)


def _read_links(
    pid: int,
    directory: int,
    entries: Iterator[os.DirEntry[str]],
    wanted: Container[int],
    found: Holders,
    shared: set[int],
) -> Generator[None, None, int]:
    process: Process | None = None
    by_inode = found.by_inode
    readlink, new, prefix, skip = os.readlink, tuple.__new__, _PREFIX, len(_PREFIX)
    links = 0
    for entry in entries:
        if links >= _LINKS_A_STEP:
            links = 0
            yield
        links += 1
        name = entry.name
        try:
            link = readlink(name, dir_fd=directory)
        except OSError as error:
            if error.errno in _NO_SOCKET:
                continue
            raise
        if not link.startswith(prefix):
            continue
        digits = link[skip:-1]
        inode = int(digits) if digits.isdecimal() else 0
        if inode not in wanted:
            continue
        if process is None:
            process = read_process(pid, "..", directory)
            if process is None:
                break  # it exited: nothing that it held is held any more
            found.started[pid] = process.started
        holder = new(Holder, (process, int(name)))
        if inode in by_inode:
            by_inode[inode] = (*by_inode[inode], holder)
            shared.add(inode)
        else:
            by_inode[inode] = (holder,)
    return links
