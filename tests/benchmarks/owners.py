"""Whether the owners in a table are those that ss(8) shows at the same moment."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass

from sockview.model.inet_socket import TCP, InetSocket, endpoint_text
from sockview.model.owner import Evidence
from sockview.model.socket_table import SocketTable
from tests.benchmarks.contenders import SS
from tests.benchmarks.phases import SteadyReader

Ends = tuple[str, str]
"""Local and remote end as text."""
Descriptors = frozenset[tuple[int, int]]
"""(PID, descriptor) of all who hold a socket."""

_USER = re.compile(r"pid=(\d+),fd=(\d+)")


@dataclass(frozen=True, slots=True)
class OwnerCheck:
    """What a comparison found."""

    compared: int
    """Sockets that were the same, with the same owners, before the first of two refreshes and after the second."""
    late: list[str]
    """Those of them that the first refresh does not have, or with other owners: which, and what either shows."""
    stale: list[str]
    """The same of the second refresh: what it shows is older than one refresh."""


def check_owners(reader: SteadyReader, pause: float = 0.0) -> OwnerCheck:
    """Two refreshes with a pause in between, and around them two looks of ss; what both of those show alike, the
    tables must show too.
    """
    before = parse_ss(_ask_ss())
    reader.refresh()
    first = shown_owners(reader.table)
    reader.rest_until(time.monotonic() + pause)
    reader.refresh()
    second = shown_owners(reader.table)
    after = parse_ss(_ask_ss())
    still = {ends: holders for ends, holders in before.items() if after.get(ends) == holders}
    return OwnerCheck(len(still), _different(still, first), _different(still, second))


def _different(wanted: dict[Ends, Descriptors], shown: dict[Ends, Descriptors]) -> list[str]:
    return [
        f"{local} {remote}: ss {sorted(holders)}, here {_sorted(shown.get((local, remote)))}"
        for (local, remote), holders in wanted.items()
        if shown.get((local, remote)) != holders
    ]


def _sorted(holders: Descriptors | None) -> list[tuple[int, int]] | str:
    return "no such socket" if holders is None else sorted(holders)


def shown_owners(table: SocketTable) -> dict[Ends, Descriptors]:
    """Who holds each TCP over IPv4 socket of a table."""
    return {
        (endpoint_text(s.local_address, s.local_port), endpoint_text(s.remote_address, s.remote_port)): _held(table, s)
        for s in table.snapshot.sockets
        if s.protocol == TCP and s.family == 4
    }


def _held(table: SocketTable, s: InetSocket) -> Descriptors:
    owners = table.attribution(s).owners
    return frozenset((o.process.pid, o.fd) for o in owners if o.evidence is Evidence.FD)


def parse_ss(text: str) -> dict[Ends, Descriptors]:
    """Who holds each TCP over IPv4 socket, as ``ss -tanpH`` writes it.

    It looks at the processes first: those that are opened meanwhile it shows without any. So none counts where nobody
    can hold it alone, in TIME_WAIT.
    """
    found: dict[Ends, Descriptors] = {}
    for line in text.splitlines():
        state, _recv_q, _send_q, local, remote, *users = line.split(None, 5)
        holders = frozenset((int(pid), int(fd)) for pid, fd in _USER.findall(users[0] if users else ""))
        if "[" not in local and "*" not in local and (holders or state == "TIME-WAIT"):
            found[local, remote] = holders
    return found


def _ask_ss() -> str:
    return subprocess.run(SS.split(), stdout=subprocess.PIPE, text=True, check=True).stdout
