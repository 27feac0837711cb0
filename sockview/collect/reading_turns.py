"""Whose descriptors are read at a look, told from which processes have run since the last one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sockview.collect.process_clocks import read_clock

#: A process that does not run is read at every so-many-th look.
_ROUND: Final = 16
#: What opening a process costs, in links.
_PROCESS_COST: Final = 10
#: How often a table must be found while its process sleeps until it counts as settled.
_SETTLED: Final = 2


class Plan(NamedTuple):
    """What is to be read at one look."""

    fully: list[int]
    """PIDs of new processes, and of those whose turn it is."""
    partly: list[int]
    """PIDs of the others that may have run; read fully at the next look."""


@dataclass(slots=True)
class _Known:
    """When a process ran and was read."""

    cost: int = 0
    owed: bool = False
    """It may have run, and was only partly read."""
    settled: int = 0
    """How often it was read fully since its clock last moved."""
    shared: bool = False
    """Its table changed while it slept, so that another process has the same one."""
    kernel: bool = False
    likeness: int | None = None
    """See DescriptorTable; None: not told, so that nobody is taken to share it."""
    likeness_before: int | None = None
    """What it was until it last changed."""


class ReadingTurns:
    """Half of what may have changed is read fully at a look and the other half at the next."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._clocks: Mapping[int, int] = {}
        self._restless: set[int] = set()
        """PIDs whose tables are not settled."""
        self._alike: dict[int, set[int]] = {}
        """Likeness -> PIDs."""
        self._looks = 0

    def plan(self, pids: Sequence[int], clocks: Mapping[int, int], at_once: int) -> Plan:
        """`clocks` are sampled before any link is read. `at_once`: so many links may be read in any case."""
        self._looks += 1
        last, self._clocks = self._clocks, clocks
        moved = [pid for pid in pids if last.get(pid) != clocks.get(pid) or pid not in clocks]
        for pid in moved:
            known = self._known.get(pid)
            if known is None:
                continue
            if clocks.get(pid, 0) < last.get(pid, 0):
                self.forget(pid)  # a clock does not go back: another process has the PID
            elif not known.kernel:
                known.settled = 0
                self._restless.add(pid)
        fully, partly = self._divide(self._restless | self._sharers(moved), at_once)
        turn = self._looks % _ROUND
        planned = {*fully, *partly}
        fully += [pid for pid in pids if pid not in planned and (pid % _ROUND == turn or pid not in self._known)]
        return Plan(fully, partly)

    def read(self, pid: int, descriptors: int, *, changed: bool, kernel: bool) -> None:
        """It was read fully, and other links than before were found, or not."""
        known = self._known.setdefault(pid, _Known())
        slept = known.settled > 0 and read_clock(pid) == self._clocks.get(pid)
        known.shared |= changed and slept
        known.cost, known.kernel, known.owed = descriptors + _PROCESS_COST, kernel, False
        known.settled += pid in self._clocks
        if known.kernel or (known.settled >= _SETTLED and not known.shared):
            self._restless.discard(pid)
        else:
            self._restless.add(pid)

    def changed(self, pid: int, likeness: int) -> None:
        """Its table, as a look leaves it, is new or another than the look found."""
        known = self._known[pid]
        self._leave(pid, known)
        known.likeness_before, known.likeness = known.likeness, likeness
        self._alike.setdefault(likeness, set()).add(pid)

    def forget(self, pid: int) -> None:
        """It has gone, or cannot be read."""
        known = self._known.pop(pid, None)
        if known is not None:
            self._leave(pid, known)
            self._restless.discard(pid)

    def _leave(self, pid: int, known: _Known) -> None:
        if known.likeness is not None:
            alike = self._alike[known.likeness]
            alike.discard(pid)
            if not alike:
                del self._alike[known.likeness]

    def _sharers(self, moved: Iterable[int]) -> set[int]:
        """Processes whose tables are like those of these, or like what those were: they may be the same tables."""
        found: set[int] = set()
        for pid in moved:
            known = self._known.get(pid)
            if known is not None:
                for likeness in (known.likeness, known.likeness_before):
                    if likeness is not None:
                        found |= self._alike.get(likeness, set())
        return found

    def _divide(self, pids: set[int], at_once: int) -> tuple[list[int], list[int]]:
        """All that were put off the last time, and of the others as many as make it half of the links."""
        left = max(sum(self._known[pid].cost for pid in pids) // 2, at_once)
        fully, partly = [], []
        for pid in sorted(pids, key=lambda pid: (not self._known[pid].owed, pid)):
            known = self._known[pid]
            if known.owed or known.cost <= left:
                left -= known.cost
                fully.append(pid)
            else:
                known.owed = True
                self._restless.add(pid)
                partly.append(pid)
        return fully, partly
