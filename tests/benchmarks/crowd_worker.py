"""One process of the crowd: ``python -m tests.benchmarks.crowd_worker INDEX ESTABLISHED HALF_CLOSED TIME_WAITS CHURN``.

Says "ready" when its sockets exist; from then on it opens and closes CHURN sockets a second, until its standard
input ends. What it closes is chosen by dice, so every count moves a little around what was asked for.
"""

from __future__ import annotations

import random
import resource
import select
import socket
import struct
import sys
import time
from typing import Final

from sockview.model.inet_socket import TIME_WAIT_SECONDS

#: Seconds between two handfuls of churn.
STEP: Final = 0.2
#: Addresses from which clients come.
CLIENTS: Final = 1000
#: How far the number of kept sockets strays from what was asked for, as a share of it.
DRIFT: Final = 0.02

_RESET: Final = struct.pack("ii", 1, 0)
_LINGER_NOT: Final = struct.pack("ii", 0, 0)

Ends = tuple[socket.socket, socket.socket]
"""(client, server) of one connection."""


def address(index: int) -> str:
    """The loopback address on which a worker listens: one each, so that ports never run out."""
    return f"127.{10 + index // 200}.{index % 200}.1"


def client_address(number: int) -> str:
    """One of the addresses from which clients come."""
    return f"127.{100 + number // 200}.{number % 200}.2"


class Worker:
    """A listener, and connections to it with both ends here."""

    def __init__(self, index: int) -> None:
        self.listener = socket.socket()
        self.listener.bind((address(index), 0))
        self.listener.listen(64)
        self.established: list[Ends] = []
        self.half_closed: list[Ends] = []
        self.dice = random.Random(index)

    def open(self) -> None:
        """Both ends are reset at the end of the process, so that no TIME_WAIT is left behind."""
        source = client_address(self.dice.randrange(CLIENTS)), 0
        client = socket.create_connection(self.listener.getsockname(), source_address=source)
        ends = client, self.listener.accept()[0]
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.established.append(ends)

    def half_close(self) -> None:
        """An ESTABLISHED pair becomes FIN_WAIT2 and CLOSE_WAIT."""
        ends = self._any_of(self.established)
        ends[0].shutdown(socket.SHUT_WR)
        self.half_closed.append(ends)

    def leave_time_wait(self) -> None:
        """Of the client: it closes first."""
        for end in self._any_of(self.established):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            end.close()

    def reset(self, pairs: list[Ends]) -> None:
        """Close both ends of any one; nothing is left."""
        for end in self._any_of(pairs):
            end.close()

    def _any_of(self, pairs: list[Ends]) -> Ends:
        place = self.dice.randrange(len(pairs))
        pairs[place], pairs[-1] = pairs[-1], pairs[place]
        return pairs.pop()

    def some(self, due: int, of: int) -> int:
        """None, one or two; by dice, unless so much of the whole is due, or so much too much, that it would stray."""
        if abs(due) <= max(1, DRIFT * of):
            return self.dice.randrange(3)
        return 2 if due > 0 else 0


class Churn:
    """For each connection that is opened another goes. Where there are 10% TIME_WAITs and the churn is 1%, a third of
    them leave a TIME_WAIT behind, a third are half closed while another CLOSE_WAIT goes, and a third are reset.
    """

    def __init__(self, worker: Worker, time_waits: int, sockets_a_second: float) -> None:
        self._worker = worker
        self._wanted = len(worker.established), len(worker.half_closed)
        self._connections = connections = sockets_a_second / 2
        #: As many as the kernel ends each second.
        self._closing = min(1.0, time_waits / TIME_WAIT_SECONDS / connections) if connections else 0.0
        self._owed = 0.0

    def step(self, seconds: float) -> None:
        """What has become due in that time."""
        self._owed += self._connections * seconds
        while self._owed >= 1.0:
            self._owed -= 1.0
            self._turn()

    def _turn(self) -> None:
        worker, (established, half_closed) = self._worker, self._wanted
        for _ in range(worker.some(established - len(worker.established), established)):
            worker.open()
        if len(worker.established) < 2:
            return
        kind = worker.dice.random()
        if kind < self._closing:
            worker.leave_time_wait()
        elif half_closed and kind < (1.0 + self._closing) / 2:
            worker.half_close()
            too_many = len(worker.half_closed) - half_closed
            for _ in range(min(worker.some(too_many, half_closed), len(worker.half_closed))):
                worker.reset(worker.half_closed)
        else:
            worker.reset(worker.established)


def main(arguments: list[str]) -> None:
    index, established, half_closed, time_waits = map(int, arguments[:4])
    churn = float(arguments[4])
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    worker = Worker(index)
    for _ in range(half_closed):
        worker.open()
        worker.half_close()
    # The first lot lasts a minute, in which the churn adds all that are wanted: half too few, then half too many.
    for _ in range(time_waits // 2 if churn else time_waits):
        worker.open()
        worker.leave_time_wait()
    for _ in range(established):
        worker.open()
    going_on = Churn(worker, time_waits, churn)
    print("ready", flush=True)
    then = time.monotonic()
    while not select.select([sys.stdin], [], [], STEP)[0]:
        before, then = then, time.monotonic()
        going_on.step(then - before)


if __name__ == "__main__":
    main(sys.argv[1:])
