"""Processes of the crowd that live for milliseconds, one after the other: they take each other's PIDs and ports."""

from __future__ import annotations

import os
import random
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from itertools import count
from typing import Final

from tests.live.churn.client import Address, connect
from tests.live.churn.events import Did, Identity, Scribe
from tests.live.churn.orders import Order
from tests.live.churn.rights import LAST_PID
from tests.live.churn.worker import RESET, Signal, fork, reap_all, reap_one

#: The program that a brief process may execute, with its socket or without.
TINY: Final = "true"
#: Two processes of one PID are told apart by their starts, which count ticks of 10 ms.
_SOME_TICKS: Final = 0.03
#: Seconds in which nobody may take over a TIME_WAIT on loopback (tcp_twsk_unique, net/ipv4/tcp_ipv4.c).
_LEFT_ALONE: Final = 1.1
#: Seconds between two brief processes, from and to.
_PAUSE: Final = (0.0, 0.03)
#: Seconds for which a process without sockets lives, and how many of them there may be.
_IDLE: Final = 0.5
_MOST_IDLE: Final = 4

Life = Callable[[], None]


class Launcher:
    """Starts one brief process, waits for its end, starts the next."""

    def __init__(self, scribe: Scribe, seed: int, addresses: list[Address], rest: Signal, name: str) -> None:
        """The first of the addresses is an IPv4 one; `name` and a number become the name of each process."""
        self._scribe = scribe
        self._random = random.Random(seed)
        self._addresses = addresses
        self._rest = rest
        self._names = (f"{name}-{number}" for number in count())
        self._last: Identity | None = None
        self._idle = 0

    def run(self) -> None:
        """Processes of every kind, many of them with the PID of the one before."""
        kinds: list[Callable[[Address], None]] = [self._close, self._exit, self._wait_for_end, self._half_close]
        if shutil.which(TINY):
            kinds += [partial(self._execute, inherit=True), partial(self._execute, inherit=False)]
        while not self._rest.given:
            if self._idle < _MOST_IDLE and self._random.random() < 0.2:
                self._launch_idle()
            self._launch(partial(self._random.choice(kinds), self._random.choice(self._addresses)))
            time.sleep(self._random.uniform(*_PAUSE))
        reap_all(self._scribe)

    def run_lanes(self, ports: list[int]) -> None:
        """Every process takes the very ends that another one had before: at once where the server closed first or
        the one before sent a reset, else as soon as the kernel allows it."""
        quick, *slow = ports
        due = dict.fromkeys(slow, 0.0)
        while not self._rest.given:
            self._launch(partial(self._take_lane, quick, Order.SERVER_FIRST))
            free = [port for port in slow if due[port] <= time.monotonic()]
            if free:
                self._launch(partial(self._take_lane, free[0], Order.RESET))
                self._launch(partial(self._take_lane, free[0], Order.CLIENT_FIRST))
                due[free[0]] = time.monotonic() + _LEFT_ALONE
            time.sleep(self._random.uniform(*_PAUSE))
        reap_all(self._scribe)

    # ------------------------------------------------------------ starting and ending
    def _launch(self, life: Life) -> None:
        self._ask_for_last_pid()
        pid = fork(self._scribe, next(self._names), life)
        while True:
            self._last = reap_one(self._scribe, wait=True)
            if self._last is None or self._last[0] == pid:
                return
            self._idle -= 1

    def _launch_idle(self) -> None:
        self._ask_for_last_pid()
        fork(self._scribe, next(self._names), partial(time.sleep, _IDLE))
        self._idle += 1

    def _ask_for_last_pid(self) -> None:
        """The kernel gives PIDs in their order: ask for the one that has just become free."""
        if self._last is None or self._random.random() < 0.5:
            return
        time.sleep(_SOME_TICKS)
        with suppress(OSError):  # not root: then PIDs are reused by chance
            LAST_PID.write_text(str(self._last[0] - 1))

    # ------------------------------------------------------------ in the child
    def _close(self, address: Address) -> None:
        self._close_end(*connect(self._scribe, address, Order.CLIENT_FIRST))

    def _close_end(self, end: socket.socket, cookie: int, did: Did = Did.CLOSE) -> None:
        began = time.monotonic()
        end.close()
        self._scribe.note(did, began, cookie)

    def _exit(self, address: Address) -> None:
        end, _ = connect(self._scribe, address, Order.CLIENT_FIRST)
        end.detach()

    def _wait_for_end(self, address: Address) -> None:
        end, cookie = connect(self._scribe, address, Order.SERVER_FIRST)
        end.recv(1)
        self._close_end(end, cookie)

    def _half_close(self, address: Address) -> None:
        end, cookie = connect(self._scribe, address, Order.CLIENT_FIRST)
        began = time.monotonic()
        end.shutdown(socket.SHUT_WR)
        self._scribe.note(Did.SHUT, began, cookie)
        end.recv(1)
        self._close_end(end, cookie)

    def _execute(self, address: Address, *, inherit: bool) -> None:
        end, _ = connect(self._scribe, address, Order.CLIENT_FIRST)
        end.set_inheritable(inherit)
        self._scribe.note(Did.EXIT, time.monotonic(), detail=TINY)
        os.execlp(TINY, TINY)

    def _take_lane(self, port: int, order: Order) -> None:
        address = self._addresses[0]
        with suppress(OSError):  # the kernel does not give these ends away yet
            end, cookie = connect(self._scribe, address, order, local=("127.0.0.1", port))
            if order is Order.RESET:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                self._close_end(end, cookie, Did.RESET)
                return
            if order is Order.SERVER_FIRST:
                end.recv(1)
            self._close_end(end, cookie)


def free_ports(number: int) -> list[int]:
    """Local ports for lanes."""
    with ExitStack() as held:
        ends = [held.enter_context(socket.socket()) for _ in range(number)]
        for end in ends:
            end.bind(("127.0.0.1", 0))
        return [end.getsockname()[1] for end in ends]
