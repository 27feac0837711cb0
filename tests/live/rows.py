"""Sockets as comparable rows, from sockview's sources and from ss(8), the referee.

Run as a script it becomes another user and prints what a source shows to that one:

    python -m tests.live.rows netlink '{"netid": "tcp", "ports": [8080, 51234]}' 65534
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, cast

from sockview.collect.sources import open_source
from sockview.model.inet_socket import InetSocket, fold_mapped
from sockview.model.query import Age
from sockview.model.snapshot import Snapshot
from sockview.model.tcp_state import parse_state
from sockview.settings import SourceKind
from tests.collect.steps import finish
from tests.live.socket_makers import Sockets, become


class RowSeen(NamedTuple):
    netid: str
    state: int
    local: tuple[str, int]
    """Address in hex, IPv4-mapped ones folded; port."""
    remote: tuple[str, int]
    holders: tuple[tuple[int, int], ...]
    """(pid, fd), sorted."""


class Extra(NamedTuple):
    """What only sock_diag and ``ss -e`` tell."""

    row: RowSeen
    inode: int
    cookie: int
    queues: tuple[int, int]


def from_snapshot(snapshot: Snapshot, made: Sockets) -> list[RowSeen]:
    """The rows of the sockets that a helper made, sorted."""
    return sorted(extra.row for extra in extras_from_snapshot(snapshot, made))


def extras_from_snapshot(snapshot: Snapshot, made: Sockets) -> list[Extra]:
    return sorted(_extra(s, snapshot) for s in snapshot.sockets if made.owns(s.netid, s.local_port, s.remote_port))


def _extra(s: InetSocket, snapshot: Snapshot) -> Extra:
    holders = tuple((h.process.pid, h.fd) for h in snapshot.holders.get(s.inode, ()))
    local, remote = (s.local_address.hex(), s.local_port), (s.remote_address.hex(), s.remote_port)
    return Extra(RowSeen(s.netid, s.state, local, remote, holders), s.inode, s.cookie, (s.recv_q or 0, s.send_q or 0))


def _end(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    address = address.strip("[]").partition("%")[0]
    if address == "*":  # a socket of both families that listens on any address
        packed = bytes(16)
    else:
        packed = fold_mapped(socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address))
    return packed.hex(), 0 if port == "*" else int(port)


def _number(pattern: str, text: str, base: int = 10) -> int:
    found = re.search(pattern, text)
    return int(found[1], base) if found else 0


def extras_from_ss(made: Sockets, *, user: int | None = None) -> list[Extra]:
    """What ``ss -tanpeH`` and ``ss -uanpeH`` show about the sockets that a helper made, sorted."""
    found = []
    for netid, options in (("tcp", "-tanpeH"), ("udp", "-uanpeH")):
        command = ["ss", options]
        shown = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        ).stdout
        for line in shown.splitlines():
            name, recv_q, send_q, local, remote, *rest = line.split(None, 5)
            more = rest[0] if rest else ""
            holders = sorted((int(pid), int(fd)) for pid, fd in re.findall(r"pid=(\d+),fd=(\d+)", more))
            state = 0 if netid == "udp" and name == "UNCONN" else parse_state(name)
            assert state is not None, line
            row = RowSeen(netid, state, _end(local), _end(remote), tuple(holders))
            cookie = _number(r"\bsk:([0-9a-f]+)", more, 16)
            if not made.owns(netid, row.local[1], row.remote[1]):
                continue
            found.append(Extra(row, _number(r"\bino:(\d+)", more), cookie, (int(recv_q), int(send_q))))
    return sorted(found)


def from_ss(made: Sockets, *, user: int | None = None) -> list[RowSeen]:
    return sorted(extra.row for extra in extras_from_ss(made, user=user))


class Seen(NamedTuple):
    """What another user sees."""

    rows: list[RowSeen]
    unreadable: int
    privileged: bool
    uids: list[int]
    ages: list[tuple[float, float | None]]
    """Seconds that each CLOSE_WAIT has been in its state, at least and at most."""


def seen_as(user: int, source: SourceKind, made: Sockets) -> Seen:
    """What a source of sockview shows to another user about the sockets that a helper made. Needs root."""
    which = json.dumps({"netid": made.netid, "ports": made.ports})
    command = [sys.executable, "-m", "tests.live.rows", source, which, str(user)]
    shown = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[2])
    answer: dict[str, Any] = json.loads(shown.stdout)
    rows = [
        RowSeen(netid, state, tuple(local), tuple(remote), tuple(tuple(holder) for holder in holders))
        for netid, state, local, remote, holders in answer["rows"]
    ]
    return Seen(rows, answer["unreadable"], answer["privileged"], answer["uids"], answer["ages"])


def told_age(snapshot: Snapshot, s: InetSocket) -> Age:
    """For how long a CLOSE_WAIT had been in its state when the look at the sockets ended, as the kernel tells."""
    end = snapshot.clock + snapshot.dump_seconds
    latest, earliest = snapshot.close_wait_times[s.cookie]
    return Age(max(0.0, end - latest), None if earliest is None else max(0.0, end - earliest))


def _main() -> None:
    kind, which, user = cast(SourceKind, sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
    finish(open_source(kind).collect())  # imports what is imported late
    become(user)
    snapshot = finish(open_source(kind).collect())[0]
    made = Sockets(which["netid"], tuple(which["ports"]))
    mine = [s for s in snapshot.sockets if made.owns(s.netid, s.local_port, s.remote_port)]
    uids = sorted({s.uid for s in mine if s.uid is not None})
    told = [told_age(snapshot, s) for s in mine if s.cookie in snapshot.close_wait_times]
    ages = [(age.at_least, age.at_most) for age in told]
    seen = Seen(from_snapshot(snapshot, made), snapshot.unreadable, snapshot.privileged, uids, ages)
    json.dump(seen._asdict(), sys.stdout)


if __name__ == "__main__":
    _main()
