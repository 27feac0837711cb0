"""Processes that hold real loopback sockets in a wanted state, for tests and benchmarks.

    with holding("close_wait", 5) as made:
        made.pid            # holds 5 CLOSE_WAIT sockets on made.port, and the listener itself
        made.add(3)         # now 8
        made.drop(2)        # closes two of them

Each helper is a process of its own: this file run as a script. It ends when its standard input
ends, so it never outlives the test, whatever kills the test; and it resets what it still holds, so
that thousands of sockets leave no TIME_WAIT behind. It uses the standard library alone.

What each kind holds, for a count of n:

close_wait     a listener and n CLOSE_WAIT; the peers are FIN_WAIT2 remnants that nobody holds
established    a listener and n connections, both ends in the helper
time_wait      a listener; n TIME_WAIT remnants of clients (their remote port is `port`)
server_time_wait  the same, but the listening side closed first (their local port is `port`)
listen         n listeners
udp            n UDP sockets that are not connected
connected_udp  n UDP sockets connected to one more, which is not connected (on `port`)
prefork        a listener shared by the helper and n forked workers
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Family = Literal["v4", "v6", "mapped"]
"""`mapped`: the server's sockets are IPv6, its clients come over IPv4."""
Kind = Literal[
    "close_wait", "established", "time_wait", "server_time_wait", "listen", "udp", "connected_udp", "prefork"
]

#: Seconds that a helper may take to make or close its sockets.
PATIENCE = 60


@dataclass
class Sockets:
    """Which sockets are a helper's."""

    netid: str
    """``tcp`` or ``udp``."""
    ports: tuple[int, ...]
    """Every port that the helper bound or connected from, the listener's first."""

    @property
    def port(self) -> int:
        """Of the listener, or of the first UDP socket."""
        return self.ports[0]

    def owns(self, netid: str, local_port: int, remote_port: int) -> bool:
        """Whether a socket with these ports is one of them: other programs may use one of the ports as well."""
        return netid == self.netid and local_port in self.ports and (remote_port in self.ports or not remote_port)


@dataclass
class Made(Sockets):
    """A running helper and what it made."""

    pid: int
    pids: tuple[int, ...]
    """The helper and its forked workers, ascending."""
    process: subprocess.Popen[bytes]

    def add(self, count: int) -> None:
        """Make `count` more; returns when they are there."""
        self._command({"add": count})

    def drop(self, count: int) -> None:
        """Close `count` of the held connections, the oldest first."""
        self._command({"drop": count})

    def _command(self, command: dict[str, int]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()
        self.ports = tuple(_answer(self.process)["ports"])


def _answer(process: subprocess.Popen[bytes]) -> dict[str, list[int]]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the socket helper ended early (exit code {process.wait(PATIENCE)})")
    answer: dict[str, list[int]] = json.loads(line)
    return answer


@contextmanager
def holding(
    kind: Kind,
    count: int = 1,
    *,
    family: Family = "v4",
    name: str | None = None,
    user: int | None = None,
    arguments: tuple[str, ...] = (),
    python: str = sys.executable,
) -> Iterator[Made]:
    """A helper that holds `count` sockets (connections) of a kind until the block ends.

    `name` becomes its process name (at most 15 bytes), `arguments` are added to its command line,
    `user` is the uid that it becomes (needs root).
    """
    settings = json.dumps({"kind": kind, "count": count, "family": family, "name": name, "user": user})
    process = subprocess.Popen(
        [python, "-I", str(Path(__file__).resolve()), settings, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd="/",
    )
    try:
        answer = _answer(process)
        netid = "udp" if "udp" in kind else "tcp"
        yield Made(netid, tuple(answer["ports"]), process.pid, tuple(sorted(answer["pids"])), process)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None and process.stdout is not None
    with suppress(BrokenPipeError):  # it has ended already
        process.stdin.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


# ---------------------------------------------------------------- in the helper
def bind_to_unused_port(made: socket.socket, host: str) -> None:
    """Bind to a port that no socket of any address, family or state has at either end, so that a test may filter by it.

    `bind` to port 0 would do for the listener itself, but a remnant of another address may still have that port;
    and from the range that `connect` chooses from, another program may be given it later.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_bytes().split()[0])
    used = ports_in_use()
    for port in random.sample(range(1024, lowest), k=lowest - 1024):
        if port not in used:
            with suppress(OSError):  # taken since
                made.bind((host, port))
                return
    raise RuntimeError("no free port")


def ports_in_use() -> set[int]:
    """At either end of any TCP or UDP socket of this network namespace; see proc(5), /proc/net/tcp."""
    used: set[int] = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with suppress(FileNotFoundError), open(f"/proc/net/{table}", "rb") as lines:
            next(lines)
            for line in lines:
                used.update(int(end.rpartition(b":")[2], 16) for end in line.split(None, 3)[1:3])
    return used


_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds


class Maker:
    """Makes sockets of one kind, inside the helper process."""

    def __init__(self, kind: Kind, family: Family) -> None:
        self.kind = kind
        self.type = socket.SOCK_DGRAM if "udp" in kind else socket.SOCK_STREAM
        self.client_family = socket.AF_INET6 if family == "v6" else socket.AF_INET
        self.server_family = socket.AF_INET if family == "v4" else socket.AF_INET6
        self.server_host = {"v4": "127.0.0.1", "v6": "::1", "mapped": "::ffff:127.0.0.1"}[family]
        self.client_host = "::1" if family == "v6" else "127.0.0.1"
        self.v6_only = family != "mapped"
        self.ports: list[int] = []
        self.workers: list[int] = []
        self.held: list[tuple[socket.socket, ...]] = []
        self.first = self.bind()

    def make(self, count: int) -> None:
        for _ in range(count):
            if self.kind in ("listen", "udp"):
                self.held.append((self.bind(),))
            elif self.kind == "connected_udp":
                self.held.append((self.connect(),))
            elif self.kind == "prefork":
                self.fork()
            else:
                self.connection()

    def bind(self) -> socket.socket:
        made = socket.socket(self.server_family, self.type)
        if self.server_family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, self.v6_only)
        bind_to_unused_port(made, self.server_host)
        if self.type == socket.SOCK_STREAM:
            made.listen(128)
        self.ports.append(made.getsockname()[1])
        return made

    def connect(self) -> socket.socket:
        made = socket.socket(self.client_family, self.type)
        made.connect((self.client_host, self.ports[0]))
        self.ports.append(made.getsockname()[1])
        return made

    def connection(self) -> None:
        client = self.connect()
        server, _ = self.first.accept()
        if self.kind == "established":
            self.held.append((server, client))
        elif self.kind == "close_wait":
            client.close()
            self.wait_for_end(server)
            self.held.append((server,))
        else:
            early, late = (client, server) if self.kind == "time_wait" else (server, client)
            early.close()
            self.wait_for_end(late)
            late.close()

    @staticmethod
    def wait_for_end(end: socket.socket) -> None:
        """Returns when the peer's FIN is here: from then on the state is what it is said to be."""
        if end.recv(1) != b"":
            raise RuntimeError("the peer sent something")

    def fork(self) -> None:
        pid = os.fork()
        if pid == 0:
            die_with_parent()
            os.close(1)  # the test reads the helper's end of file there
            while True:
                signal.pause()
        self.workers.append(pid)

    def drop(self, count: int) -> None:
        for _ in range(min(count, len(self.held))):
            for end in self.held.pop(0):
                end.close()

    def end(self) -> None:
        for worker in self.workers:
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
        for ends in self.held:
            for end in ends:
                if self.type == socket.SOCK_STREAM and self.kind != "listen":
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.close()


def _set_name(name: str) -> None:
    Path("/proc/self/comm").write_bytes(os.fsencode(name)[:15])


_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4  # linux/prctl.h


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def die_with_parent() -> None:
    """So that even kill -9 of the parent leaves nothing behind."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def become(user: int) -> None:
    """Give up root for good, after all imports: the new user may not be able to read the interpreter's files."""
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    _prctl(_PR_SET_DUMPABLE, 1)  # else the kernel would go on to give this process's /proc files to root


def _main() -> None:
    settings: dict[str, Any] = json.loads(sys.argv[1])
    if settings["user"] is not None:
        become(settings["user"])
    die_with_parent()
    if settings["name"] is not None:
        _set_name(settings["name"])
    maker = Maker(settings["kind"], settings["family"])
    counted = settings["kind"] in ("listen", "udp")  # there the first socket is one of the wanted
    maker.make(settings["count"] - counted)
    _say(maker)
    for line in sys.stdin:
        command: dict[str, int] = json.loads(line)
        maker.make(command.get("add", 0))
        maker.drop(command.get("drop", 0))
        _say(maker)
    maker.end()


def _say(maker: Maker) -> None:
    print(json.dumps({"ports": maker.ports, "pids": [os.getpid(), *maker.workers]}), flush=True)


if __name__ == "__main__":
    _main()
