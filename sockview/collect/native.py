"""The Linux source: the socket table from sock_diag, the holders from /proc, the names of the users."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Final, TypeVar

from sockview.collect.holders import Holders, find_holders
from sockview.collect.netlink import Dump, DumpError, dump_name, dump_sockets, open_netlink
from sockview.collect.past_holders import PastHolders
from sockview.collect.privilege import may_see_everything
from sockview.collect.users import UserNames
from sockview.errors import CollectError
from sockview.model.clean_text import clean
from sockview.model.inet_socket import TCP, UDP, InetSocket
from sockview.model.snapshot import Snapshot

#: (family, protocol) in the order in which they are read.
DUMPS: Final = ((4, TCP), (6, TCP), (4, UDP), (6, UDP))
#: Sockets whose inodes and users are gathered in one step.
_SLICE: Final = 10_000

_inode_of = itemgetter(InetSocket._fields.index("inode"))
_uid_of = itemgetter(InetSocket._fields.index("uid"))
_Part = TypeVar("_Part")


@dataclass(slots=True)
class _Findings:
    """What one collection has found so far."""

    sockets: list[InetSocket] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    complete: bool = True


class NativeSource:
    """Reads sockets, then holders, then names, in steps of a few milliseconds.

    In this order a socket that appears in between is simply not in the snapshot, and one that was
    closed in between has no holder any more. A part that fails becomes a warning; only when no
    socket table can be had at all `collect` raises CollectError.
    """

    def __init__(
        self,
        proc: str = "/proc",
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        host: Callable[[], str] = socket.gethostname,
    ) -> None:
        self._proc = proc
        self._clock = clock
        self._wall_clock = wall_clock
        self._host = host
        self._users = UserNames(clock)
        self._past_holders = PastHolders(proc)

    def collect(self) -> Generator[None, None, Snapshot]:
        """One snapshot. `clock` and `taken_at` are the moment at which the dump began."""
        taken_at, clock = self._wall_clock(), self._clock()
        found = _Findings()
        yield from self._read_sockets(found)
        dump_seconds = self._clock() - clock
        inodes, uids = yield from _inodes_and_uids(found.sockets)
        walked = yield from self._guard("The processes", find_holders(self._proc, inodes), found)
        started = None
        if walked is not None:
            started = yield from self._guard("Earlier processes", self._past_holders.look(walked), found)
        names = yield from self._guard("User names", self._users.names(sorted(uids)), found)
        holders = walked or Holders()
        return Snapshot(
            taken_at=taken_at,
            clock=clock,
            dump_seconds=dump_seconds,
            host=self._host_name(found),
            source="sock_diag",
            sockets=tuple(found.sockets),
            holders=holders.by_inode,
            users=names or {},
            unreadable=holders.unreadable,
            owners_read=walked is not None,
            complete=found.complete,
            warnings=(*found.warnings, *holders.warnings),
            privileged=may_see_everything(self._proc),
            pids=holders.pids,
            started=started or {},
        )

    def _read_sockets(self, found: _Findings) -> Generator[None, None, None]:
        failures: list[DumpError] = []
        for family, protocol in DUMPS:
            try:
                # A socket for each dump: one whose dump broke off answers EBUSY from then on.
                with closing(open_netlink()) as channel:
                    dump = yield from dump_sockets(channel, family, protocol)
            except DumpError as error:
                failures.append(error)
                if not (family == 6 and error.errno == errno.ENOENT and not self._has_ipv6()):
                    found.warnings.append(str(error))
                    found.complete = False
                continue
            found.sockets.extend(dump.sockets.values())
            _say_incomplete(dump, family, protocol, found)
        if len(failures) == len(DUMPS):
            raise failures[0]

    def _has_ipv6(self) -> bool:
        return Path(self._proc, "net/if_inet6").exists()

    def _guard(
        self, what: str, reading: Generator[None, None, _Part], found: _Findings
    ) -> Generator[None, None, _Part | None]:
        """The result of a part that the snapshot can do without; None and a warning if it fails, however it fails."""
        try:
            return (yield from reading)
        except CollectError as error:
            found.warnings.append(str(error))
        except Exception as error:
            found.warnings.append(_failure(what, error))
        return None

    def _host_name(self, found: _Findings) -> str:
        try:
            return clean(self._host(), 255)
        except Exception as error:
            found.warnings.append(_failure("The host name", error))
            return ""


def _failure(what: str, error: Exception) -> str:
    return clean(f"{what} could not be read ({type(error).__name__}: {error}); the rest is shown.", 500)


def _say_incomplete(dump: Dump, family: int, protocol: int, found: _Findings) -> None:
    name = dump_name(family, protocol)
    if dump.interrupted:
        found.warnings.append(f"The table of {name} changed while it was read: rows may be missing.")
    if dump.damaged:
        found.warnings.append(f"{dump.damaged} messages about {name} could not be understood: rows are missing.")
    found.complete &= not (dump.interrupted or dump.damaged)


def _inodes_and_uids(sockets: list[InetSocket]) -> Generator[None, None, tuple[set[int], set[int]]]:
    """The inodes that somebody may hold, and the user ids, that occur."""
    inodes: set[int] = set()
    uids: set[int | None] = set()
    for start in range(0, len(sockets), _SLICE):
        part = sockets[start : start + _SLICE]
        inodes.update(map(_inode_of, part))
        uids.update(map(_uid_of, part))
        yield
    inodes.discard(0)
    return inodes, {uid for uid in uids if uid is not None}
