"""What the source must know of all its sockets together, kept up with what goes and comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Set
from itertools import islice
from operator import itemgetter
from typing import Final

from sockview.model.inet_socket import InetSocket
from sockview.model.tcp_state import CLOSE_WAIT

#: Sockets counted in one step.
_SLICE: Final = 5000

_inode_of = itemgetter(InetSocket._fields.index("inode"))
_uid_of = itemgetter(InetSocket._fields.index("uid"))


class Census:
    """The sockets that somebody may hold by their inodes, the user ids that occur, and the sockets in CLOSE_WAIT."""

    def __init__(self) -> None:
        self._of_inode: dict[int, InetSocket] = {}
        self._others: dict[int, list[InetSocket]] = {}
        """Inode -> the other sockets that have it: the kernel's numbers come round, and nobody looks who has one."""
        self._uids: Counter[int | None] = Counter()
        self.close_waits: dict[int, InetSocket] = {}
        """By cookie."""

    @property
    def inodes(self) -> Set[int]:
        """Those that sockets have now, also later on."""
        return self._of_inode.keys()

    def of_inodes(self, inodes: Iterable[int]) -> list[InetSocket]:
        """The sockets that have one of these inodes."""
        found: list[InetSocket] = []
        for inode in inodes:
            s = self._of_inode.get(inode)
            if s is not None:
                found += (s, *self._others.get(inode, ()))
        return found

    @property
    def uids(self) -> set[int]:
        """The user ids that occur."""
        return {uid for uid in self._uids if uid is not None}

    def start(self, sockets: Iterable[InetSocket]) -> Generator[None, None, None]:
        """Count these, of a census that has none yet. In small steps."""
        for part in _slices(sockets):
            self._add(part)
            yield

    def change(
        self, gone: Iterable[InetSocket], come: Iterable[InetSocket]
    ) -> Generator[None, None, tuple[set[int], set[int]]]:
        """Some values have gone and some have come. The inodes that have gone and come with that. In small steps."""
        gone_inodes, come_inodes = set[int](), set[int]()
        for part in _slices(come):
            come_inodes |= self._add(part)
            yield
        for part in _slices(gone):
            self._remove(part, gone_inodes)
            yield
        return gone_inodes, come_inodes

    def _add(self, part: list[InetSocket]) -> set[int]:
        """The inodes that no socket had."""
        of_inode = self._of_inode
        held = [s for s in part if s.inode]
        new = dict(zip(map(_inode_of, held), held, strict=True))
        if len(new) == len(held) and of_inode.keys().isdisjoint(new):  # as a rule
            of_inode.update(new)
            added = set(new)
        else:
            added = new.keys() - of_inode.keys()
            for s in held:
                if of_inode.setdefault(s.inode, s) is not s:
                    self._others.setdefault(s.inode, []).append(s)
        self._uids.update(map(_uid_of, part))
        self.close_waits.update((s.cookie, s) for s in part if s.state == CLOSE_WAIT)
        return added

    def _remove(self, part: list[InetSocket], last: set[int]) -> None:
        for s in part:
            others = self._others.get(s.inode)
            if others is not None:
                # By its identity: what is equal may be another look at it.
                rest = [other for other in (self._of_inode[s.inode], *others) if other is not s]
                self._of_inode[s.inode] = rest[0]
                if len(rest) > 1:
                    self._others[s.inode] = rest[1:]
                else:
                    del self._others[s.inode]
            elif s.inode:
                del self._of_inode[s.inode]
                last.add(s.inode)
        self._uids.subtract(map(_uid_of, part))
        for uid in [uid for uid, count in self._uids.items() if not count]:
            del self._uids[uid]
        for s in part:
            if s.state == CLOSE_WAIT and self.close_waits.get(s.cookie) is s:
                del self.close_waits[s.cookie]


def _slices(sockets: Iterable[InetSocket]) -> Iterator[list[InetSocket]]:
    rest = iter(sockets)
    while part := list(islice(rest, _SLICE)):
        yield part
