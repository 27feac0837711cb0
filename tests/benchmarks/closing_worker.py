"""Opens and closes connections on loopback at a steady pace: ``python -m ...closing_worker COUNT A_SECOND``.

Both ends are its own; the client closes first and leaves a TIME_WAIT. Says "ready", waits for a line
on standard input, and says at the end how many seconds it took and how many of processor time.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import Final

#: Connections between two looks at the clock.
BATCH: Final = 20


def main(arguments: list[str]) -> None:
    count, pace = map(int, arguments)
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        address = listener.getsockname()
        print("ready", flush=True)
        sys.stdin.readline()
        cpu, start = time.process_time(), time.perf_counter()
        for number in range(count):
            if number % BATCH == 0:
                time.sleep(max(0.0, start + number / pace - time.perf_counter()))
            client = socket.create_connection(address)
            server = listener.accept()[0]
            client.close()
            server.close()
        print(time.perf_counter() - start, time.process_time() - cpu, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
