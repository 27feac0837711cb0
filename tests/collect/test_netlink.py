"""The dialogue with the kernel, over a scripted channel; and once with the kernel itself."""

from __future__ import annotations

import errno
import os
import socket
import struct

import pytest

from sockview.collect import netlink
from sockview.collect.known_sockets import KnownSockets
from sockview.collect.netlink import Dump, DumpError, ask_times, dump_sockets, open_netlink
from sockview.collect.tcp_info import TcpTimes
from sockview.model.inet_socket import TCP, UDP
from sockview.model.tcp_state import ESTABLISHED
from tests.collect import messages as made
from tests.collect.steps import finish


class Script:
    """A channel that answers with these chunks, or raises."""

    def __init__(self, *answers: bytes | OSError) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []

    def send(self, data: bytes, /) -> int:
        self.requests.append(data)
        return len(data)

    def recv_into(self, buffer: bytearray, nbytes: int = 0, flags: int = 0, /) -> int:
        assert nbytes == 0 and flags & socket.MSG_TRUNC
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        buffer[: len(answer)] = answer[: len(buffer)]
        return len(answer)


def message(cookie: int, sequence: int = 1, flags: int = 2, timer: int = 0) -> bytes:
    return made.netlink(made.DIAG, made.inet_diag(cookie=cookie, timer=timer), sequence=sequence, flags=flags)


def dumped(channel: netlink.Channel, family: int = 4, protocol: int = TCP) -> tuple[list[int], Dump]:
    """The cookies of a dump, and how it went."""
    known = KnownSockets(protocol)
    dump, _ = finish(dump_sockets(channel, family, protocol, known))
    return [s.cookie for s in known], dump


def test_chunks_are_put_together_with_a_step_after_each() -> None:
    script = Script(message(1) + message(2), message(3), message(1), made.done())
    known = KnownSockets(TCP)
    dump, steps = finish(dump_sockets(script, 4, TCP, known))
    assert sorted(s.cookie for s in known) == [1, 2, 3], "a socket that the walk meets twice is one socket"
    assert (dump, len(script.requests)) == (Dump(), 1)
    assert steps >= 3


def test_a_countdown_was_written_when_the_chunk_before_it_was_fetched() -> None:
    now = 100.0

    class Slow(Script):
        def recv_into(self, buffer: bytearray, nbytes: int = 0, flags: int = 0, /) -> int:
            nonlocal now
            now += 1.0
            return super().recv_into(buffer, nbytes, flags)

    known = KnownSockets(TCP)
    chunks = (message(1, timer=1), message(2, timer=2) + message(3), made.done())
    finish(dump_sockets(Slow(*chunks), 4, TCP, known, clock=lambda: now))
    assert {s.cookie: s.read_at for s in known} == {1: 100.0, 2: 101.0, 3: None}


def test_an_interrupted_dump_is_made_again() -> None:
    script = Script(message(1, flags=0x12), made.done(), message(2, sequence=2), made.done(sequence=2))
    assert dumped(script) == ([2], Dump())
    assert [struct.unpack_from("=I", request, 8)[0] for request in script.requests] == [1, 2]


def test_a_dump_interrupted_twice_is_marked() -> None:
    script = Script(message(1, flags=0x12), made.done(), message(2, sequence=2), made.done(sequence=2, flags=0x12))
    assert dumped(script) == ([2], Dump(interrupted=True))


def test_damage_and_truncation_are_counted() -> None:
    too_long = message(1) + made.netlink(99, bytes(70_000))
    assert dumped(Script(made.netlink(made.DIAG, b"?"), too_long, made.done())) == ([1], Dump(damaged=3))


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.ENOENT, errno.ENOBUFS, errno.EBADMSG])
@pytest.mark.parametrize("how", ["error", "done", "socket"])
def test_an_errno_becomes_one_sentence(number: int, how: str) -> None:
    answers: dict[str, bytes | OSError]
    answers = {"error": made.error(number), "done": made.done(-number), "socket": OSError(number, "")}
    with pytest.raises(DumpError) as caught:
        dumped(Script(answers[how]), 6, UDP)
    text = str(caught.value)
    assert text.startswith(f"UDP over IPv6 cannot be read ({os.strerror(number)}): ") and text.endswith(".")
    assert caught.value.errno == number


def test_silence_of_the_kernel_ends() -> None:
    with pytest.raises(DumpError, match="did not answer in time") as caught:
        dumped(Script(TimeoutError()))
    assert caught.value.errno == errno.ETIMEDOUT


def test_a_flood_of_foreign_messages_ends() -> None:
    class Flood(Script):
        def recv_into(self, buffer: bytearray, nbytes: int = 0, flags: int = 0, /) -> int:
            self.answers = [message(1, sequence=99)]
            return super().recv_into(buffer, nbytes, flags)

    with pytest.raises(DumpError, match="do not belong to the question"):
        dumped(Flood())


def test_a_system_without_netlink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK", raising=False)
    with pytest.raises(DumpError, match="no sock_diag"):
        netlink.probe()


def test_a_sandbox_that_forbids_netlink(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(socket, "AF_NETLINK", 16, raising=False)
    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(DumpError, match="a security policy forbids it"):
        open_netlink()


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="needs Linux")
def test_the_kernel_answers() -> None:
    netlink.probe()
    with open_netlink() as channel, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        known = KnownSockets(TCP)
        finish(dump_sockets(channel, 4, TCP, known, states=1 << 10))
        mine = [found for found in known if found.local_port == port and found.state == 10]
        assert [found.inode for found in mine] == [os.fstat(listener.fileno()).st_ino]
        assert {found.state for found in known} == {10}
        # The same socket serves another dump after the first has ended.
        finish(dump_sockets(channel, 4, TCP, known, sequence=7))
        assert any(found is mine[0] for found in known)


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="needs Linux")
@pytest.mark.parametrize(("family", "host"), [(4, "127.0.0.1"), (6, "::1"), (6, "::ffff:127.0.0.1")])
def test_the_kernel_tells_of_single_sockets(family: int, host: str) -> None:
    listener = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6)
    with listener:
        try:
            listener.bind((host, 0))
        except OSError as error:
            pytest.skip(f"{host} is no address here: {error}")
        listener.listen()
        with socket.socket(listener.family) as client:
            client.connect(listener.getsockname())
            server, _ = listener.accept()
            with server, open_netlink() as channel:
                known = KnownSockets(TCP)
                finish(dump_sockets(channel, family, TCP, known))
                ports = {client.getsockname()[1], listener.getsockname()[1]}
                ends = [s for s in known if {s.local_port, s.remote_port} == ports and s.state == ESTABLISHED]
                assert len(ends) == 2
                found: list[TcpTimes] = []
                nobody = ends[0]._replace(cookie=1 << 60)
                gone = ends[0]._replace(local_port=1, remote_port=1)
                finish(ask_times([nobody, *ends, gone], found.extend))
        assert [times.cookie for times in found] == [s.cookie for s in ends]
        assert all(times.last_ack_recv < 60_000 and times.state == ESTABLISHED for times in found)
