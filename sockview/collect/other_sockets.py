"""The sockets of a process that are in no dump: unix ones, those of other namespaces, and those opened after it."""

from __future__ import annotations

from collections.abc import Iterator, Set


class OtherSockets:
    """Inode -> descriptors. A busy host of containers has as many of them as it has sockets in the dump."""

    def __init__(self) -> None:
        self._fds: dict[int, int | tuple[int, ...]] = {}
        """A number alone, of which there is mostly one, takes half the memory."""

    def __contains__(self, inode: int) -> bool:
        return inode in self._fds

    def among(self, inodes: Set[int]) -> set[int]:
        """Those of these inodes that are here."""
        return self._fds.keys() & inodes if self._fds else set()

    def fds(self) -> Iterator[int]:
        """All descriptors."""
        for inode in self._fds:
            yield from self._of(inode)

    def add(self, inode: int, fd: int) -> None:
        """This descriptor is such a socket."""
        fds = self._of(inode)
        self._fds[inode] = (*fds, fd) if fds else fd

    def drop(self, inode: int, fd: int) -> bool:
        """It is not any more; False: it was none."""
        fds = self._of(inode)
        if fd not in fds:
            return False
        del self._fds[inode]
        for other in fds:
            if other != fd:
                self.add(inode, other)
        return True

    def take(self, inode: int) -> tuple[int, ...]:
        """Take the socket out; its descriptors."""
        fds = self._of(inode)
        self._fds.pop(inode, None)
        return fds

    def _of(self, inode: int) -> tuple[int, ...]:
        fds = self._fds.get(inode, ())
        return (fds,) if isinstance(fds, int) else fds
