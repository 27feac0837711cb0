"""Real sockets in trouble on loopback: the findings name them, their process, and nothing else."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from sockview.collect.sources import open_source
from sockview.model.diagnosis import diagnose
from sockview.model.diagnosis.listen_notes import listen_notes
from sockview.model.filter import parse_filter
from sockview.model.finding import Finding
from sockview.model.inet_socket import InetSocket
from sockview.model.observation import Observation
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, LISTEN, SYN_SENT
from sockview.model.thresholds import Thresholds
from tests.live.socket_makers import Made

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

#: What takes minutes on a server takes moments here.
HASTY = Thresholds(
    close_wait_count=3, close_wait_age=0.1, unaccepted_count=2, unaccepted_age=0.1, syn_tries=1, stuck_count=1
)


def found_soon(wanted: Callable[[Finding], bool]) -> tuple[SocketTable, Finding]:
    """Look again until there is such a finding, or the test fails."""
    source, observation = open_source("netlink"), Observation()
    deadline = time.monotonic() + 30
    while True:
        table = finish(observation.add(finish(source.collect())))
        findings = finish(diagnose(table, HASTY))
        for finding in findings:
            if wanted(finding):
                return table, finding
        assert time.monotonic() < deadline, [finding.title for finding in findings]
        time.sleep(0.1)


def selected(table: SocketTable, finding: Finding) -> list[InetSocket]:
    return list(finish(parse_filter(finding.filter).sieve_steps(Selection(table, table.snapshot.sockets))).sockets)


@contextmanager
def crowded() -> Iterator[tuple[int, list[socket.socket]]]:
    """A listener of this process that accepts nothing: its queue is full, two more clients get no answer."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(2)
        clients = [stack.enter_context(socket.socket()) for _ in range(5)]
        for client in clients:
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(listener.getsockname())
        yield listener.getsockname()[1], clients


def test_a_leak(leak: Made) -> None:
    table, finding = found_soon(lambda finding: finding.kind == "close-wait-leak" and finding.pid == leak.pid)
    assert f"{leak.pid} leaks CLOSE_WAIT: 3" in finding.title
    assert "On 3 of them end of file is read, but close() is missing" in " ".join(finding.facts)
    assert "The peers: 127.0.0.1 alone." in finding.facts
    sockets = selected(table, finding)
    assert [(s.state, s.local_port) for s in sockets] == [(CLOSE_WAIT, leak.port)] * 3


def test_a_full_accept_queue_and_its_clients() -> None:
    with crowded() as (port, _clients):
        end = f"127.0.0.1:{port}"
        table, full = found_soon(lambda finding: finding.kind == "accept-queue" and end in finding.title)
        assert f"{os.getpid()} accepts too slowly: 3 wait on {end}, backlog 2, new ones dropped" in full.title
        assert full.urgency == "critical"
        (listener,) = selected(table, full)
        assert (listener.state, listener.local_port) == (LISTEN, port)
        notes = " ".join(listen_notes(table, listener))
        assert "Its accept queue is full: 3 connections" in notes
        assert "Reachable from this machine only" in notes
        table, unheard = found_soon(lambda finding: finding.kind == "no-answer" and end in finding.title)
        assert unheard.pid == os.getpid()
        assert f"the accept queue of {end} is full" in " ".join(unheard.facts)
        assert {(s.state, s.remote_port) for s in selected(table, unheard)} == {(SYN_SENT, port)}


def test_peers_that_gave_up_before_they_were_accepted() -> None:
    with crowded() as (port, clients):
        for client in clients[:2]:
            client.close()
        table, finding = found_soon(lambda finding: finding.kind == "not-accepting" and f"port {port}" in finding.title)
        assert "2 peers gave up" in finding.title
        sockets = selected(table, finding)
        assert [(s.state, s.local_port, s.inode) for s in sockets] == [(CLOSE_WAIT, port, 0)] * 2


def test_a_peer_that_does_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        taken, _ = listener.accept()
        with taken:
            client.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    client.send(bytes(1 << 16))
            port = client.getsockname()[1]
            table, finding = found_soon(lambda finding: finding.kind == "peer-not-reading")
            assert finding.pid == os.getpid()
            assert [(s.state, s.local_port) for s in selected(table, finding)] == [(ESTABLISHED, port)]
