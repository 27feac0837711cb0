"""A process of the crowd that lives long: one loop over its sockets and what it has to do later."""

from __future__ import annotations

import heapq
import os
import random
import select
import socket
import struct
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NoReturn

from tests.live.churn.events import Did, Identity, Scribe, cookie_of, identity
from tests.live.churn.orders import LATE, Plan, Step
from tests.live.socket_makers import become, die_with_parent

#: SO_LINGER: on, 0 seconds.
RESET: Final = struct.pack("ii", 1, 0)
#: Seconds between two looks for children that have exited.
_REAP_EVERY: Final = 0.02

Call = Callable[[], None]


class Worker:
    """Holds sockets by cookie and writes down what it does with them."""

    def __init__(self, scribe: Scribe, stop: Signal, seed: int) -> None:
        """At the word `stop` the process exits with all that it holds."""
        self.scribe = scribe
        self.random = random.Random(seed)
        self.held: dict[int, socket.socket] = {}
        self._stop = stop.fileno()
        self._poll = select.poll()
        self._poll.register(stop, select.POLLIN)
        self._readers: dict[int, Call] = {}
        self._due: list[tuple[float, int, Call]] = []
        self._planned = 0

    # ------------------------------------------------------------ the loop
    def run(self) -> None:
        """Until it is told to stop; its children have exited then."""
        self.later(_REAP_EVERY, self._reap)
        while True:
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)[2]()
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else 1.0
            for fd, _ in self._poll.poll(wait * 1000):
                if fd == self._stop:
                    reap_all(self.scribe)
                    return
                reader = self._readers.get(fd)
                if reader is not None:
                    reader()

    def later(self, seconds: float, call: Call) -> None:
        self._planned += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, self._planned, call))

    def watch(self, end: socket.socket, reader: Call) -> None:
        self._readers[end.fileno()] = reader
        self._poll.register(end, select.POLLIN)

    def unwatch(self, end: socket.socket) -> None:
        if self._readers.pop(end.fileno(), None) is not None:
            self._poll.unregister(end)

    def _reap(self) -> None:
        while reap_one(self.scribe) is not None:
            pass
        self.later(_REAP_EVERY, self._reap)

    # ------------------------------------------------------------ sockets
    def hold(self, end: socket.socket, did: Did, began: float, detail: str = "") -> int:
        cookie = cookie_of(end)
        self.held[cookie] = end
        self.scribe.note(did, began, cookie, detail)
        return cookie

    def close(self, cookie: int, did: Did = Did.CLOSE) -> None:
        end = self.held.pop(cookie, None)
        if end is None:  # closed by an earlier step
            return
        self.unwatch(end)
        if did is Did.RESET:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        began = time.monotonic()
        end.close()
        self.scribe.note(did, began, cookie)

    def shut(self, cookie: int) -> None:
        began = time.monotonic()
        with suppress(OSError):  # reset meanwhile
            self.held[cookie].shutdown(socket.SHUT_WR)
            self.scribe.note(Did.SHUT, began, cookie)

    # ------------------------------------------------------------ plans
    def follow(self, cookie: int, plan: Plan) -> None:
        """Take the steps of a plan, each when its time has come."""
        for step in plan:
            if not step.at_eof:
                self._take(cookie, step)
        end = self.held.get(cookie)
        if end is not None:
            self.watch(end, partial(self._at_eof, cookie, plan))

    def _at_eof(self, cookie: int, plan: Plan) -> None:
        end = self.held[cookie]
        with suppress(ConnectionResetError):
            if end.recv(1):
                raise RuntimeError("more came than was agreed")
        self.unwatch(end)
        for step in plan:
            if step.at_eof:
                self._take(cookie, step)

    def _take(self, cookie: int, step: Step) -> None:
        if step.late:
            self.later(self.random.uniform(*LATE), partial(self.act, cookie, step))
        else:
            self.act(cookie, step)

    def act(self, cookie: int, step: Step) -> None:
        match step.action:
            case "close":
                self.close(cookie)
            case "reset":
                self.close(cookie, Did.RESET)
            case "shut":
                self.shut(cookie)
            case _:
                raise RuntimeError(f"this process can't {step.action} a socket")


class Signal:
    """One word from the master to all of its descendants, given once: a pipe that it closes."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def fileno(self) -> int:
        """Readable when the word has been given."""
        return self._reading

    def give(self) -> None:
        os.close(self._writing)

    def only_listen(self) -> None:
        """In every child: the pipe has its end of file when the last one that may write has closed it."""
        os.close(self._writing)

    @property
    def given(self) -> bool:
        return bool(select.select([self], [], [], 0)[0])


def reap_one(scribe: Scribe, *, wait: bool = False) -> Identity | None:
    """Take away one child that has exited; None if there was none. RuntimeError if it failed."""
    options = os.WEXITED | os.WNOWAIT | (0 if wait else os.WNOHANG)
    try:
        found = os.waitid(os.P_ALL, 0, options)
    except ChildProcessError:
        return None
    if found is None:
        return None
    began = time.monotonic()
    who = identity(found.si_pid)
    scribe.note(Did.GONE, began, who=who)
    os.waitpid(found.si_pid, 0)
    scribe.note(Did.REAPED, began, who=who)
    if found.si_status:
        raise RuntimeError(f"a child ended with {found.si_status}")
    return who


def reap_all(scribe: Scribe) -> None:
    """Wait for every child."""
    while reap_one(scribe, wait=True) is not None:
        pass


def fork(scribe: Scribe, name: str, live: Call, *, user: int | None = None) -> int:
    """A child that takes a name (and a user) of its own, lives and exits; its PID."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if user is not None:
            become(user)
        die_with_parent()
        scribe.be(name)
        live()
        leave(scribe)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def leave(scribe: Scribe) -> NoReturn:
    """Exit: what is still held the kernel closes."""
    scribe.note(Did.EXIT, time.monotonic())
    os._exit(0)
