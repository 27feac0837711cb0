"""Whether a PID still belongs to the process that once held a socket."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from typing import Final

from sockview.collect.holders import Holders
from sockview.collect.process_stat import read_started

#: PIDs remembered without a socket of theirs; those that held one last are kept.
MOST: Final = 20_000
#: Processes looked at in one step, at about 15 us each.
_PROCESSES_A_STEP: Final = 100


class PastHolders:
    """Remembers which PIDs have held a socket, also when nobody has the PID for a while.

    A process that has closed its last socket is among no holders any more, and when it exits its PID
    may be given to another one: only the start tells the two apart.
    """

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._pids: dict[int, None] = {}
        """In the order in which they last held a socket."""

    def look(self, found: Holders, traced: Iterable[int] = ()) -> Generator[None, None, dict[int, int]]:
        """PID -> start of the process that has it now, for all that hold a socket or have held one.

        `traced` are PIDs of which it is only reported that they held one. Takes those that have vanished
        meanwhile out of ``found.pids``.
        """
        started = dict(found.started)
        for pid in traced:
            self._pids.pop(pid, None)
            self._pids[pid] = None
        past = [pid for pid in self._pids if pid not in started][-MOST:]
        self._pids = dict.fromkeys((*past, *started))
        taken = past if found.pids is None else [pid for pid in past if pid in found.pids]
        for number, pid in enumerate(taken, 1):
            start = read_started(pid, self._proc)
            if start is not None:
                started[pid] = start
            elif found.pids is not None and not os.path.exists(f"{self._proc}/{pid}"):
                found.pids -= {pid}
            if number % _PROCESSES_A_STEP == 0:
                yield
        return started
