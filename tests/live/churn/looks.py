"""What a watcher writes down: every refresh, with what sockview said of each socket of the crowd."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sockview.model.owner import Evidence, NoOwner, Process
from sockview.model.query import Age


class Named(NamedTuple):
    """A process that sockview named as an owner."""

    process: Process
    evidence: Evidence
    exited: bool


class Row(NamedTuple):
    """What sockview said of one socket."""

    cookie: int
    state: int
    ends: str
    owners: tuple[Named, ...]
    no_owner: NoOwner | None
    candidates: tuple[Process, ...]
    age: Age | None


class Look(NamedTuple):
    """One refresh. Times are of time.monotonic()."""

    began: float
    clock: float
    dumped: float
    """The end of the look at the sockets."""
    ended: float
    lost: int
    """Reports of the kernel that were lost until then."""
    rows: tuple[Row, ...]


def read_looks(path: Path) -> Iterator[Look]:
    with path.open("rb") as file, suppress(EOFError):
        while True:
            look: Look = pickle.load(file)
            yield look
