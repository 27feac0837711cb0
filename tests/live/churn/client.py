"""Processes of the crowd that open connections and live long."""

from __future__ import annotations

import ctypes
import random
import socket
import threading
import time
from typing import Final, NamedTuple

from tests.live.churn.events import Did, Scribe, cookie_of
from tests.live.churn.orders import BY_LETTER, COOKIE_BYTES, Order
from tests.live.churn.worker import Signal, Worker

#: Seconds that a connection over loopback may take: the crowd may be many, and the machine busy.
PATIENCE: Final = 10.0
_PR_SET_NAME: Final = 15  # linux/prctl.h


class Address(NamedTuple):
    """Where a server is reached."""

    family: int
    host: str
    port: int


def connect(
    scribe: Scribe, address: Address, order: Order, local: tuple[str, int] | None = None
) -> tuple[socket.socket, int]:
    """A connection whose server knows its order, and its cookie. `local` is bound even if it was used just now.

    Raises OSError when that end can't be had.
    """
    end = socket.socket(address.family)
    try:
        end.settimeout(PATIENCE)
        if local is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            end.bind(local)
        cookie = cookie_of(end)
        began = time.monotonic()
        end.connect((address.host, address.port))
    except OSError:
        end.close()
        raise
    end.settimeout(None)
    scribe.note(Did.CONNECT, began, cookie, f"{end.getsockname()[:2]} {end.getpeername()[:2]}")
    end.sendall(cookie.to_bytes(COOKIE_BYTES) + order.letter)
    return end, cookie


class Client(Worker):
    """Opens a connection every few milliseconds until it is told to rest; what it has begun it ends."""

    def __init__(self, scribe: Scribe, stop: Signal, seed: int, addresses: list[Address], rest: Signal) -> None:
        super().__init__(scribe, stop, seed)
        self._addresses = addresses
        self._rest = rest
        self._leaks = 8
        self._open()

    def _open(self) -> None:
        if self._rest.given:
            return
        order = self.random.choice(list(BY_LETTER.values()))
        if order is not Order.LEAK or self._leaks:
            self._leaks -= order is Order.LEAK
            end, cookie = connect(self.scribe, self.random.choice(self._addresses), order)
            self.held[cookie] = end
            self.follow(cookie, order.client)
        self.later(self.random.uniform(0.01, 0.06), self._open)


def live_in_threads(scribe: Scribe, stop: Signal, seed: int, addresses: list[Address], rest: Signal) -> None:
    """Threads with names of their own open and close: the process is what holds."""

    def work(number: int) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_NAME, f"thread-{number}".encode(), 0, 0, 0)
        chance = random.Random(seed + number)
        while not rest.given:
            order = chance.choice((Order.CLIENT_FIRST, Order.SERVER_FIRST))
            end, cookie = connect(scribe, chance.choice(addresses), order)
            if order is Order.SERVER_FIRST:
                end.recv(1)
            began = time.monotonic()
            end.close()
            scribe.note(Did.CLOSE, began, cookie)
            time.sleep(chance.uniform(0.02, 0.1))

    for number in range(3):
        threading.Thread(target=work, args=(number,)).start()
    Worker(scribe, stop, seed).run()
