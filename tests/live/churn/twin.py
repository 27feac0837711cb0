"""A twin of a server and its clients in a network namespace of its own: other sockets between the very same ends.

As two containers have them. Its sockets are in no table but that of its namespace, and must be taken for no other.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import time
from functools import partial
from typing import Final

from tests.live.churn.brief import Launcher
from tests.live.churn.client import Address
from tests.live.churn.events import Did, Scribe, cookie_of
from tests.live.churn.server import serve
from tests.live.churn.worker import Signal, fork

_CLONE_NEWNET: Final = 0x40000000  # linux/sched.h
_SIOCSIFFLAGS: Final = 0x8914  # linux/sockios.h
_IFF_UP: Final = 1  # linux/if.h


def live_as_twin(
    scribe: Scribe, stop: Signal, seed: int, address: Address, lanes: list[int], rest: Signal, heir: socket.socket
) -> None:
    """Serve at this address and use these lanes, elsewhere. Needs `may_leave_network`."""
    _leave_network()
    began = time.monotonic()
    listener = socket.socket(address.family)
    listener.bind((address.host, address.port))
    listener.listen()
    scribe.note(Did.LISTEN, began, cookie_of(listener))
    fork(scribe, "twin-server", partial(serve, scribe, stop, seed, listener, heir, time.monotonic()))
    began, cookie = time.monotonic(), cookie_of(listener)
    listener.close()
    scribe.note(Did.CLOSE, began, cookie)
    Launcher(scribe, seed, [address], rest, "twin").run_lanes(lanes)


def _leave_network() -> None:
    """Into a new network namespace with nothing but loopback."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        fcntl.ioctl(channel, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))
