"""Watches the crowd as the reader does, with the real source and the real memory, and writes down what it says.

    with watching("traced", ports, path) as watching:
        watching.wait_for(10)   # looks
    ...                         # they are in `path`

A process of its own, so that one that traces, one that does not and one without rights can watch the same crowd.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Literal

from sockview.collect.native import NativeSource
from sockview.collect.open_trace import open_trace
from sockview.model.inet_socket import TCP, InetSocket, endpoint_text
from sockview.model.observation import Observation
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from tests.live.churn.looks import Look, Named, Row
from tests.live.socket_makers import become, die_with_parent

Kind = Literal["traced", "lossy", "untraced", "nobody"]
"""`lossy` traces with little room and takes the kernel's reports too late; `nobody` has no rights."""

NOBODY: Final = 65534
#: Seconds between two looks, and between two of them in which the kernel's reports are taken.
_INTERVAL: Final = 0.2
_DRAIN: Final = 0.02
_ROOT: Final = Path(__file__).parents[3]


class Watching:
    """A running watcher, seen from the test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.why_not: str = json.loads(self._line())
        """Why nothing is traced; empty while it is, and where it is not meant to be."""

    def wait_for(self, looks: int) -> None:
        """Until it has looked so many times."""
        for _ in range(looks):
            self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the watcher ended early (exit code {self._process.wait()})")
        return line


@contextmanager
def watching(kind: Kind, ports: tuple[int, ...], path: Path) -> Iterator[Watching]:
    """It looks from before the block begins until it ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.live.churn.watcher", json.dumps([kind, ports, str(path)])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield Watching(process)
    finally:
        process.stdin.close()
        failed = process.wait()
        process.stdout.close()
    if failed:
        raise RuntimeError(f"the watcher failed (exit code {failed})")


# ---------------------------------------------------------------- in the watcher
class _Watcher:
    def __init__(self, kind: Kind, ports: list[int], file: BinaryIO) -> None:
        self._kind = kind
        self._ports = frozenset(ports)
        self._file = file
        self._source = _open_source(kind)
        self._observation = Observation()
        self.look()  # imports what is imported late
        if kind == "nobody" and os.geteuid() == 0:
            become(NOBODY)
            self._source, self._observation = _open_source(kind), Observation()
        self.why_not = self.look().snapshot.trace.why_not

    def run(self) -> None:
        """Until the standard input ends, and one look more."""
        due = time.monotonic()
        while True:
            over = bool(select.select([sys.stdin], [], [], _DRAIN)[0])
            if self._kind != "lossy":
                self._source.drain()
            if over or time.monotonic() >= due:
                due = time.monotonic() + _INTERVAL
                self.look()
                print(flush=True)
            if over:
                return

    def look(self) -> SocketTable:
        began = time.monotonic()
        snapshot = finish(self._source.collect())
        ended = time.monotonic()
        table = finish(self._observation.add(snapshot))
        rows = [self._row(table, s) for s in snapshot.sockets if self._is_wanted(s)]
        dumped = snapshot.clock + snapshot.dump_seconds
        look = Look(began, snapshot.clock, dumped, ended, snapshot.trace.lost, tuple(rows))
        pickle.dump(look, self._file)
        return table

    def _is_wanted(self, s: InetSocket) -> bool:
        return s.protocol == TCP and (s.local_port in self._ports or s.remote_port in self._ports)

    @staticmethod
    def _row(table: SocketTable, s: InetSocket) -> Row:
        said = table.attribution(s)
        owners = tuple(Named(o.process, o.evidence, o.exited) for o in said.owners)
        ends = " ".join((endpoint_text(s.local_address, s.local_port), endpoint_text(s.remote_address, s.remote_port)))
        return Row(s.cookie, s.state, ends, owners, said.no_owner, said.candidates, table.age(s))


def _open_source(kind: Kind) -> NativeSource:
    match kind:
        case "traced":
            return NativeSource(trace=open_trace())
        case "lossy":
            return NativeSource(trace=open_trace(size=4 * os.sysconf("SC_PAGE_SIZE")))
        case _:
            return NativeSource()


def _main() -> None:
    kind, ports, path = json.loads(sys.argv[1])
    with Path(path).open("wb") as file:  # as long as the rights are there
        watcher = _Watcher(kind, ports, file)
        die_with_parent()
        print(json.dumps(watcher.why_not), flush=True)
        watcher.run()


if __name__ == "__main__":
    _main()
