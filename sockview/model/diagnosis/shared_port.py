"""The rule ``shared-port``: different programs listen on one port, and chance or the address decides who answers.

Workers of one program that share a port (SO_REUSEPORT, inherited sockets) are as they should be, and so are
programs on different addresses that no name has in common, such as two resolvers on 127.0.0.53 and 192.168.122.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from operator import attrgetter
from typing import Final, NamedTuple

from sockview.model.attribution import covers
from sockview.model.diagnosis.gather import count_by, gather
from sockview.model.diagnosis.ranked import Found, Ranked
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import listing, name_text
from sockview.model.finding import Finding
from sockview.model.grouping import process_key
from sockview.model.inet_socket import InetSocket, endpoint_text, is_loopback, is_wildcard
from sockview.model.owner import Process
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import LISTEN
from sockview.model.thresholds import Thresholds

KIND: Final = "shared-port"

#: Ports looked at between two yields: about 2 ms.
_STEP: Final = 500
#: What a worker adds to the name of its program: ``gunicorn: worker``, ``queue-3``.
_OWN_ENDING: Final = re.compile(r"[:\[(/ ].*|[-_.#]?[0-9]+$")


_local_port: Final = attrgetter("local_port")
_cookie: Final = attrgetter("cookie")


class _Listener(NamedTuple):
    socket: InetSocket
    processes: tuple[Process, ...]
    programs: frozenset[str]
    certain: bool


def shared_ports(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each port that programs dispute. Without the kernel's cookies none: copies of one descriptor then
    look like several sockets.
    """
    del thresholds
    listeners = [s for s in suspects.of(LISTEN) if s.cookie > 0]
    counts = yield from count_by(listeners, _local_port)
    shared = sorted([port for port, number in counts.items() if number > 1])
    ports = yield from gather(listeners, _local_port, shared)
    found: list[Ranked] = []
    for number, sockets in enumerate(ports.values(), 1):
        found += _dispute(table, sorted(sockets, key=_cookie))
        if number % _STEP == 0:
            yield
    return found


def program_of(process: Process) -> str:
    """The name without what tells one worker from another."""
    return _OWN_ENDING.sub("", process.name) or process.name


def _dispute(table: SocketTable, sockets: Sequence[InetSocket]) -> Iterator[Ranked]:
    """The first pair of different programs that is asked under one name."""
    alike: dict[tuple[bytes, frozenset[str]], _Listener] = {}
    for s in sockets:
        claims = table.claims(s)
        processes = tuple(claim.process for claim in claims)
        programs = frozenset(program_of(process) for process in processes)
        if programs:
            certain = all(claim.certain and not claim.exited for claim in claims)
            alike.setdefault((s.local_address, programs), _Listener(s, processes, programs, certain))
    for one, other in combinations(alike.values(), 2):
        if one.programs.isdisjoint(other.programs) and _asked_alike(one.socket, other.socket):
            yield _ranked(one, other, list(alike.values()))
            return


def _asked_alike(one: InetSocket, other: InetSocket) -> bool:
    """Whether a client may mean the one and reach the other: the address of one lies within the other's, or both are
    of the same kind in two address families, such as 127.0.0.1 and ::1, which are both ``localhost``.
    """
    first, second = one.local_address, other.local_address
    if covers(one, second) or covers(other, first):
        return True
    return len(first) != len(second) and (
        (is_wildcard(first) and is_wildcard(second)) or (_is_localhost(first) and _is_localhost(second))
    )


def _is_localhost(address: bytes) -> bool:
    return address == b"\x7f\0\0\x01" or (len(address) == 16 and is_loopback(address))


def _ranked(one: _Listener, other: _Listener, listeners: Sequence[_Listener]) -> Ranked:
    port = one.socket.local_port
    same = one.socket.local_address == other.socket.local_address
    holders = [f"{_end(listener)} is {name_text(listener.processes[0])}" for listener in listeners]
    effect = (
        "The kernel spreads new connections over both (SO_REUSEPORT): a part of the clients reaches the other program."
        if same
        else "Who answers depends on the address, and on which one a name such as localhost gives first."
    )
    finding = Finding(
        kind=KIND,
        urgency="warning" if same else "notice",
        title=(
            f"{name_text(one.processes[0])} and {name_text(other.processes[0])} both listen on port {port}"
            f"{'' if same else f', {_address(one)} and {_address(other)}'}"
        ),
        facts=(f"{listing(holders, 8)}.", effect),
        remedies=(
            "If one of them was left over from an earlier start, end it; else give one another port.",
            "If both are meant: let the clients use the address, not a name.",
        ),
        state=LISTEN,
        filter=f"listen lport:{port}",
        group=process_key(one.processes[0]),
        pid=one.processes[0].pid,
        certain=one.certain,
    )
    return Ranked(finding, len(listeners))


def _end(listener: _Listener) -> str:
    return endpoint_text(listener.socket.local_address, listener.socket.local_port)


def _address(listener: _Listener) -> str:
    return _end(listener).rpartition(":")[0]
