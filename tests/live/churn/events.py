"""What a process of the crowd writes down: one line for each thing that it did, before and after.

Times are of time.monotonic(), the clock of `Snapshot.clock` and the same in every process. A thing
happened at some moment between `began` and `ended`.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

#: asm-generic/socket.h: the kernel's 64-bit name of a socket, the identity of a row.
_SO_COOKIE: Final = 57


class Did(StrEnum):
    """What was done."""

    BE = "be"
    """The process has the name `detail`."""
    CONNECT = "connect"
    ACCEPT = "accept"
    LISTEN = "listen"
    HOLD = "hold"
    """Got the descriptor by fork or over a unix socket."""
    MEET = "meet"
    """`detail` is the cookie of the other end."""
    SHUT = "shut"
    """shutdown(SHUT_WR)."""
    CLOSE = "close"
    RESET = "reset"
    """close() that sends a reset instead of a FIN (SO_LINGER with 0 seconds, socket(7))."""
    EXIT = "exit"
    """Goes to exit, or to execute another program that only exits: `detail` is the program's name."""
    GONE = "gone"
    """Its parent found it a zombie: by then the kernel has closed everything of it."""
    REAPED = "reaped"
    """Its parent has taken the zombie away: its PID is free."""


Identity = tuple[int, int]
"""(PID, start in clock ticks), as `Process.identity`."""


class Event(NamedTuple):
    did: Did
    began: float
    ended: float
    who: Identity
    cookie: int
    """0 where no socket is meant."""
    detail: str


class Scribe:
    """Writes events of the process that it is used in."""

    def __init__(self, log: int) -> None:
        """`log` is a descriptor opened with O_APPEND: whole lines, whoever writes."""
        self._log = log
        self.who = identity(os.getpid())

    def be(self, name: str) -> None:
        """After a fork: take a name of its own; until now it had that of its parent."""
        began, comm = time.monotonic(), Path("/proc/self/comm")
        self.who = identity(os.getpid())
        self.note(Did.BE, 0.0, detail=comm.read_text().rstrip("\n"))
        comm.write_text(name)
        self.note(Did.BE, began, detail=name)

    def note(self, did: Did, began: float, cookie: int = 0, detail: str = "", who: Identity | None = None) -> None:
        event = Event(did, began, time.monotonic(), who or self.who, cookie, detail)
        os.write(self._log, (json.dumps(event) + "\n").encode())


def identity(pid: int) -> Identity:
    """Also of a zombie."""
    stat = Path(f"/proc/{pid}/stat").read_bytes()
    return pid, int(stat[stat.rindex(b")") + 2 :].split()[19])


def cookie_of(end: socket.socket) -> int:
    found: int = struct.unpack("Q", end.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8))[0]
    return found


def read_events(path: Path) -> Iterator[Event]:
    for line in path.read_text().splitlines():
        did, began, ended, (pid, started), cookie, detail = json.loads(line)
        yield Event(Did(did), began, ended, (pid, started), cookie, detail)
