"""Which source of sockets and processes to use: the one place that chooses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sockview.collect import netlink
from sockview.collect.native import NativeSource
from sockview.model.sources import ProcessSource, SocketSource
from sockview.model.trace import TURNED_OFF
from sockview.settings import SourceKind

if TYPE_CHECKING:
    from sockview.collect.open_trace import Tracer


def open_source(
    kind: SourceKind, proc: str = "/proc", trace: bool | None = None, *, findings: bool = True
) -> SocketSource:
    """The source of the socket table.

    `trace`: listen to who closes sockets, where the kernel permits it; False says in the snapshot that
    it is turned off. None is for a single look, which has no use for it. `findings`: nobody looks for what
    is wrong in that one where it is False, and what only this needs is not asked for.

    ``auto`` is sock_diag where it answers, else psutil with a warning that tells why. ``netlink``
    insists on sock_diag and raises CollectError where it does not answer; ``psutil`` insists on psutil.
    """
    if kind == "psutil":
        return _portable(proc)
    try:
        netlink.probe()
    except netlink.DumpError as error:
        if kind == "netlink":
            raise
        return _portable(proc, f"psutil is used instead of sock_diag: {error.reason}.")
    return NativeSource(proc, None if trace is None else _tracer(proc, trace), findings=findings)


def _tracer(proc: str, wanted: bool) -> Tracer:
    from sockview.collect.open_trace import NotTracing, open_trace

    return open_trace(proc, onlooker=os.getpid()) if wanted else NotTracing(TURNED_OFF)


def open_processes(proc: str = "/proc") -> ProcessSource:
    """The source of the details about one process."""
    from sockview.collect.processes import ProcessReader

    return ProcessReader(proc)


def _portable(proc: str, *warnings: str) -> SocketSource:
    # psutil is imported where it is used: it would delay the first snapshot of every start by some 20 ms.
    from sockview.collect.portable import PortableSource

    return PortableSource(proc, warnings=warnings)
