"""Which PIDs belong to some rows: what a copy takes."""

from __future__ import annotations

from collections.abc import Iterable

from sockview.model.arrangement import Arrangement
from sockview.model.attribution import Claim
from sockview.model.grouping import group_identity, process_key, remote_key
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import NoOwner
from sockview.model.query import Pids
from sockview.model.socket_table import SocketTable


class _Choice:
    """Certain and likely PIDs. A process that is known to have exited is never offered: its PID may be another's."""

    def __init__(self) -> None:
        self.certain: set[int] = set()
        self.likely: set[int] = set()
        self.ownerless = 0
        self.hidden = False

    def take(self, claims: Iterable[Claim]) -> None:
        for process, certain, exited in claims:
            if not exited:
                (self.certain if certain else self.likely).add(process.pid)

    def answer(self, serial: int) -> Pids:
        likely = tuple(sorted(self.likely - self.certain))
        return Pids(serial, tuple(sorted(self.certain)), likely, self.ownerless, self.hidden)


def pids_of_view(arrangement: Arrangement, serial: int) -> Pids:
    """Of every row of the view; a row counts as ownerless when nobody owns any socket of it."""
    table, choice = arrangement.table, _Choice()
    view, passing, holders = arrangement.shape[0], arrangement.passing.sockets, arrangement.passing.holders
    owned: set[object] = set()
    certain = {process for process in holders if process is not None}
    choice.certain = {process.pid for process in certain}
    if view == "process":
        owned.update(map(process_key, certain))
    elif view == "remote":
        owned.update({remote_key(s) for s, holder in zip(passing, holders, strict=True) if holder is not None})
    for s in [s for s, holder in zip(passing, holders, strict=True) if holder is None]:
        claims = table.claims(s)
        choice.take(claims)
        if claims and view == "remote":
            owned.add(remote_key(s))
        elif claims and view == "process":
            owned.update(process_key(claim.process) for claim in claims)
        elif not claims and view == "sockets":
            choice.ownerless += 1
        if not claims and table.hidden:
            choice.hidden = choice.hidden or table.reason(s) is NoOwner.HIDDEN
    if view != "sockets":
        choice.ownerless = len(arrangement.rows) - len(owned)
    return choice.answer(serial)


def pids_of_keys(arrangement: Arrangement, keys: Iterable[str], serial: int) -> Pids:
    """Of the rows with these keys, of sockets or of groups; rows that are gone count for nothing."""
    table, choice = arrangement.table, _Choice()
    groups = {row.identity: row for row in arrangement.rows if not isinstance(row, InetSocket)}
    for key in keys:
        s, group = socket_of_key(table, key), groups.get(group_identity(key))
        sockets = group.sockets if group is not None else () if s is None else (s,)
        claims = [claim for s in sockets for claim in table.claims(s)]
        if key.startswith("pid:"):  # its sockets may be held by others too, who are other rows
            claims = [claim for claim in claims if process_key(claim.process) == key]
        choice.ownerless += bool(sockets) and not claims
        if not claims and table.hidden:
            choice.hidden |= any(table.reason(s) is NoOwner.HIDDEN for s in sockets)
        choice.take(claims)
    return choice.answer(serial)


def socket_of_key(table: SocketTable, key: str) -> InetSocket | None:
    """The socket of a row key; None when it is gone or the key is none."""
    try:
        return table.by_cookie.get(int(key))
    except ValueError:
        return None
