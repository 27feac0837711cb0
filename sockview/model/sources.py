"""What the reader asks of a collector."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from sockview.model.snapshot import Snapshot


class SocketSource(Protocol):
    """Reads the socket table. One collection at a time."""

    def collect(self) -> Generator[None, None, Snapshot]:
        """Collect in steps of a few milliseconds, yielding after each; the snapshot is returned.

        Raises CollectError when no socket table can be had at all; anything less is a warning in
        the snapshot.
        """
        ...

    def drain(self) -> bool:
        """Take in what the kernel reports between collections, before its buffers are full.

        To be called several times a second. False: there is nothing of the kind.
        """
        ...


@dataclass(frozen=True, slots=True)
class ProcessDetail:
    """What the process pane tells about one process. None: could not be read."""

    pid: int
    name: str
    command: str
    user: str | None
    parents: tuple[str, ...]
    """``"1234 gunicorn"``: parent first, then its parent, up to PID 1."""
    started_at: float | None
    """Seconds since the epoch."""
    cpu_percent: float | None
    """Of one core, since the last look; None at the first look."""
    memory_bytes: int | None
    """Resident set."""
    threads: int | None
    descriptors: int | None
    descriptor_limit: int | None
    """Soft RLIMIT_NOFILE; None: not readable."""
    cwd: str | None
    problem: str | None = None
    """A sentence when the process has gone or may not be read."""


class ProcessSource(Protocol):
    """Reads one process for the pane."""

    def read(self, pid: int, started: int) -> ProcessDetail:
        """Never raises for a vanished or forbidden process: `problem` says so.

        `started` is Process.started; a process of that PID with another start is another process.
        """
        ...
