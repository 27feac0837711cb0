"""Gathers sockets by process and by remote address, and counts them: what the two group views show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from typing import Final, Literal, TypeVar

from sockview.model import tcp_state
from sockview.model.attribution import Claim
from sockview.model.group import Group, OwnerGroup, RemoteGroup
from sockview.model.grouping import has_peer
from sockview.model.inet_socket import InetSocket, is_wildcard
from sockview.model.owner import NoOwner, Process
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts

#: Sockets gathered or counted between two yields: 3 ms where nobody holds them.
STEP: Final = 2500
#: Sockets for which a group counts, beside those that it has.
GROUP_COST: Final = 10
#: Trends looked up between two yields: each takes 20 µs or so.
TRENDS: Final = 250

_G = TypeVar("_G", bound=Group)


def group_steps(
    selection: Selection, by: Literal["process", "remote"]
) -> Generator[None, None, Sequence[OwnerGroup | RemoteGroup]]:
    """Group the sockets (those that the filter lets through), in steps of a few milliseconds."""
    if by == "process":
        return (yield from _by_owner_steps(selection))
    return (yield from _by_remote_steps(selection))


def _count_steps(groups: Iterable[_G], table: SocketTable) -> Generator[None, None, list[_G]]:
    """Count the sockets of each group."""
    counted: list[_G] = []
    work = 0
    for group in groups:
        counted.append(group)
        sockets = group.sockets
        for part in (sockets,) if len(sockets) <= STEP else parts(sockets, STEP):
            group.count(part, table)
            work += GROUP_COST + len(part)
            if work >= STEP:
                work = 0
                yield
    return counted


# ------------------------------------------------------------------ by remote
def _by_remote_steps(selection: Selection) -> Generator[None, None, Sequence[RemoteGroup]]:
    of_address: defaultdict[bytes, list[InetSocket]] = defaultdict(list)
    for part in parts(selection.sockets, STEP):
        for s in part:
            of_address[s.remote_address].append(s)
        yield
    alone: list[InetSocket] = []
    for address in [address for address in of_address if is_wildcard(address)]:  # nearly all LISTEN and UDP
        alone += [s for s in of_address[address] if not has_peer(s)]
        of_address[address] = [s for s in of_address[address] if has_peer(s)]
    of_address[b""] = alone
    yield
    groups = (RemoteGroup(address, of) for address, of in of_address.items() if of)
    return (yield from _count_steps(groups, selection.table))


# ------------------------------------------------------------------ by owner
class _Owners:
    """A socket with several owners counts for each of them, one without for its reason."""

    def __init__(self, table: SocketTable) -> None:
        self._table = table
        self.processes: dict[tuple[int, int], OwnerGroup] = {}
        self.reasons: dict[NoOwner, OwnerGroup] = {}

    def take(self, part: Selection) -> None:
        held: defaultdict[Process, list[InetSocket]] = defaultdict(list)
        for s, owners in zip(part.sockets, part.owners, strict=True):
            if isinstance(owners, Process):  # nearly every socket, and there are many
                held[owners].append(s)
            elif owners:
                self._take_claimed(s, owners)
            else:
                self._take_ownerless(s)
        for process, of in held.items():
            self._of(process, exited=False).sockets.extend(of)

    def _take_claimed(self, s: InetSocket, claims: Sequence[Claim]) -> None:
        for process, certain, exited in claims:
            group = self._of(process, exited)
            group.sockets.append(s)
            if not certain:
                group.likely += 1
                group.likely_states[s.state] = group.likely_states.get(s.state, 0) + 1

    def _take_ownerless(self, s: InetSocket) -> None:
        reason = self._table.reason(s)
        if reason not in self.reasons:
            self.reasons[reason] = OwnerGroup(reason)
        self.reasons[reason].sockets.append(s)

    def _of(self, process: Process, exited: bool) -> OwnerGroup:
        found = self.processes.get(process.identity)
        if found is None:
            found = self.processes[process.identity] = OwnerGroup(process, exited)
        return found


def _by_owner_steps(selection: Selection) -> Generator[None, None, Sequence[OwnerGroup]]:
    table = selection.table
    owners = _Owners(table)
    for part in selection.parts(STEP):
        owners.take(part)
        yield
    for group in owners.processes.values():
        group.user = _user_of(group.sockets, table)
    yield
    yield from _name_others_steps(owners, table, whole=len(selection) == len(table.snapshot.sockets))
    for number, (identity, group) in enumerate(owners.processes.items(), 1):
        group.trend = table.trend(identity, tcp_state.CLOSE_WAIT) or table.trend(identity, tcp_state.TIME_WAIT)
        if number % TRENDS == 0:
            yield
    return (yield from _count_steps((*owners.processes.values(), *owners.reasons.values()), table))


def _user_of(sockets: Iterable[InetSocket], table: SocketTable, listeners: bool = False) -> str:
    """The first that is known. A listening socket may have been opened by a parent of another user: asked last."""
    users = (table.user(s) for s in sockets if listeners or s.state != tcp_state.LISTEN)
    return next(filter(None, users), "")


def _name_others_steps(owners: _Owners, table: SocketTable, whole: bool) -> Generator[None, None, None]:
    """The users of processes of whose sockets no other is at hand than listening ones: all that they have are asked,
    those that the filter leaves out too.
    """
    nameless = {identity: group for identity, group in owners.processes.items() if not group.user}
    known: _Owners | None = None
    if nameless and not whole:
        known = _Owners(table)
        pids = {pid for pid, _started in nameless}
        for part in Selection(table, table.snapshot.sockets).parts(STEP):
            known.take(part.where([holder is None or holder.pid in pids for holder in part.holders]))
            yield
    for identity, group in nameless.items():
        of = group.sockets if known is None else known.processes[identity].sockets
        group.user = _user_of(of, table) or _user_of(of, table, listeners=True)
