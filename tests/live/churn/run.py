"""Starts the crowd, lets it churn, lets it rest, and ends it.

with churning(log, seed) as crowd:
    crowd.ports     # of its listeners: one end of each of its connections
    crowd.go()      # its clients begin
    crowd.rest()    # nobody opens anything any more; leaks and TIME_WAITs stay
    crowd.end()     # every process exits, whatever it holds
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from tests.live.churn.brief import Launcher, free_ports
from tests.live.churn.client import Address, Client, live_in_threads
from tests.live.churn.events import Did, Scribe, cookie_of
from tests.live.churn.orders import LATE
from tests.live.churn.rights import may_leave_network
from tests.live.churn.server import Heir, serve, serve_together
from tests.live.churn.twin import live_as_twin
from tests.live.churn.worker import Signal, fork, reap_all, reap_one
from tests.live.socket_makers import die_with_parent

NOBODY: Final = 65534
_ROOT: Final = Path(__file__).parents[3]
#: Seconds that the crowd may need to start, to come to rest and to end, on a busy machine.
_PATIENCE: Final = 60

Word = Literal["ready", "resting", "ended"]


@dataclass
class Crowd:
    """The running crowd, seen from the test."""

    process: subprocess.Popen[str]
    ports: tuple[int, ...]

    def go(self) -> None:
        self._say("go")

    def rest(self) -> None:
        self._say("rest")
        _hear(self.process, "resting")

    def end(self) -> None:
        """RuntimeError if any of its processes failed: its truth would have gaps."""
        self._say("end")
        _hear(self.process, "ended")

    def _say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()


@contextmanager
def churning(log: Path, seed: int) -> Iterator[Crowd]:
    """The crowd with its listeners, waiting for the word to go. Its events are in `log` when it has ended."""
    settings = json.dumps({"log": str(log), "seed": seed})
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.live.churn.run", settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    )
    try:
        yield Crowd(process, tuple(_hear(process, "ready")))
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()  # its children die with it
            process.wait()
        process.stdout.close()


def _hear(process: subprocess.Popen[str], word: Word) -> list[int]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the crowd ended early (exit code {process.wait(_PATIENCE)})")
    said, numbers = json.loads(line)
    assert said == word
    found: list[int] = numbers
    return found


# ---------------------------------------------------------------- in the crowd
class _Place(NamedTuple):
    """Where a server listens and how it is reached."""

    name: str
    family: int
    host: str
    reached: tuple[tuple[int, str], ...]
    user: int | None = None
    together: bool = False
    """Several processes share the listener."""


_V4: Final = int(socket.AF_INET)
_V6: Final = int(socket.AF_INET6)
_PLACES: Final = (
    _Place("server-v4", _V4, "127.0.0.1", ((_V4, "127.0.0.1"),)),
    _Place("server-v6", _V6, "::1", ((_V6, "::1"),)),
    _Place("server-both", _V6, "::", ((_V4, "127.0.0.2"), (_V6, "::1"))),
    _Place("prefork", _V4, "0.0.0.0", ((_V4, "127.0.0.3"),), together=True),
    _Place("server-nobody", _V4, "127.0.0.1", ((_V4, "127.0.0.1"),), user=NOBODY),
)


class _Master:
    """The parent of the crowd."""

    def __init__(self, log: str, seed: int) -> None:
        self._scribe = Scribe(os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY))
        self._scribe.be("master")
        self._seed = seed
        self._rest, self._stop = Signal(), Signal()
        self._heir, self._inbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._addresses: list[Address] = []
        self._others = 0

    def run(self) -> None:
        self._start("heir", lambda seed: Heir(self._scribe, self._stop, seed, self._inbox).run())
        for place in _PLACES:
            self._start_server(place)
        _say("ready", sorted({address.port for address in self._addresses}))
        if self._told():
            self._start_clients()
            self._told()
        self._rest.give()
        self._reap_for(2.5 * LATE[1])  # a late step may follow a late step of the other end
        _say("resting")
        self._told()
        self._stop.give()
        reap_all(self._scribe)
        _say("ended")

    def _start(self, name: str, live: Callable[[int], None], user: int | None = None) -> None:
        self._others += 1
        seed = self._seed * 100 + self._others * 10

        def inside() -> None:
            self._rest.only_listen()
            self._stop.only_listen()
            live(seed)

        fork(self._scribe, name, inside, user=user if os.geteuid() == 0 else None)

    def _start_server(self, place: _Place) -> None:
        """Its listener is made here, so that the clients know its port, and left to it alone."""
        began = time.monotonic()
        listener = socket.socket(place.family)
        if place.family == _V6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, place.host != "::")
        listener.bind((place.host, 0))
        listener.listen(256)
        self._scribe.note(Did.LISTEN, began, cookie_of(listener))
        port = listener.getsockname()[1]
        self._addresses += [Address(family, host, port) for family, host in place.reached]
        live = serve_together if place.together else serve
        forked = time.monotonic()
        self._start(
            place.name,
            lambda seed: live(self._scribe, self._stop, seed, listener, self._heir, forked),
            place.user,
        )
        began, cookie = time.monotonic(), cookie_of(listener)
        listener.close()
        self._scribe.note(Did.CLOSE, began, cookie)

    def _start_clients(self) -> None:
        scribe, rest, stop, addresses = self._scribe, self._rest, self._stop, self._addresses
        lanes = free_ports(9)
        for name, user in (("client-one", None), ("client-two", None), ("client-nobody", NOBODY)):
            self._start(name, lambda seed: Client(scribe, stop, seed, addresses, rest).run(), user)
        self._start("threads", lambda seed: live_in_threads(scribe, stop, seed, addresses, rest))
        self._start("launcher", lambda seed: Launcher(scribe, seed, addresses, rest, "brief").run())
        self._start("lanes", lambda seed: Launcher(scribe, seed, addresses, rest, "lane").run_lanes(lanes))
        if may_leave_network():
            heir = self._heir
            self._start("twin", lambda seed: live_as_twin(scribe, stop, seed, addresses[0], lanes, rest, heir))

    def _reap_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            reap_one(self._scribe)
            time.sleep(0.02)

    @staticmethod
    def _told() -> bool:
        """Whether the test says to go on; it may have gone."""
        return bool(sys.stdin.readline().strip())


def _say(word: Word, numbers: list[int] | None = None) -> None:
    print(json.dumps([word, numbers or []]), flush=True)


if __name__ == "__main__":
    die_with_parent()
    _Master(**json.loads(sys.argv[1])).run()
