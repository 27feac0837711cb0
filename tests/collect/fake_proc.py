"""A /proc that a test makes and changes."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Generator, Mapping
from pathlib import Path

from sockview.collect.holders import Holders, HolderWatch
from tests.collect.steps import finish


class FakeProc:
    """Processes with links. The size of an ``fd`` directory here is not the number of its links."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.add(1, b"init", {})

    def add(
        self, pid: int, comm: bytes, links: Mapping[int, str], *, started: int = 1000, stat: bool = True, flags: int = 0
    ) -> None:
        (self.root / str(pid) / "fd").mkdir(parents=True)
        self.link(pid, links)
        if stat:
            self.name(pid, comm, started=started, flags=flags)

    def name(self, pid: int, comm: bytes, *, started: int = 1000, flags: int = 0) -> None:
        directory = self.root / str(pid)
        fields = b" 0" * 5 + b" %d" % flags + b" 0" * 12 + b" %d 0" % started
        (directory / "stat").write_bytes(b"%d (%s) S" % (pid, comm) + fields)
        (directory / "cmdline").write_bytes(comm + b"\0-x\0")

    def link(self, pid: int, links: Mapping[int, str | None]) -> None:
        """Open these; None closes one."""
        for fd, target in links.items():
            link = self.root / str(pid) / "fd" / str(fd)
            link.unlink(missing_ok=True)
            if target is not None:
                link.symlink_to(target)

    def remove(self, pid: int) -> None:
        shutil.rmtree(self.root / str(pid))

    def holders(self, wanted: Collection[int] = range(1, 1000)) -> Holders:
        return finish(first_look(self.root, wanted))[0]


class Watched:
    """One watch that looks again and again."""

    def __init__(self, proc: FakeProc) -> None:
        self.watch = HolderWatch(str(proc.root))
        self.alive: set[int] = set()

    def begin(self, alive: Collection[int]) -> Generator[None, None, Holders]:
        """A look; those that come and go are told as they differ from the last one."""
        before, self.alive = self.alive, set(alive)
        return self.watch.look(self.alive, self.alive - before, before - self.alive)

    def look(self, alive: Collection[int]) -> Holders:
        return finish(self.begin(alive))[0]


def first_look(root: Path, wanted: Collection[int]) -> Generator[None, None, Holders]:
    return HolderWatch(str(root)).look(set(wanted), set(wanted), ())


def pairs(found: Holders, inode: int) -> list[tuple[int, int]]:
    """(PID, descriptor) of its holders."""
    return [(holder.process.pid, holder.fd) for holder in found.by_inode.get(inode, ())]
