"""A crowd of real loopback sockets in processes of their own, held while the benchmark looks.

Of N sockets 70% are ESTABLISHED, 10% CLOSE_WAIT, 10% FIN_WAIT2 (the other ends of those) and about
10% TIME_WAIT, which the workers keep renewing because the kernel ends each after 60 s.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

#: Descriptors that one worker may hold: below the usual hard limits of 4096 and up.
MOST_DESCRIPTORS: Final = 6000


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker makes."""

    index: int
    established: int
    """Connections, two sockets each."""
    half_closed: int
    """Connections with one end CLOSE_WAIT, the other FIN_WAIT2."""
    time_waits: int

    def arguments(self) -> list[str]:
        return [str(number) for number in (self.index, self.established, self.half_closed, self.time_waits)]


def shares(sockets: int, processes: int) -> list[Share]:
    """The crowd of `sockets` divided over at least `processes` workers."""
    processes = max(processes, -(-sockets // MOST_DESCRIPTORS))
    each = sockets / processes
    return [Share(index, round(each * 0.35), round(each * 0.1), round(each * 0.1)) for index in range(processes)]


class Crowd:
    """Context manager: inside it, the sockets exist. The workers end with their standard input."""

    def __init__(self, sockets: int, processes: int = 8) -> None:
        self._shares = shares(sockets, processes)
        self._workers: list[subprocess.Popen[str]] = []

    @property
    def processes(self) -> int:
        return len(self._shares)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.benchmarks.crowd_worker"]
        for share in self._shares:
            worker = subprocess.Popen(
                [*command, *share.arguments()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self._workers.append(worker)
        try:
            for worker in self._workers:
                assert worker.stdout is not None
                if worker.stdout.readline() != "ready\n":
                    raise RuntimeError("A worker could not make its sockets; its message stands above.")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        for worker in self._workers:
            assert worker.stdin is not None and worker.stdout is not None
            worker.stdin.close()
        for worker in self._workers:
            worker.wait()
            assert worker.stdout is not None
            worker.stdout.close()
