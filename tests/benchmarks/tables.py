"""The contenders that read the socket table: sockview, ss(8), psutil, and a bare dump as the floor."""

from __future__ import annotations

import shutil
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Final

import psutil

from sockview.collect.netlink import dump_times
from sockview.collect.sources import open_source
from sockview.collect.tcp_info import TcpTimes
from sockview.model.observation import Observation
from sockview.model.snapshot import Snapshot
from sockview.model.sources import SocketSource
from sockview.model.steps import finish
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED
from tests.benchmarks.timing import command

SS: Final = "ss -tanpH"
BARE: Final = "bare receive of the TCP dump"


def contenders() -> dict[str, Callable[[], object]]:
    """Name of each way to read the table, and how to do it once."""
    steady_source = open_source("auto")
    observed_source, observation = open_source("auto"), Observation()
    found: dict[str, Callable[[], object]] = {BARE: bare_receive}
    if shutil.which("ss"):
        found[SS] = command(SS.split())
    if sys.platform == "linux":
        # What sockview asks for besides the bare dump: the one for new sockets in the state, the other once a minute.
        found["tcp_info, CLOSE_WAIT alone"] = lambda: tcp_info(CLOSE_WAIT)
        found["tcp_info, ESTABLISHED alone"] = lambda: tcp_info(ESTABLISHED)
    found["psutil net_connections"] = lambda: psutil.net_connections("tcp")
    found["sockview: collect, owners, cold"] = lambda: _collect(open_source("auto"))
    found["sockview: collect, owners, again"] = lambda: _collect(steady_source)
    found["sockview: collect, owners, join"] = lambda: finish(observation.add(_collect(observed_source)))
    found["sockview --once --json"] = command([sys.executable, "-m", "sockview", "--once", "--json"])
    return found


def starts() -> dict[str, Callable[[], object]]:
    """What it costs to start at all."""
    return {
        "python -c ''": command([sys.executable, "-c", ""]),
        "sockview --version": command([sys.executable, "-m", "sockview", "--version"]),
        "sockview --help": command([sys.executable, "-m", "sockview", "--help"]),
    }


def _collect(source: SocketSource) -> Snapshot:
    return finish(source.collect())


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
