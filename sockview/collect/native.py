"""The Linux source: the socket table from sock_diag, the holders from /proc, the names of the users."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, count
from typing import TYPE_CHECKING, Final, TypeVar

from sockview.collect.census import Census
from sockview.collect.close_wait_times import CloseWaitTimes
from sockview.collect.descriptors import Descriptors
from sockview.collect.holders import Holders, HolderWatch
from sockview.collect.known_sockets import KnownSockets
from sockview.collect.limits import read_limits
from sockview.collect.netlink import Dump, DumpError, dump_name, dump_sockets, open_netlink
from sockview.collect.past_holders import PastHolders
from sockview.collect.privilege import may_see_everything
from sockview.collect.silent_sockets import SilentSockets
from sockview.collect.socket_values import Decoder
from sockview.collect.users import UserNames
from sockview.errors import CollectError
from sockview.model.clean_text import clean
from sockview.model.inet_socket import TCP, UDP, InetSocket
from sockview.model.limits import DescriptorUse, Limits
from sockview.model.snapshot import Change, Snapshot
from sockview.model.trace import Trace

if TYPE_CHECKING:
    from sockview.collect.open_trace import Tracer

#: (family, protocol) in the order in which they are read.
DUMPS: Final = ((4, TCP), (6, TCP), (4, UDP), (6, UDP))

_Part = TypeVar("_Part")
_serials = count(1)


@dataclass(slots=True)
class _Findings:
    """What one collection has found so far."""

    sockets: Sequence[InetSocket] = ()
    gone: Sequence[InetSocket] = ()
    come: Sequence[InetSocket] = ()
    comparable: bool = True
    """Whether these two are right."""
    warnings: list[str] = field(default_factory=list)
    complete: bool = True
    close_wait_times: Mapping[int, tuple[float, float | None]] = field(default_factory=dict)
    silent: Mapping[int, float] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    descriptors: dict[tuple[int, int], DescriptorUse] = field(default_factory=dict)


class NativeSource:
    """Reads sockets, then holders, then names, in steps of a few milliseconds.

    In this order a socket that appears in between is simply not in the snapshot, and one that was
    closed in between has no holder any more. A part that fails becomes a warning; only when no
    socket table can be had at all `collect` raises CollectError.

    What it has found is kept: a collection costs what has changed since the one before. One that does not come to
    its end makes the next one begin anew.
    """

    def __init__(
        self,
        proc: str = "/proc",
        trace: Tracer | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        host: Callable[[], str] = socket.gethostname,
        findings: bool = True,
    ) -> None:
        """`trace`: what listens to the kernel, or tells why nothing does; None is for a single look.

        `findings`: False where nobody will look for what is wrong in the first snapshot.
        """
        self._proc = proc
        self._trace = trace
        self._clock = clock
        self._wall_clock = wall_clock
        self._host = host
        self._users = UserNames(clock)
        decoder = Decoder()
        self._known = {(family, protocol): KnownSockets(protocol, decoder) for family, protocol in DUMPS}
        self._since = 0
        """Serial of the snapshot that was made of what is kept; 0: nobody got it, or its holders are not known."""
        self._census = Census()
        self._holder_watch = HolderWatch(proc)
        self._past_holders = PastHolders(proc)
        self._descriptors = Descriptors(proc)
        self._close_wait_times = CloseWaitTimes(clock)
        # Those who look on can wait for it until the second look; their first rows should not.
        self._silent_sockets = SilentSockets(clock, at_once=trace is None and findings)

    def collect(self) -> Generator[None, None, Snapshot]:
        """One snapshot. `clock` and `taken_at` are the moment at which the dump began."""
        taken_at, clock = self._wall_clock(), self._clock()
        since, self._since = self._since, 0
        found = _Findings(comparable=since > 0)
        yield from self._read_sockets(found)
        end = self._clock()
        if not since:
            self._holder_watch = HolderWatch(self._proc)
        gone, come = yield from self._count(found)
        reading = self._close_wait_times.look(self._census.close_waits)
        found.close_wait_times = (yield from self._guard("The ages of CLOSE_WAIT", reading, found)) or {}
        holding = self._holder_watch.look(self._census.inodes, come, gone)
        walked = yield from self._guard("The processes", holding, found)
        # After the look at the sockets: whoever closed one that was seen has been reported by now.
        trace = self._take_trace(found)
        started = None
        if walked is not None:
            # One that was never seen to hold a socket is followed as well: its PID may be another's by now.
            traced = {report.process.pid for report in trace.transitions if report.process.started > 0}
            past = self._past_holders.look(walked, traced)
            started = yield from self._guard("Earlier processes", past, found)
        names = yield from self._guard("User names", self._users.names(sorted(self._census.uids)), found)
        holders = walked or Holders()
        change = self._change(since, walked, found)
        yield from self._read_around(holders, change, found)
        serial = next(_serials)
        if walked is not None:
            self._since = serial
        return Snapshot(
            taken_at=taken_at,
            clock=clock,
            dump_seconds=end - clock,
            host=self._host_name(found),
            source="sock_diag",
            sockets=found.sockets,
            holders=holders.by_inode,
            users=names or {},
            unreadable=holders.unreadable,
            owners_read=walked is not None,
            complete=found.complete,
            warnings=(*found.warnings, *holders.warnings),
            privileged=may_see_everything(self._proc),
            pids=holders.pids,
            started=started or {},
            limits=found.limits,
            close_wait_times=found.close_wait_times,
            silent=found.silent,
            descriptors=found.descriptors,
            trace=trace,
            serial=serial,
            change=change if found.complete else None,
        )

    def drain(self) -> bool:
        """See SocketSource."""
        if self._trace is not None:
            self._trace.drain()
        return self._trace is not None and self._trace.on

    def _read_sockets(self, found: _Findings) -> Generator[None, None, None]:
        failures: list[DumpError] = []
        for (family, protocol), known in self._known.items():
            try:
                # A socket for each dump: one whose dump broke off answers EBUSY from then on.
                with closing(open_netlink()) as channel:
                    dump = yield from dump_sockets(channel, family, protocol, known, clock=self._clock)
            except DumpError as error:
                known.forget()
                failures.append(error)
                if not (family == 6 and error.errno == errno.ENOENT and not self._has_ipv6()):
                    found.warnings.append(str(error))
                    found.complete = False
                continue
            _say_incomplete(dump, family, protocol, found)
        if len(failures) == len(DUMPS):
            raise failures[0]
        tables = self._known.values()
        found.sockets = tuple(chain.from_iterable(tables))
        found.gone = tuple(chain.from_iterable(known.gone for known in tables))
        found.come = tuple(chain.from_iterable(known.come for known in tables))
        found.comparable &= all(known.comparable for known in tables)
        for known in tables:
            known.gone, known.come = [], []

    def _count(self, found: _Findings) -> Generator[None, None, tuple[Collection[int], Collection[int]]]:
        """Bring the census up to these sockets. The inodes that have gone and come with that."""
        if found.comparable:
            return (yield from self._census.change(found.gone, found.come))
        before, self._census = set(self._census.inodes), Census()
        yield from self._census.start(found.sockets)
        return before - self._census.inodes, self._census.inodes - before

    def _change(self, since: int, walked: Holders | None, found: _Findings) -> Change | None:
        """In what the look differs from the one before; None where that is not known."""
        if walked is None or not found.comparable:
            return None
        inodes = walked.changed.difference([s.inode for s in found.gone], [s.inode for s in found.come])
        return Change(since, found.gone, found.come, self._census.of_inodes(inodes))

    def _read_around(self, holders: Holders, change: Change | None, found: _Findings) -> Generator[None, None, None]:
        """What findings need besides the sockets."""
        descriptors = self._descriptors.look(self._census.close_waits.values(), holders.by_inode)
        found.descriptors = (yield from self._guard("Numbers of descriptors", descriptors, found)) or {}
        found.limits = (yield from self._guard("Kernel parameters", read_limits(self._proc), found)) or Limits()
        silent = self._silent_sockets.look(found.sockets, change)
        found.silent = (yield from self._guard("Silent connections", silent, found)) or {}

    def _take_trace(self, found: _Findings) -> Trace:
        """What was reported until now."""
        if self._trace is None:
            return Trace()
        try:
            return self._trace.take()
        except Exception as error:
            found.warnings.append(_failure("The kernel's reports of closed sockets", error))
            return Trace(why_not="it failed")

    def _has_ipv6(self) -> bool:
        return os.path.exists(f"{self._proc}/net/if_inet6")

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
