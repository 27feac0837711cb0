"""Reads the links in an open ``/proc/PID/fd``, with as little besides the system calls as can be."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from sockview.collect.process_stat import VANISHED

#: What stands for the link of a descriptor that is not open.
CLOSED: Final = b""
#: ... and of an open one that the kernel refuses to name: a file whose path is longer than its page.
UNNAMED: Final = b"?"

_PREFIX: Final = b"socket:["
#: Numbers below this are kept as one object for all processes, 100 bytes each.
_MOST_KEPT: Final = 65_536


class Numbers:
    """Descriptor numbers and their names, the same objects for all processes."""

    def __init__(self) -> None:
        self._fds: list[int] = []
        self._names: list[bytes] = []

    def run(self, start: int, stop: int) -> list[int]:
        """The numbers from `start` on, up to `stop`."""
        self._reach(stop)
        return self._fds[start:stop] if stop <= len(self._fds) else list(range(start, stop))

    def same(self, fds: Iterable[int]) -> list[int]:
        """The kept objects of these numbers, sorted."""
        numbers = sorted(fds)
        self._reach(numbers[-1] + 1 if numbers else 0)
        kept, most = self._fds, len(self._fds)
        return [kept[fd] if fd < most else fd for fd in numbers]

    def names(self, fds: Sequence[int]) -> Iterable[bytes]:
        """What these numbers are called in the directory. `fds` ascend."""
        if fds and fds[-1] < len(self._names):
            return map(self._names.__getitem__, fds)
        return map(b"%d".__mod__, fds)

    def _reach(self, stop: int) -> None:
        if len(self._fds) < stop <= _MOST_KEPT:
            more = range(len(self._fds), stop)
            self._fds += more
            self._names += map(b"%d".__mod__, more)


def read_links(directory: int, names: Iterable[bytes]) -> list[bytes]:
    """The links of these names, CLOSED and UNNAMED among them. Raises other OSErrors."""
    links: list[bytes] = []
    reading = map(partial(os.readlink, dir_fd=directory), names)
    while True:
        try:
            # What was read before an error stays in the list, and `map` goes on behind it.
            links.extend(reading)
            return links
        except OSError as error:
            if error.errno in VANISHED:
                links.append(CLOSED)
            elif error.errno == errno.ENAMETOOLONG:
                links.append(UNNAMED)
            else:
                raise


def list_descriptors(directory: int) -> set[int]:
    """The numbers of all open descriptors."""
    return {int(name) for name in os.listdir(directory) if name.isascii() and name.isdecimal()}


def parse_sockets(fds: Sequence[int], links: Sequence[bytes]) -> tuple[Sequence[int], list[int]]:
    """(descriptors, inodes) of those among the links that are sockets, ``socket:[INODE]``."""
    inodes = _parse_all(links)
    if inodes is not None:
        return fds, inodes
    chosen = [(fd, link) for fd, link in zip(fds, links, strict=True) if link.startswith(_PREFIX)]
    fds, links = [fd for fd, _ in chosen], [link for _, link in chosen]
    inodes = _parse_all(links)
    if inodes is not None:
        return fds, inodes
    good = [(fd, int(link[8:-1])) for fd, link in chosen if link.endswith(b"]") and link[8:-1].isdigit()]
    return [fd for fd, _ in good], [inode for _, inode in good]


def _parse_all(links: Sequence[bytes]) -> list[int] | None:
    """The inodes if all of them are sockets.

    No link holds the separator, so as many parts as links prove that it stood between two sockets each time.
    """
    if not links:
        return []
    text = b"\0".join(links)
    parts = text[len(_PREFIX) : -1].split(b"]\0" + _PREFIX)
    if len(parts) != len(links) or not text.startswith(_PREFIX) or not text.endswith(b"]"):
        return None
    try:
        return list(map(int, parts))
    except ValueError:
        return None
