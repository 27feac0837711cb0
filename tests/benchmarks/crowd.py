"""A crowd of real loopback sockets in processes of their own, held while the benchmark looks.

Of N sockets 70% are ESTABLISHED, 10% CLOSE_WAIT, 10% FIN_WAIT2 (the other ends of those) and about 10% TIME_WAIT.
Each second 1% of them are opened and as many go, in all processes alike; half of the first TIME_WAITs stand for a
minute, until the churn has made as many as the kernel ends.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sockview.model.inet_socket import TIME_WAIT_SECONDS

#: Sockets that one worker makes at most; less where it may not hold as many descriptors.
MOST_SOCKETS: Final = 6000
#: Share of the sockets that is opened each second, and that goes.
CHURN: Final = 0.01
#: Descriptors of a worker that are no sockets of the crowd.
_OTHERS: Final = 64
#: Memory that a socket takes in the kernel and in its worker, that worker's own included: 500,000 took 1.7 GB.
_BYTES_A_SOCKET: Final = 4000


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker makes."""

    index: int
    established: int
    """Connections, two sockets each."""
    half_closed: int
    """Connections with one end CLOSE_WAIT, the other FIN_WAIT2."""
    time_waits: int

    def arguments(self, churn: float) -> list[str]:
        """For a worker whose share of the sockets opened each second is `churn`."""
        sockets = 2 * (self.established + self.half_closed) + self.time_waits
        numbers = (self.index, self.established, self.half_closed, self.time_waits)
        return [*map(str, numbers), str(churn * sockets)]


def shares(sockets: int, processes: int, descriptors: int = MOST_SOCKETS) -> list[Share]:
    """The crowd of `sockets` divided over at least `processes` workers that may hold so many descriptors each."""
    processes = max(processes, -(-sockets // min(MOST_SOCKETS, descriptors - _OTHERS)))
    each = sockets / processes
    return [Share(index, round(each * 0.35), round(each * 0.1), round(each * 0.1)) for index in range(processes)]


def why_not(sockets: int) -> str | None:
    """Why the machine cannot hold such a crowd, in a sentence; None where it can."""
    workers = len(_shares_here(sockets, 1))
    needed = {
        "open files (fs.file-max)": (sockets, _number("/proc/sys/fs/file-max") - _number("/proc/sys/fs/file-nr")),
        "TIME_WAITs (net.ipv4.tcp_max_tw_buckets)": (
            sockets // 10,
            _number("/proc/sys/net/ipv4/tcp_max_tw_buckets"),
        ),
        "bytes of memory": (sockets * _BYTES_A_SOCKET, _available_memory()),
        "processes (RLIMIT_NPROC)": (workers, _process_limit()),
    }
    for what, (wanted, there) in needed.items():
        if wanted > there:
            return f"{sockets:,} sockets need {wanted:,} {what}, and there are {there:,}."
    return None


def _shares_here(sockets: int, processes: int) -> list[Share]:
    return shares(sockets, processes, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def _number(path: str) -> int:
    return int(Path(path).read_text().split()[0])


def _available_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise KeyError("MemAvailable")


def _process_limit() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class Crowd:
    """Context manager: inside it, the sockets exist. The workers end with their standard input."""

    def __init__(self, sockets: int, processes: int = 8, *, churn: float = CHURN, prefix: Sequence[str] = ()) -> None:
        """`churn`: share of the sockets opened each second. `prefix`: what stands before the command of each worker."""
        self._shares = _shares_here(sockets, processes)
        self._churn = churn
        self._prefix = prefix
        self._workers: list[subprocess.Popen[str]] = []
        self.seconds_to_make = 0.0
        self._ready_at = 0.0

    @property
    def processes(self) -> int:
        return len(self._shares)

    @property
    def age(self) -> float:
        """Seconds since all sockets were there."""
        return time.monotonic() - self._ready_at

    def wait_until_steady(self) -> None:
        """Until the first TIME_WAITs have gone, and as many come each second as go."""
        if self._churn:
            time.sleep(max(0.0, TIME_WAIT_SECONDS + 5 - self.age))

    def __enter__(self) -> Self:
        start = time.monotonic()
        command = [*self._prefix, sys.executable, "-m", "tests.benchmarks.crowd_worker"]
        for share in self._shares:
            worker = subprocess.Popen(
                [*command, *share.arguments(self._churn)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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
        self._ready_at = time.monotonic()
        self.seconds_to_make = self._ready_at - start
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        gone = sum(worker.poll() is not None for worker in self._workers)
        self._end()
        if gone and error is None:
            raise RuntimeError(
                f"{gone} processes of the crowd ended while they were looked at; their messages stand above."
            )

    def _end(self) -> None:
        for worker in self._workers:
            assert worker.stdin is not None and worker.stdout is not None
            worker.stdin.close()
        for worker in self._workers:
            worker.wait()
            assert worker.stdout is not None
            worker.stdout.close()
