"""Processes of the crowd that accept connections and end them as they are asked to."""

from __future__ import annotations

import array
import socket
import time
from functools import partial
from typing import Final

from tests.live.churn.events import Did, Scribe
from tests.live.churn.orders import BY_LETTER, COOKIE_BYTES, Step
from tests.live.churn.worker import Signal, Worker, fork

#: Seconds for which a forked child holds what it got, from and to.
_SHARED: Final = (0.05, 0.5)
_ONE_DESCRIPTOR: Final = socket.CMSG_SPACE(array.array("i").itemsize)


class Server(Worker):
    """Accepts on a listener that it may share with others."""

    def __init__(
        self, scribe: Scribe, stop: Signal, seed: int, listener: socket.socket, heir: socket.socket | None, began: float
    ) -> None:
        """`heir` is a unix socket to a process that takes descriptors; `began`: before the listener came here."""
        super().__init__(scribe, stop, seed)
        self._heir = heir
        listener.setblocking(False)
        self._listener = listener
        self.hold(listener, Did.HOLD, began)
        self.watch(listener, self._accept)

    def _accept(self) -> None:
        began = time.monotonic()
        try:
            end, _ = self._listener.accept()
        except BlockingIOError:  # another one of those that share it was quicker
            return
        end.setblocking(True)
        cookie = self.hold(end, Did.ACCEPT, began)
        self.watch(end, partial(self._hear, cookie))

    def _hear(self, cookie: int) -> None:
        """The client says who it is and what it wants."""
        end = self.held[cookie]
        self.unwatch(end)
        said = end.recv(COOKIE_BYTES + 1, socket.MSG_WAITALL)
        self.scribe.note(Did.MEET, time.monotonic(), cookie, str(int.from_bytes(said[:COOKIE_BYTES])))
        self.follow(cookie, BY_LETTER[said[COOKIE_BYTES:]].server)

    def act(self, cookie: int, step: Step) -> None:
        match step.action:
            case "share":
                self._share(cookie)
            case "pass":
                self._pass_on(cookie)
            case _:
                super().act(cookie, step)

    def _share(self, cookie: int) -> None:
        """From now on a child holds all that this process holds; which of them closes last is left to chance."""
        began = time.monotonic()
        fork(self.scribe, "sharer", partial(self._live_as_child, cookie, began, self.random.uniform(*_SHARED)))
        self.later(self.random.uniform(*_SHARED), partial(self.close, cookie))

    def _live_as_child(self, cookie: int, began: float, seconds: float) -> None:
        for held in self.held:
            self.scribe.note(Did.HOLD, began, held)
        if cookie % 2:
            for other in set(self.held) - {cookie}:
                self.close(other)
        time.sleep(seconds)
        if cookie % 3:
            self.close(cookie)

    def _pass_on(self, cookie: int) -> None:
        assert self._heir is not None
        descriptor = array.array("i", [self.held[cookie].fileno()])
        self._heir.sendmsg([b"!"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptor)])
        self.close(cookie)


class Heir(Worker):
    """Takes descriptors from a unix socket and closes them later."""

    def __init__(self, scribe: Scribe, stop: Signal, seed: int, inbox: socket.socket) -> None:
        super().__init__(scribe, stop, seed)
        self._inbox = inbox
        self.watch(inbox, self._inherit)

    def _inherit(self) -> None:
        began = time.monotonic()
        _, more, _, _ = self._inbox.recvmsg(1, _ONE_DESCRIPTOR)
        for _, _, data in more:
            cookie = self.hold(socket.socket(fileno=array.array("i", data)[0]), Did.HOLD, began)
            self.later(self.random.uniform(*_SHARED), partial(self.close, cookie))


def serve(scribe: Scribe, stop: Signal, seed: int, listener: socket.socket, heir: socket.socket, began: float) -> None:
    """One process with a listener of its own."""
    Server(scribe, stop, seed, listener, heir, began).run()


def serve_together(
    scribe: Scribe, stop: Signal, seed: int, listener: socket.socket, heir: socket.socket, began: float
) -> None:
    """A parent that only waits, and workers that share its listener."""
    parent = Worker(scribe, stop, seed)
    parent.hold(listener, Did.HOLD, began)
    for number in range(3):
        work = partial(serve, scribe, stop, seed + number, listener, heir, time.monotonic())
        fork(scribe, f"worker-{number}", work)
    parent.run()
