"""Real sockets opened and closed on loopback: the kernel's reports name who did it, or nobody."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from sockview.collect.close_trace import CloseTrace
from sockview.collect.open_trace import NotTracing, open_trace
from sockview.collect.process_stat import read_process
from sockview.model.owner import Process
from sockview.model.tcp_state import FIN_WAIT1, LAST_ACK, SYN_SENT
from sockview.model.trace import NOBODY, Transition
from tests.live.socket_makers import bind_to_unused_port

#: Connects to the port given, from the port given if there is one, and ends at once.
CLIENT: Final = """\
import socket, sys
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
client.bind(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0))
client.connect(("127.0.0.1", int(sys.argv[1])))
"""

#: As `prctl(PR_SET_NAME)`, then as CLIENT.
RENAMED: Final = "import ctypes; ctypes.CDLL(None).prctl(15, b'short-lived', 0, 0, 0)\n" + CLIENT

#: A network namespace with a loopback of its own, a listener on the port given, and a connection from the other one.
ELSEWHERE: Final = """\
import ctypes, fcntl, socket, struct, sys
assert ctypes.CDLL(None).unshare(0x40000000) == 0
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 1))
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])), source_address=("127.0.0.1", int(sys.argv[2])))
accepted = server.accept()[0]
client.close()
accepted.close()
"""


@pytest.fixture
def trace() -> Iterator[CloseTrace]:
    opened = open_trace()
    if isinstance(opened, NotTracing):
        pytest.skip(f"not tracing: {opened.why_not}")
    with closing(opened):
        opened.drain()
        yield opened


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@contextmanager
def accepted(server: socket.socket) -> Iterator[int]:
    """The port of the next client, whose connection is accepted at the end and closed after it."""
    yield port_of(server)
    connection, _ = server.accept()
    with connection:
        assert connection.recv(1) == b""


def port_of(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


def port_for_a_client() -> int:
    """One that no other program is given meanwhile."""
    with socket.socket() as tried:
        bind_to_unused_port(tried, "127.0.0.1")
        return port_of(tried)


def run(script: str, *arguments: int) -> int:
    """The PID of a Python that ran the script and has ended."""
    with subprocess.Popen([sys.executable, "-I", "-c", script, *map(str, arguments)]) as process:
        pass
    assert process.returncode == 0
    return process.pid


def reported(trace: CloseTrace, port: int) -> list[Transition]:
    return [one for one in trace.take().transitions if port in (one.local_port, one.remote_port)]


def by_state(transitions: list[Transition]) -> dict[int, Process]:
    found = {one.state: one.process for one in transitions}
    assert len(found) == len(transitions)
    return found


def me() -> Process:
    process = read_process(os.getpid(), "/proc/self")
    assert process is not None
    return process


# ------------------------------------------------------------------ who it was
def test_a_program_that_lives_for_milliseconds_is_named(trace: CloseTrace, server: socket.socket) -> None:
    began = time.monotonic()
    with accepted(server) as port:
        pid = run(CLIENT, port)
    found = reported(trace, port)
    who = by_state(found)
    client = who[FIN_WAIT1]
    assert (client.pid, client.name, client.command) == (pid, os.path.basename(sys.executable)[:15], "")
    assert client.started < 0
    assert (who[SYN_SENT], who[LAST_ACK]) == (client, me())
    assert began < found[0].clock < found[-1].clock < time.monotonic()
    opened, closed, answered = found
    assert opened[3:7] == closed[3:7] == (answered.remote_address, answered.remote_port, *answered[3:5])
    assert closed.remote_address == socket.inet_aton("127.0.0.1") and closed.remote_port == port


def test_a_forked_child_is_named_without_a_program_of_its_own(trace: CloseTrace, server: socket.socket) -> None:
    with accepted(server) as port:
        child = os.fork()
        if child == 0:
            socket.create_connection(("127.0.0.1", port))
            os._exit(0)
        os.waitpid(child, 0)
    client = by_state(reported(trace, port))[FIN_WAIT1]
    assert (client.pid, client.name) == (child, Path("/proc/self/comm").read_text().rstrip("\n"))
    assert client.started < 0


def test_what_a_thread_does_is_its_process_s(trace: CloseTrace, server: socket.socket) -> None:
    with accepted(server) as port:
        thread = threading.Thread(target=lambda: socket.create_connection(("127.0.0.1", port)).close())
        thread.start()
        thread.join()
    assert by_state(reported(trace, port)) == {SYN_SENT: me(), FIN_WAIT1: me(), LAST_ACK: me()}


def test_a_process_that_calls_itself_something_is_called_that(trace: CloseTrace, server: socket.socket) -> None:
    with accepted(server) as port:
        pid = run(RENAMED, port)
    client = by_state(reported(trace, port))[FIN_WAIT1]
    assert (client.pid, client.name) == (pid, "short-lived")


def test_a_process_that_closes_as_it_ends_has_the_start_it_had(trace: CloseTrace, server: socket.socket) -> None:
    script = CLIENT + "print('connected', flush=True)\nsys.stdin.read()\n"
    with accepted(server) as port:
        command = [sys.executable, "-I", "-c", script, str(port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            alive = by_state(reported(trace, port))[SYN_SENT]
            assert alive == read_process(process.pid, f"/proc/{process.pid}")
    assert by_state(reported(trace, port))[FIN_WAIT1] == alive


def test_both_families_have_the_addresses_of_the_table(trace: CloseTrace) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = port_of(server)
        for address, packed in (("127.0.0.1", socket.inet_aton("127.0.0.1")), ("::1", bytes(15) + b"\1")):
            with accepted(server):
                socket.create_connection((address, port)).close()
            found = reported(trace, port)
            assert [one.state for one in found] == [SYN_SENT, FIN_WAIT1, LAST_ACK]
            assert {(one.local_address, one.remote_address) for one in found} == {(packed, packed)}


def test_a_shutdown_is_told_and_not_the_close_after_it(trace: CloseTrace, server: socket.socket) -> None:
    """The peer reads nothing, so the FIN waits and the socket stays in FIN_WAIT1."""
    with accepted(server) as port:
        client = socket.create_connection(("127.0.0.1", port))
        client.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                client.send(bytes(1 << 16))
        child = os.fork()
        if child == 0:
            signal.pause()
        client.shutdown(socket.SHUT_WR)
        client.close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        connection, _ = server.accept()
        connection.close()  # with bytes unread: a reset
        socket.create_connection(("127.0.0.1", port)).close()  # for the end of the block
    found = [one.process for one in reported(trace, port) if one.state == FIN_WAIT1 and one.remote_port == port]
    assert found == [me(), me()], "of the first connection and of the second"


# ------------------------------------------------------------------ who it was not
def test_the_same_ports_in_another_network_namespace_are_not_ours(trace: CloseTrace, server: socket.socket) -> None:
    port = port_of(server)
    client_port = port_for_a_client()
    stranger = run(ELSEWHERE, port, client_port)
    assert reported(trace, port) == []
    with accepted(server):
        pid = run(CLIENT, port, client_port)
    found = reported(trace, port)
    assert {one.process.pid for one in found} == {pid, os.getpid()} and stranger != pid
    assert {one.local_port for one in found} == {port, client_port}


def test_a_close_by_the_kernel_itself_is_nobody_s(trace: CloseTrace, server: socket.socket) -> None:
    """A socket in a message that can't be received any more is closed by the kernel's own thread."""
    with accepted(server) as port:
        client = socket.create_connection(("127.0.0.1", port))
        one, other = socket.socketpair()
        # The message holds the socket from which it would be received.
        socket.send_fds(one, [b"x"], [client.fileno(), other.fileno()])
        for end in (client, one, other):
            end.close()
        socket.socket(socket.AF_UNIX).close()  # has the garbage looked for
    closed = by_state(reported(trace, port))[FIN_WAIT1]
    assert closed in (NOBODY, me()), "older kernels look for garbage in the process that makes it"


# ------------------------------------------------------------------ when it is too much
@pytest.fixture
def one_cpu() -> Iterator[None]:
    """A loss is told by the next report of the same CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("one_cpu")
def test_a_ring_that_is_too_small_loses_reports_and_says_when(server: socket.socket) -> None:
    tiny = open_trace(size=4096)
    if isinstance(tiny, NotTracing):
        pytest.skip(f"not tracing: {tiny.why_not}")
    port = port_of(server)
    with closing(tiny):
        tiny.drain()
        began = time.monotonic()
        for _ in range(200):
            with accepted(server):
                socket.create_connection(("127.0.0.1", port)).close()
        ended = time.monotonic()
        full = tiny.take()
        assert any(began < start < end and end >= ended for start, end in full.gaps)
        with accepted(server):
            socket.create_connection(("127.0.0.1", port)).close()
        assert tiny.take().lost > 300


def test_nothing_is_lost_of_many_that_are_taken_in_time(trace: CloseTrace, server: socket.socket) -> None:
    port = port_of(server)
    for _ in range(500):
        with accepted(server):
            socket.create_connection(("127.0.0.1", port)).close()
        trace.drain()
    taken = trace.take()
    found = [one for one in taken.transitions if port in (one.local_port, one.remote_port)]
    assert (len(found), taken.lost, taken.gaps) == (1500, 0, [])
    assert {one.process for one in found} == {me()}
