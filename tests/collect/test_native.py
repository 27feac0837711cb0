"""The Linux source: how its parts are put together, and what it does when one of them fails."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import pytest

from sockview.collect import close_wait_times, native, silent_sockets
from sockview.collect.holders import Holders, HolderWatch
from sockview.collect.native import NativeSource
from sockview.collect.netlink import DumpError
from sockview.collect.tcp_info import TcpTimes
from sockview.errors import CollectError
from sockview.model.inet_socket import TCP, UDP, InetSocket
from sockview.model.limits import Limits
from sockview.model.owner import Holder, Process
from sockview.model.snapshot import Snapshot
from tests.collect import messages as made
from tests.collect.dumps import FakeKernel
from tests.collect.steps import finish

ONE = InetSocket(TCP, 4, 1, bytes(4), 80, bytes(4), 1, 0, 0, 0, 7, 70)


def message(s: InetSocket) -> bytes:
    """As the kernel tells of it."""
    local, remote = (socket.inet_ntop(socket.AF_INET, address) for address in (s.local_address, s.remote_address))
    return made.inet_diag(
        state=s.state,
        local=(local, s.local_port),
        remote=(remote, s.remote_port),
        queues=(s.recv_q or 0, s.send_q or 0),
        uid=s.uid or 0,
        inode=s.inode,
        cookie=s.cookie,
    )


def telling(*told: TcpTimes, error: Exception | None = None) -> Callable[..., Generator[None, None, None]]:
    """A dump of times, which may fail."""

    def dumps(_: object, state: int, take: Callable[[Sequence[TcpTimes]], None]) -> Generator[None, None, None]:
        yield
        if error:
            raise error
        take([times for times in told if times.state == state])

    return dumps


def answering(*told: TcpTimes, error: Exception | None = None) -> Callable[..., Generator[None, None, None]]:
    """The same for sockets asked for one by one."""
    dumps = telling(*told, error=error)

    def asks(sockets: Sequence[InetSocket], take: Callable[[Sequence[TcpTimes]], None]) -> Generator[None, None, None]:
        yield from dumps((), sockets[0].state, take)

    return asks


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    kernel = FakeKernel({(4, TCP): [message(ONE)]})
    monkeypatch.setattr(native, "open_netlink", kernel)
    for module in (close_wait_times, silent_sockets):
        monkeypatch.setattr(module, "dump_times", telling())
    return kernel


def collect(proc: Path, host: Callable[[], str] = lambda: "web", *, findings: bool = True) -> Snapshot:
    (proc / "1" / "fd").mkdir(parents=True, exist_ok=True)
    source = NativeSource(str(proc), clock=lambda: 5.0, wall_clock=lambda: 1e9, host=host, findings=findings)
    return finish(source.collect())[0]


def test_the_parts_become_one_snapshot(tmp_path: Path) -> None:
    (tmp_path / "9" / "fd").mkdir(parents=True)
    (tmp_path / "9" / "fd" / "3").symlink_to("socket:[7]")
    (tmp_path / "9" / "stat").write_bytes(b"9 (web) S" + b" 0" * 18 + b" 44")
    (tmp_path / "9" / "cmdline").write_bytes(b"/bin/web\0")
    found = collect(tmp_path, host=lambda: "host\x1b[2J")
    assert found == Snapshot(
        taken_at=1e9,
        clock=5.0,
        host="host\\x1b[2J",
        source="sock_diag",
        sockets=(ONE,),
        holders={7: (Holder(Process(9, "web", "/bin/web", 44), 3),)},
        users={0: "root"},
        privileged=os.geteuid() == 0,
        pids=frozenset({1, 9}),
        started={9: 44},
        serial=found.serial,
    )
    assert found.serial > 0


def test_a_failing_protocol_is_a_warning(tmp_path: Path, kernel: FakeKernel) -> None:
    kernel.errors = {(4, UDP): errno.EPERM, (6, UDP): errno.ENOBUFS}
    found = collect(tmp_path)
    assert (found.sockets, found.complete, len(found.warnings)) == ((ONE,), False, 2)
    assert "UDP over IPv4 cannot be read (Operation not permitted)" in found.warnings[0]


def test_no_ipv6_is_normal_where_there_is_none(tmp_path: Path, kernel: FakeKernel) -> None:
    kernel.errors = {(6, TCP): errno.ENOENT, (6, UDP): errno.ENOENT}
    found = collect(tmp_path)
    assert (found.complete, found.warnings) == (True, ())
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "if_inet6").touch()
    found = collect(tmp_path)
    assert (found.complete, len(found.warnings)) == (False, 2)


def test_no_table_at_all_is_an_error(tmp_path: Path, kernel: FakeKernel) -> None:
    kernel.errors = dict.fromkeys(native.DUMPS, errno.EPERM)
    with pytest.raises(CollectError, match="security policy"):
        collect(tmp_path)


@pytest.mark.parametrize(
    ("flags", "messages", "text"),
    [(0x12, [], "changed while it was read"), (2, [b"?"] * 3, "3 messages about TCP over IPv4")],
)
def test_a_dump_with_gaps_is_marked(
    tmp_path: Path, kernel: FakeKernel, flags: int, messages: list[bytes], text: str
) -> None:
    kernel.flags = flags
    kernel.sockets = {(4, TCP): [message(ONE), *messages]}
    found = collect(tmp_path)
    assert not found.complete
    assert [text in warning for warning in found.warnings] == [True]


@pytest.mark.parametrize("error", [RuntimeError("surprise \x1b[2J"), CollectError("Nothing there."), OSError(5, "io")])
def test_a_failing_walk_leaves_the_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*_: object) -> Generator[None, None, Holders]:
        yield
        raise error

    monkeypatch.setattr(HolderWatch, "look", broken)
    found = collect(tmp_path)
    assert (found.sockets, found.owners_read, found.complete) == ((ONE,), False, True)
    assert len(found.warnings) == 1 and found.warnings[0].isprintable()


def test_failing_names_leave_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise ConnectionError("directory down")

    monkeypatch.setattr("pwd.getpwuid", broken)
    found = collect(tmp_path, host=lambda: str(broken()))
    assert (found.sockets, found.owners_read, found.users, found.host) == ((ONE,), True, {}, "")
    assert [text.split(" could")[0] for text in found.warnings] == ["User names", "The host name"]


def test_what_is_read_around_the_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: FakeKernel) -> None:
    leaking = {number: ONE._replace(state=8, inode=number, cookie=number) for number in range(20, 30)}
    kernel.sockets = {(4, TCP): [*map(message, leaking.values()), message(ONE)]}
    monkeypatch.setattr("time.clock_gettime", lambda _clock: 1000.0)
    monkeypatch.setattr(close_wait_times, "ask_times", answering(TcpTimes(20, 8, 0, 0, 3000, 2000)))
    monkeypatch.setattr(
        silent_sockets, "dump_times", telling(TcpTimes(ONE.cookie, 1, 0, 9_000_000, 9_000_000, 9_000_000))
    )
    process = tmp_path / "9"
    (process / "fd").mkdir(parents=True)
    for inode in leaking:
        (process / "fd" / str(inode)).symlink_to(f"socket:[{inode}]")
    (process / "stat").write_bytes(b"9 (web) S" + b" 0" * 18 + b" 44")
    (process / "cmdline").touch()
    (process / "limits").write_bytes(b"Max open files 64 128 files\n")
    (tmp_path / "sys/net/ipv4").mkdir(parents=True)
    (tmp_path / "sys/net/ipv4/tcp_fin_timeout").write_bytes(b"30\n")
    found = collect(tmp_path)
    assert found.warnings == ()
    assert list(found.close_wait_times) == [20]
    assert found.close_wait_times[20] == pytest.approx((3.0, 2.0), abs=0.1)
    assert found.silent == {ONE.cookie: 9000.0}
    assert collect(tmp_path, findings=False).silent == {}
    assert found.limits == Limits({"net.ipv4.tcp_fin_timeout": "30"})
    assert list(found.descriptors) == [(9, 44)] and found.descriptors[9, 44].limit == 64


def test_what_cannot_be_read_around_the_sockets_is_a_warning_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: FakeKernel
) -> None:
    leaking = ONE._replace(state=8, cookie=71)
    kernel.sockets = {(4, TCP): [message(ONE), message(leaking)]}
    monkeypatch.setattr(
        close_wait_times, "ask_times", answering(error=DumpError("tcp_info cannot be read", errno.EPERM))
    )
    monkeypatch.setattr(silent_sockets, "dump_times", telling(error=RuntimeError("surprise")))
    (tmp_path / "net" / "netstat").mkdir(parents=True)
    found = collect(tmp_path)
    assert (found.sockets, found.complete, found.close_wait_times, found.silent) == ((ONE, leaking), True, {}, {})
    assert [text.split(" ")[0] for text in found.warnings] == ["tcp_info", "Kernel", "Silent"]


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="needs Linux")
def test_abandoning_a_collection_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    before = len(os.listdir("/proc/self/fd"))
    for steps in (1, 3, 8):
        collection = NativeSource().collect()
        for _ in range(steps):
            next(collection, None)
        collection.close()
    assert len(os.listdir("/proc/self/fd")) == before
