"""Those that read the socket table once: sockview, ss(8), psutil, a bare dump as the floor; and what starting costs."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Final

import psutil

from sockview.collect.close_trace import CloseTrace
from sockview.collect.native import NativeSource
from sockview.collect.netlink import dump_times
from sockview.collect.open_trace import NotTracing, open_trace
from sockview.collect.tcp_info import TcpTimes
from sockview.model.snapshot import Snapshot
from sockview.model.steps import finish
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED
from tests.benchmarks.report import Line
from tests.benchmarks.timing import Cost, command, measure, without_garbage_collection

SS: Final = "ss -tanpH"
BARE: Final = "bare receive of the TCP dump"
COLD: Final = "cold collection with all owners"
ONCE: Final = "sockview --once --json"
EMPTY: Final = "python -c ''"

#: Of the time of ss.
COLD_LIMIT: Final = 0.4
ONCE_LIMIT: Final = 1.0
#: The limits are meant for so many sockets: with fewer, starting Python is most of it.
MANY: Final = 60_000
#: Seconds more than an empty Python.
START_LIMIT: Final = 0.1

has_ss: Final = shutil.which("ss") is not None


def table_lines(rounds: int, sockets: int) -> list[Line]:
    """Each way to read the table of the crowd that is there, in turns."""
    cold = ColdCollection()
    with without_garbage_collection():  # sockview --once does without it too
        costs = measure(contenders(cold), rounds, cold.tidy)
    cold.close()
    ss = costs.get(SS)
    lines = []
    for name, cost in costs.items():
        limit = {COLD: COLD_LIMIT, ONCE: ONCE_LIMIT}.get(name) if ss is not None and sockets >= MANY else None
        ratio = cost.wall / ss.wall if ss is not None and name != SS else None
        lines.append(Line(f"{name}, {sockets:,}", cost.wall, "ms", limit, ratio, "ss", f"cpu {cost.cpu * 1e3:.0f} ms"))
    return lines


def contenders(cold: ColdCollection) -> dict[str, Callable[[], object]]:
    """Name of each way to read the table, and how to do it once."""
    found: dict[str, Callable[[], object]] = {BARE: bare_receive}
    if has_ss:
        found[SS] = command(SS.split())
    # What sockview asks for besides the bare dump: the one for new sockets in the state, the other once a minute.
    found["tcp_info, CLOSE_WAIT alone"] = lambda: tcp_info(CLOSE_WAIT)
    found["tcp_info, ESTABLISHED alone"] = lambda: tcp_info(ESTABLISHED)
    found["psutil net_connections"] = lambda: psutil.net_connections("tcp")
    found[COLD] = cold.run
    found[ONCE] = command([sys.executable, "-m", "sockview", "--once", "--json"])
    return found


def start_lines(rounds: int) -> list[Line]:
    """What it costs to start at all."""
    costs = measure(starts(), rounds)
    empty = costs.pop(EMPTY)
    return [
        Line(EMPTY, empty.wall, "ms"),
        *(Line(f"{name}, more than {EMPTY}", _more(cost, empty), "ms", START_LIMIT) for name, cost in costs.items()),
    ]


def starts() -> dict[str, Callable[[], object]]:
    """The shortest programs."""
    return {
        EMPTY: command([sys.executable, "-c", ""]),
        "sockview --version": command([sys.executable, "-m", "sockview", "--version"]),
        "sockview --help": command([sys.executable, "-m", "sockview", "--help"]),
    }


def _more(cost: Cost, than: Cost) -> float:
    return cost.wall - than.wall


class ColdCollection:
    """As the live screen does it for its first rows: a new source, with an ear to the kernel where it may."""

    def __init__(self) -> None:
        self._trace: CloseTrace | NotTracing | None = None
        self._found: Snapshot | None = None

    def run(self) -> None:
        """Once; what was found stays there, to end that is no part of it."""
        assert self._trace is not None
        self._found = finish(NativeSource(trace=self._trace).collect())

    def tidy(self) -> None:
        """Before each run: all is new."""
        self._found = None
        if self._trace is not None:
            self._trace.close()
        gc.collect()
        self._trace = open_trace(onlooker=os.getpid())

    def close(self) -> None:
        """Nobody listens any more."""
        if self._trace is not None:
            self._trace.close()


def tcp_info(state: int) -> int:
    """Ask for the tcp_info of all TCP sockets in one state and take the times out of it: how many there were."""
    total = 0

    def take(times: Sequence[TcpTimes]) -> None:
        nonlocal total
        total += len(times)

    finish(dump_times((4, 6), state, take))
    return total


def bare_receive() -> int:
    """Receive the dump of all TCP sockets and do nothing with it: the bytes received.

    One SOCK_DIAG_BY_FAMILY request a family (sock_diag(7)), until NLMSG_DONE.
    """
    total = 0
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:
        for family in (socket.AF_INET, socket.AF_INET6):
            request = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
            netlink.send(struct.pack("=IHHII", 16 + len(request), 20, 0x301, 1, 0) + request)
            while True:
                chunk = netlink.recv(1 << 18)
                total += len(chunk)
                if struct.unpack_from("=H", chunk, 4)[0] in (2, 3):  # NLMSG_ERROR, NLMSG_DONE
                    break
    return total
