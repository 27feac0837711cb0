"""One process of the crowd: ``python -m tests.benchmarks.crowd_worker INDEX ESTABLISHED HALF_CLOSED TIME_WAITS``.

Says "ready" when its sockets exist, renews its TIME_WAITs, and ends when standard input does.
"""

from __future__ import annotations

import resource
import select
import socket
import struct
import sys
from itertools import repeat
from typing import Final

from sockview.model.inet_socket import TIME_WAIT_SECONDS

#: Seconds between two renewals of some TIME_WAITs.
STEP: Final = 0.2

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Worker:
    """A listener on a loopback address of its own, and connections to it: ports never run out."""

    def __init__(self, index: int) -> None:
        self.listener = socket.socket()
        self.listener.bind((f"127.{10 + index}.0.1", 0))
        self.listener.listen(64)
        self.kept: list[socket.socket] = []

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """(client, server) of a new connection."""
        client = socket.create_connection(self.listener.getsockname())
        return client, self.listener.accept()[0]

    def keep(self, half_closed: bool) -> None:
        """A connection that stays; both ends reset at the end, so that no TIME_WAIT is left behind."""
        for end in self.pair():
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.kept.append(end)
        if half_closed:
            self.kept[-2].shutdown(socket.SHUT_WR)

    def leave_time_wait(self) -> None:
        client, server = self.pair()
        client.close()
        server.close()


def main(arguments: list[str]) -> None:
    index, established, half_closed, time_waits = map(int, arguments)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    worker = Worker(index)
    for half in (*repeat(False, established), *repeat(True, half_closed)):
        worker.keep(half)
    for _ in range(time_waits):
        worker.leave_time_wait()
    print("ready", flush=True)
    owed = 0.0
    while not select.select([sys.stdin], [], [], STEP)[0]:
        # The first lot ends after 60 s; from then on this pace keeps their number.
        owed += time_waits * STEP / TIME_WAIT_SECONDS
        for _ in range(int(owed)):
            worker.leave_time_wait()
        owed -= int(owed)


if __name__ == "__main__":
    main(sys.argv[1:])
