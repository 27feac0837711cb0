"""What was last read of one process's descriptors, in little memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress, groupby
from operator import ne
from typing import Final, NamedTuple

from sockview.collect.descriptor_links import CLOSED, Numbers, parse_sockets
from sockview.collect.other_sockets import OtherSockets
from sockview.model.owner import Process

#: Descriptor numbers that are kept, and read, together.
PAGE: Final = 1024

_SOCKET: Final = b"socket:["


class Links(NamedTuple):
    """Descriptors and their links, side by side."""

    fds: Sequence[int]
    links: Sequence[bytes]

    def sockets(self) -> tuple[Sequence[int], list[int]]:
        """(descriptors, inodes) of the sockets among them."""
        return parse_sockets(self.fds, self.links)


class Difference(NamedTuple):
    """What a reading has changed."""

    lost: Links
    gained: Links


class _Page(NamedTuple):
    fds: list[int]
    """Ascending."""
    text: bytes
    """Their links, joined: a byte string for each would take four times as much."""

    def links(self) -> list[bytes]:
        return self.text.split(b"\0")


@dataclass(slots=True, eq=False)
class DescriptorTable:
    """The descriptors of one process, as they were when they were last read."""

    pid: int
    process: Process | None = None
    """Who it is; None while it has not held a socket of the dump."""
    others: OtherSockets = field(default_factory=OtherSockets)
    """Its other sockets: a process that only has such ones holds nothing."""
    count: int = 0
    """How many descriptors are known."""
    reserved: int = 0
    """How many more the kernel counts: a number is taken before there is something behind it, as in accept(2)."""
    directory: int = 0
    """Inode of its ``fd`` directory: that of a process which gets the PID later is another one."""
    kernel: bool = False
    """A kernel thread: it has none and gets none."""
    _pages: dict[int, _Page] = field(default_factory=dict)

    def pages(self) -> list[int]:
        """The numbers of the pages in which descriptors are known."""
        return sorted(self._pages)

    def fds(self, number: int) -> Sequence[int]:
        """The known descriptors of one page."""
        page = self._pages.get(number)
        return page.fds if page is not None else ()

    def free(self, number: int, numbers: Numbers) -> list[int]:
        """The other descriptors of one page."""
        every = numbers.run(number * PAGE, (number + 1) * PAGE)
        known = self._pages.get(number)
        if known is None:
            return every
        taken = set(known.fds)
        return [fd for fd in every if fd not in taken] if len(taken) < PAGE else []

    def compare(self, number: int, links: list[bytes]) -> Difference | None:
        """Take the links of all known descriptors of a page, as read now; None: they are what they were."""
        page = self._pages[number]
        if b"\0".join(links) == page.text:
            return None
        changed = list(map(ne, page.links(), links))
        return self.change(list(compress(page.fds, changed)), list(compress(links, changed)))

    def change(self, fds: Sequence[int], links: Sequence[bytes]) -> Difference:
        """Take the links of some descriptors of one page, CLOSED among them."""
        number = fds[0] // PAGE
        page = self._pages.get(number)
        if page is None:
            gained = Links(list(compress(fds, links)), list(filter(None, links)))
            self._keep(number, *gained)
            return Difference(Links((), ()), gained)
        known, held = list(page.fds), page.links()
        lost: list[tuple[int, bytes]] = []
        new: list[tuple[int, bytes]] = []
        for fd, link in zip(fds, links, strict=True):
            place = bisect_left(known, fd)
            before = held[place] if place < len(known) and known[place] == fd else CLOSED
            if before == link:
                continue
            if before:
                lost.append((fd, before))
                del known[place], held[place]
            if link:
                new.append((fd, link))
                known.insert(place, fd)
                held.insert(place, link)
        self._keep(number, known, held)
        return Difference(_columns(lost), _columns(new))

    def _keep(self, number: int, fds: Sequence[int], links: Sequence[bytes]) -> None:
        self.count += len(fds) - len(self.fds(number))
        if fds:
            self._pages[number] = _Page(list(fds), b"\0".join(links))
        else:
            self._pages.pop(number, None)

    def sockets(self) -> Iterator[tuple[Sequence[int], list[int]]]:
        """(descriptors, inodes) of all sockets, page by page."""
        for page in self._pages.values():
            yield parse_sockets(page.fds, page.links())

    def loose(self) -> list[int]:
        """Descriptors of what is no socket of the dump: where one that nobody holds yet may have come."""
        found = list(self.others.fds())
        for page in self._pages.values():
            if page.text.count(_SOCKET) < len(page.fds):
                found += [fd for fd, link in zip(page.fds, page.links(), strict=True) if not link.startswith(_SOCKET)]
        return found

    def gaps(self) -> list[int]:
        """The numbers between the known descriptors, and the next: the kernel gives the lowest first."""
        found: list[int] = []
        stop = 0
        for number in self.pages():
            fds = self._pages[number].fds
            start, last = number * PAGE, fds[-1]
            found += range(stop, min(start, stop + PAGE))
            if last - start >= len(fds):
                found += sorted({*range(start, last)}.difference(fds))
            stop = last + 1
        return [*found, stop]

    def likeness(self) -> int:
        """The same for two tables that are alike."""
        return hash(tuple(page.text for page in self._pages.values()))


def by_page(fds: Iterable[int]) -> Iterator[list[int]]:
    """These descriptors, sorted, in parts that lie in one page each."""
    for _, part in groupby(sorted(fds), key=lambda fd: fd // PAGE):
        yield list(part)


def _columns(pairs: Sequence[tuple[int, bytes]]) -> Links:
    return Links([fd for fd, _ in pairs], [link for _, link in pairs])
