"""No owner is missed: every look is compared with a walk over all links, whatever processes do to their descriptors.

SOCKVIEW_OWNERS_SECONDS is how long that goes on; SOCKVIEW_OWNERS_SEED casts the dice of another run.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from sockview.collect import holders, table_reader
from sockview.collect.holders import Holders, HolderWatch
from sockview.model.owner import Holder
from sockview.model.steps import finish
from tests.live.owner_crew import Crew

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

SECONDS: Final = float(os.environ.get("SOCKVIEW_OWNERS_SECONDS", "4"))
SEED: Final = int(os.environ.get("SOCKVIEW_OWNERS_SEED", str(random.SystemRandom().randrange(1_000_000))))

Links = dict[int, dict[int, int]]
"""PID -> descriptor -> inode, of all sockets."""


def walk(pids: list[int]) -> Links:
    """What they hold, by a listing and a readlink of each."""
    found: Links = {}
    for pid in pids:
        of = found[pid] = {}
        for name in os.listdir(f"/proc/{pid}/fd"):
            link = os.readlink(f"/proc/{pid}/fd/{name}")
            if link.startswith("socket:["):
                of[int(name)] = int(link[8:-1])
    return found


def inodes_in_tables() -> set[int]:
    """The inodes of the internet sockets, from the tables that are text."""
    found: set[int] = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with suppress(FileNotFoundError), open(f"/proc/net/{table}") as lines:
            next(lines)
            found |= {int(line.split()[9]) for line in lines}
    return found - {0}


class Compared:
    """A watch, and what was seen when it last looked."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.watch = HolderWatch()
        self.alive: set[int] = set()
        self.held: dict[int, tuple[Holder, ...]] = {}
        self.truth: Links = {}
        self.looks = 0
        self.owners = 0
        self.stale = 0

    def look(self, truth: Links, alive: set[int], *, exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        """`exact`: no process that was put off may be shown as it was at the last look."""
        monkeypatch.setattr(holders, "LINKS_AT_ONCE", self.at_once)
        handed = dict(self.held)
        found = finish(self.watch.look(alive, alive - self.alive, self.alive - alive))
        assert handed == self.held, "what was handed out has changed"
        self.compare_with_last(found)
        shown: Links = {pid: {} for pid in truth}
        for inode, held in found.by_inode.items():
            for holder in held:
                shown.get(holder.process.pid, {})[holder.fd] = inode
        for pid, links in truth.items():
            now = {fd: inode for fd, inode in links.items() if inode in alive}
            if shown[pid] != now:
                assert not exact, (pid, shown[pid], now)
                before = self.truth.get(pid, {})
                for fd in shown[pid].keys() | now.keys():
                    once = before.get(fd)
                    assert shown[pid].get(fd) in (now.get(fd), once if once in alive else None), (pid, fd)
                self.stale += 1
        if exact:
            self.compare_names(found, truth)
        self.looks += 1
        self.owners += sum(map(len, shown.values()))
        self.alive, self.held, self.truth = alive, found.by_inode, truth

    def compare_with_last(self, found: Holders) -> None:
        now, before = found.by_inode, self.held
        assert found.changed == {inode for inode in now.keys() | before.keys() if now.get(inode) != before.get(inode)}
        assert all(held is before[inode] for inode, held in now.items() if inode not in found.changed)
        assert all(held == tuple(sorted(held)) for held in now.values())

    def compare_names(self, found: Holders, truth: Links) -> None:
        processes = {h.process for held in found.by_inode.values() for h in held if h.process.pid in truth}
        for process in processes:
            assert process.name == Path(f"/proc/{process.pid}/comm").read_text().strip()

    def abandon(self, alive: set[int], steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin a look and leave it in its middle."""
        with monkeypatch.context() as patched:
            patched.setattr(table_reader, "_LINKS_A_STEP", 1)
            look = self.watch.look(alive, alive - self.alive, self.alive - alive)
            for _ in range(steps):
                next(look)
            look.close()


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew(random.Random(SEED))
    yield crew
    crew.end()


def test_every_look_tells_what_a_full_walk_tells(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"SOCKVIEW_OWNERS_SEED={SEED}")
    dice = random.Random(SEED)
    thrifty, generous = Compared(0), Compared(1_000_000)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        # Now and then nothing happens: then what was put off is read as well.
        happened = dice.randrange(8)
        for _ in range(happened):
            crew.do_something()
        crew.rest()
        truth, alive = walk(crew.pids()), inodes_in_tables()
        if torn := dice.random() < 0.03:
            thrifty.abandon(alive, dice.randrange(1, 6), monkeypatch)
        thrifty.look(truth, alive, exact=torn or not happened, monkeypatch=monkeypatch)
        generous.look(truth, alive, exact=True, monkeypatch=monkeypatch)
    print(
        f"{crew.operations} operations; {thrifty.looks} looks of each kind told of {thrifty.owners} owners,"
        f" {thrifty.stale} times of a process as it was at the look before"
    )
    assert thrifty.looks >= 5 and thrifty.owners > 0
