"""The socket table from psutil, for systems without sock_diag (macOS, the BSDs, a sandbox).

psutil tells less than the kernel: it has no cookies and no inodes, so stand-ins are made (negative
numbers), which hold as long as the addresses and the first holder stay the same. A socket that loses
its holder gets another stand-in: nothing that was known of the one may be claimed of the other.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psutil

from sockview.collect.limits import read_limits
from sockview.collect.portable_rows import Row, merged, row_of, socket_of
from sockview.collect.privilege import may_see_everything
from sockview.collect.processes import identify
from sockview.collect.users import UserNames
from sockview.errors import CollectError
from sockview.model.clean_text import clean
from sockview.model.inet_socket import InetSocket
from sockview.model.limits import Limits
from sockview.model.owner import Holder, Process
from sockview.model.snapshot import Snapshot

NOTICE: Final = (
    "The sockets come from psutil: queues and timers are not known, a socket with several holders may show one, "
    "its user is that of its process, and a TIME_WAIT socket cannot keep its process."
)
_PROCESSES_A_STEP: Final = 20
_ROWS_A_STEP: Final = 200


@dataclass(slots=True)
class _Table:
    rows: list[Row] = field(default_factory=list)
    unreadable: int = 0
    """Processes whose sockets this user may not see as theirs."""


class PortableSource:
    """A `SocketSource` over psutil, which reads its table in one go: the first step is a long one."""

    def __init__(
        self,
        proc: str = "/proc",
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self._proc = proc
        self._clock = clock
        self._wall_clock = wall_clock
        self._warnings = (*warnings, NOTICE)
        self._users = UserNames(clock)

    def drain(self) -> bool:
        """See SocketSource: psutil reports nothing by itself."""
        return False

    def collect(self) -> Generator[None, None, Snapshot]:
        """One snapshot. Raises CollectError if psutil shows nothing at all."""
        taken_at, clock = self._wall_clock(), self._clock()
        privileged = may_see_everything(self._proc)
        table = yield from _read_table(privileged)
        dump_seconds = self._clock() - clock
        yield
        pids = {row.pid for row in table.rows if row.pid is not None}
        processes, uids = yield from self._identify(pids)
        sockets, holders = yield from _join(table, processes, uids)
        names = yield from self._users.names(sorted(set(uids.values())))
        limits, warnings = yield from self._read_limits()
        return Snapshot(
            taken_at=taken_at,
            clock=clock,
            dump_seconds=dump_seconds,
            host=clean(socket.gethostname(), 255),
            source="psutil",
            sockets=tuple(sockets.values()),
            holders=holders,
            users=names,
            unreadable=table.unreadable,
            warnings=(*self._warnings, *warnings),
            privileged=privileged,
            limits=limits,
        )

    def _read_limits(self) -> Generator[None, None, tuple[Limits, tuple[str, ...]]]:
        """Nothing where there is no /proc; a failure is a warning."""
        try:
            return (yield from read_limits(self._proc)), ()
        except OSError as error:
            return Limits(), (f"Kernel parameters could not be read ({os.strerror(error.errno or 0)}).",)

    def _identify(self, pids: Iterable[int]) -> Generator[None, None, tuple[dict[int, Process], dict[int, int]]]:
        """PID -> process, and PID -> effective user id, of those that are still there."""
        processes: dict[int, Process] = {}
        uids: dict[int, int] = {}
        for number, pid in enumerate(sorted(pids), 1):
            process = identify(pid, self._proc)
            if process is not None:
                processes[pid] = process
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # then without a user
                    uids[pid] = psutil.Process(pid).uids().effective
            if number % _PROCESSES_A_STEP == 0:
                yield
        return processes, uids


def _join(
    table: _Table, processes: dict[int, Process], uids: dict[int, int]
) -> Generator[None, None, tuple[dict[int, InetSocket], dict[int, tuple[Holder, ...]]]]:
    sockets: dict[int, InetSocket] = {}
    holders: dict[int, tuple[Holder, ...]] = {}
    for number, rows in enumerate(merged(table.rows), 1):
        first = rows[0]
        uid = None if first.pid is None else uids.get(first.pid)
        made = socket_of(first, uid, hidden=table.unreadable > 0)
        sockets[made.cookie] = made
        held = tuple(Holder(processes[row.pid], row.fd) for row in rows if row.pid is not None and row.pid in processes)
        if held:
            holders[made.inode] = held
        if number % _ROWS_A_STEP == 0:
            yield
    return sockets, holders


def _read_table(privileged: bool) -> Generator[None, None, _Table]:
    table = _Table()
    try:
        connections = psutil.net_connections(kind="inet")
    except psutil.AccessDenied:
        yield from _read_each_process(table)  # macOS shows the whole table to root only
        return table
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise CollectError(f"psutil cannot read the socket table ({reason}): run sockview with sudo.") from error
    yield
    for number, connection in enumerate(connections, 1):
        row = row_of(connection, connection.pid)
        if row is not None:
            table.rows.append(row)
        if number % _ROWS_A_STEP == 0:
            yield
    if not privileged:
        table.unreadable = yield from _count_unreadable()
    return table


def _read_each_process(table: _Table) -> Generator[None, None, None]:
    for number, pid in enumerate(psutil.pids(), 1):
        try:
            rows = [row_of(connection, pid) for connection in psutil.Process(pid).net_connections(kind="inet")]
            table.rows.extend(row for row in rows if row is not None)
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            table.unreadable += 1
        if number % _PROCESSES_A_STEP == 0:
            yield


def _count_unreadable() -> Generator[None, None, int]:
    unreadable = 0
    for number, pid in enumerate(psutil.pids(), 1):
        try:
            psutil.Process(pid).num_fds()
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            unreadable += 1
        if number % _PROCESSES_A_STEP == 0:
            yield
    return unreadable
