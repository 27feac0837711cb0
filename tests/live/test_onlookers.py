"""One who reads ``/proc/PID/fd`` at the wrong moment is reported to have closed a socket, and is never its owner."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Final

import pytest

from sockview.collect.close_trace import CloseTrace
from sockview.collect.native import NativeSource
from sockview.collect.open_trace import NotTracing, open_trace
from sockview.model.observation import Observation
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from sockview.model.tcp_state import FIN_WAIT1
from tests.live.socket_makers import die_with_parent

#: Seconds to wait for such a moment.
PATIENCE: Final = 10.0
#: Seconds between two connections: some hundred a second leave the other tests their ports.
PAUSE: Final = 0.003


@contextmanager
def child(live: Callable[[], None]) -> Iterator[int]:
    """PID of a process that does this until the block ends."""
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            live()
        finally:
            os._exit(1)
    try:
        yield pid
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        connection.recv(1)
        connection.close()


def connect(port: int, descriptor: int) -> None:
    """One connection after the other, on the same descriptor."""
    while True:
        with socket.create_connection(("127.0.0.1", port)) as client:
            os.dup2(client.fileno(), descriptor)
        time.sleep(PAUSE)
        os.close(descriptor)


def look_on(path: str) -> None:
    while True:
        with suppress(FileNotFoundError):
            os.readlink(path)


@contextmanager
def tracing(onlooker: int | None) -> Iterator[CloseTrace]:
    opened = open_trace(onlooker=onlooker)
    if isinstance(opened, NotTracing):
        pytest.skip(f"not tracing: {opened.why_not}")
    with closing(opened):
        yield opened


def look(source: NativeSource, observation: Observation) -> tuple[Snapshot, SocketTable]:
    snapshot = finish(source.collect())
    return snapshot, finish(observation.add(snapshot))


@pytest.mark.parametrize("is_known", [True, False])
def test_an_onlooker_is_no_owner(is_known: bool) -> None:
    """`is_known`: it is sockview itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener, child(lambda: serve(listener)) as server:
        port, descriptor = listener.getsockname()[1], 200
        with (
            child(lambda: connect(port, descriptor)) as client,
            child(lambda: look_on(f"/proc/{client}/fd/{descriptor}")) as onlooker,
            tracing(onlooker if is_known else None) as trace,
        ):
            source, observation = NativeSource(trace=trace), Observation()
            until, suspected, owners = time.monotonic() + PATIENCE, 0, set()
            while suspected < 3 and time.monotonic() < until:
                snapshot, table = look(source, observation)
                for s in snapshot.sockets:
                    if s.remote_port == port:
                        owners |= {owner.process.pid for owner in table.attribution(s).owners}
                closers = [one.process.pid for one in snapshot.trace.transitions if one.state == FIN_WAIT1]
                assert not is_known or onlooker not in closers
                suspected += closers.count(0 if is_known else onlooker)
                time.sleep(0.1)
    assert owners <= {client}, (server, onlooker)
    if not suspected:
        pytest.skip("this kernel does not let an onlooker be the last")
    assert owners == {client}
