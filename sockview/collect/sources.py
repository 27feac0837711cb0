"""Which source of sockets and processes to use: the one place that chooses."""

from __future__ import annotations

from sockview.collect import netlink
from sockview.collect.native import NativeSource
from sockview.model.sources import ProcessSource, SocketSource
from sockview.settings import SourceKind


def open_source(kind: SourceKind, proc: str = "/proc") -> SocketSource:
    """The source of the socket table.

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
    return NativeSource(proc)


def open_processes(proc: str = "/proc") -> ProcessSource:
    """The source of the details about one process."""
    from sockview.collect.processes import ProcessReader

    return ProcessReader(proc)


def _portable(proc: str, *warnings: str) -> SocketSource:
    # psutil is imported where it is used: it would delay the first snapshot of every start by some 20 ms.
    from sockview.collect.portable import PortableSource

    return PortableSource(proc, warnings=warnings)
