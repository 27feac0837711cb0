"""Inode -> its holders, kept from look to look: a copy of the last and what is different."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from itertools import islice, repeat
from typing import Final

from sockview.model.owner import Holder, Process

#: Inodes gone through in one step, at about 1 us each.
_INODES_A_STEP: Final = 2000

Held = tuple[Holder, ...]


class HolderIndex:
    """Hands out a new dict for each look; in it, the holders of an inode are the same tuple while they are equal."""

    def __init__(self) -> None:
        self._handed: dict[int, Held] = {}
        """What the last look handed out: never changed."""
        self.by_inode: dict[int, Held] = {}
        """The look that is under way. Those of `_mixed` are not in order yet."""
        self._before: dict[int, Held] | None = None
        """What was handed out of the inodes that this look has touched; None: it has begun from nothing."""
        self._mixed: set[int] = set()
        self.joined: dict[int, Held] = {}
        """Inodes to which a holder came in this look -> those that it had before."""

    def begin(self, *, anew: bool) -> None:
        """Begin a look: from the last one, or from nothing."""
        self.by_inode = {} if anew else dict(self._handed)
        self._before = None if anew else {}
        self._mixed = set()
        self.joined = {}

    def gain(self, process: Process, fds: Sequence[int], inodes: Sequence[int]) -> None:
        """This process holds these inodes at these descriptors."""
        holders = map(tuple.__new__, repeat(Holder), zip(repeat(process, len(fds)), fds, strict=True))
        fresh: dict[int, Held] = dict(zip(inodes, zip(holders, strict=True), strict=True))
        if len(fresh) == len(inodes) and self.by_inode.keys().isdisjoint(fresh):
            self.by_inode.update(fresh)
            if self._before is not None:
                for inode in inodes:
                    self._before.setdefault(inode, ())
            return
        for inode, fd in zip(inodes, fds, strict=True):
            held = self.by_inode.get(inode, ())
            self._note(inode, held)
            if held:
                self._mixed.add(inode)
                self.joined.setdefault(inode, held)
            self.by_inode[inode] = (*held, Holder(process, fd))

    def lose(self, pid: int, fd: int, inode: int) -> None:
        """This process does not hold the inode at this descriptor any more."""
        held = self.by_inode.get(inode, ())
        self._note(inode, held)
        left = tuple(holder for holder in held if holder.fd != fd or holder.process.pid != pid)
        if left:
            self.by_inode[inode] = left
        else:
            self.by_inode.pop(inode, None)

    def retire(self, inode: int) -> Held:
        """The socket is not looked for any more. Who held it."""
        held = self.by_inode.pop(inode, ())
        if held:
            self._note(inode, held)
        return held

    def finish(self) -> Generator[None, None, frozenset[int]]:
        """End the look, in small steps: the inodes whose holders are not equal to those handed out before."""
        for inode in self._mixed:
            if inode in self.by_inode:
                self.by_inode[inode] = tuple(sorted(self.by_inode[inode]))
        changed: Iterable[int] = self.by_inode
        if self._handed:
            changed = yield from self._compare()
        self._handed, self._before, self.joined = self.by_inode, None, {}
        return frozenset(changed)

    def _compare(self) -> Generator[None, None, list[int]]:
        changed: list[int] = []
        touched = dict.fromkeys(self.by_inode, ()) | self._handed if self._before is None else self._before
        rest = iter(touched.items())
        while part := list(islice(rest, _INODES_A_STEP)):
            changed += [inode for inode, held in part if not self._restore(inode, held)]
            yield
        return changed

    def _restore(self, inode: int, before: Held) -> bool:
        """Put the tuple that was handed out before in the place of an equal one; False: it is another one now."""
        now = self.by_inode.get(inode, ())
        if now != before:
            return False
        if now:
            self.by_inode[inode] = before
        return True

    def _note(self, inode: int, held: Held) -> None:
        if self._before is not None:
            self._before.setdefault(inode, held)
