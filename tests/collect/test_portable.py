from __future__ import annotations

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from sockview.collect.portable import NOTICE, PortableSource
from sockview.collect.portable_rows import Row, merged, row_of, socket_of, stand_in
from sockview.model import tcp_state
from sockview.model.inet_socket import TCP, UDP
from sockview.model.limits import Limits
from tests.collect.steps import finish


def connection(
    status: str = "ESTABLISHED",
    *,
    kind: int = socket.SOCK_STREAM,
    family: int = socket.AF_INET,
    local: object = ("127.0.0.1", 80),
    remote: object = ("127.0.0.1", 50000),
    pid: int | None = 5,
    fd: int = 3,
) -> SimpleNamespace:
    return SimpleNamespace(fd=fd, family=family, type=kind, laddr=local, raddr=remote, status=status, pid=pid)


def row(status: str = "ESTABLISHED", pid: int | None = 5, fd: int = 3, remote: object = ("127.0.0.1", 50000)) -> Row:
    made = row_of(connection(status, fd=fd, remote=remote), pid)
    assert made is not None
    return made


def test_a_row_is_read() -> None:
    assert row() == Row(TCP, 4, tcp_state.ESTABLISHED, (b"\x7f\0\0\1", 80), (b"\x7f\0\0\1", 50000), 5, 3)
    six = row_of(connection(family=socket.AF_INET6, local=("fe80::1%lo0", 1), remote=("::ffff:1.2.3.4", 2)), 5)
    assert six is not None and six.family == 6
    assert (six.local[0][:2], six.remote[0]) == (b"\xfe\x80", b"\1\2\3\4")
    assert row_of(connection(family=socket.AF_UNIX, local="/run/x", remote=""), 5) is None


@pytest.mark.parametrize(
    ("kind", "status", "remote", "state"),
    [
        (socket.SOCK_DGRAM, psutil.CONN_NONE, (), tcp_state.UNCONN),
        (socket.SOCK_DGRAM, psutil.CONN_NONE, ("127.0.0.1", 53), tcp_state.ESTABLISHED),
        (socket.SOCK_STREAM, psutil.CONN_LISTEN, (), tcp_state.LISTEN),
        (socket.SOCK_STREAM, psutil.CONN_CLOSE_WAIT, ("127.0.0.1", 53), tcp_state.CLOSE_WAIT),
        (socket.SOCK_STREAM, psutil.CONN_SYN_RECV, ("127.0.0.1", 53), tcp_state.SYN_RECV),
        (socket.SOCK_STREAM, "SOMETHING_NEW", ("127.0.0.1", 53), tcp_state.UNCONN),
    ],
)
def test_states(kind: int, status: str, remote: object, state: int) -> None:
    made = row_of(connection(status, kind=kind, remote=remote), 5)
    assert made is not None and made.state == state


def test_the_holders_of_one_connection_are_merged_and_listeners_stay_apart() -> None:
    rows = [row(pid=9), row(pid=5, fd=4), row(pid=5, fd=3), row("LISTEN", 5, remote=()), row("LISTEN", 9, remote=())]
    groups = merged(rows)
    assert [[(r.pid, r.fd) for r in group] for group in groups] == [[(5, 3), (5, 4), (9, 3)], [(5, 3)], [(9, 3)]]


def test_stand_ins_are_stable_negative_and_end_with_the_holder() -> None:
    names = {stand_in(r) for r in (row(), row(pid=9), row(fd=4), row(pid=None), row(remote=()))}
    assert len(names) == 5
    assert all(-(2**63) <= name < 0 for name in names)
    assert stand_in(row()) == stand_in(row("CLOSE_WAIT")), "a change of state is no other socket"
    assert stand_in(row("TIME_WAIT", None)) != stand_in(row())


@pytest.mark.parametrize(
    ("status", "pid", "hidden", "none_can_hold_it"),
    [
        ("TIME_WAIT", None, True, True),
        ("SYN_RECV", None, True, True),
        ("FIN_WAIT2", None, False, True),
        ("FIN_WAIT2", None, True, False),
        ("FIN_WAIT2", 5, False, False),
        ("ESTABLISHED", None, True, False),
        ("CLOSE_WAIT", None, False, False),
    ],
)
def test_an_inode_of_zero_only_where_it_is_certain(
    status: str, pid: int | None, hidden: bool, none_can_hold_it: bool
) -> None:
    made = socket_of(row(status, pid), None, hidden=hidden)
    assert (made.inode == 0) is none_can_hold_it
    assert made.cookie < 0 and (made.recv_q, made.send_q, made.uid) == (None, None, None)


def test_real_sockets_through_psutil() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        found, steps = finish(PortableSource(clock=lambda: 5.0, wall_clock=lambda: 1e9, warnings=("Why.",)).collect())
        assert (found.source, found.clock, found.taken_at, found.warnings) == ("psutil", 5.0, 1e9, ("Why.", NOTICE))
        assert steps > 0
        for end, protocol, state in ((listener, TCP, tcp_state.LISTEN), (udp, UDP, tcp_state.UNCONN)):
            port = end.getsockname()[1]
            mine = [s for s in found.sockets if s.local_port == port and s.protocol == protocol]
            assert [(s.state, s.uid) for s in mine] == [(state, os.geteuid())]
            holders = found.holders[mine[0].inode]
            assert [(h.process.pid, h.fd) for h in holders] == [(os.getpid(), end.fileno())]
        assert os.geteuid() in found.users


def test_without_the_right_to_the_whole_table_each_process_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise psutil.AccessDenied(0)

    def asked(self: psutil.Process, kind: str = "inet") -> object:
        assert kind == "inet"
        if self.pid != os.getpid():
            raise psutil.AccessDenied(self.pid)
        return [connection(pid=None)]

    monkeypatch.setattr(psutil, "net_connections", refuse)
    monkeypatch.setattr(psutil.Process, "net_connections", asked)
    monkeypatch.setattr(psutil, "pids", lambda: [1, os.getpid(), 2**22 + 1])
    found, _ = finish(PortableSource().collect())
    assert found.unreadable == 1
    assert [holder.process.pid for held in found.holders.values() for holder in held] == [os.getpid()]


def test_other_systems_need_no_proc(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found, _ = finish(PortableSource(str(tmp_path)).collect())
        mine = [s for s in found.sockets if s.local_port == listener.getsockname()[1]]
        process = found.holders[mine[0].inode][0].process
        assert process.pid == os.getpid()
        assert process.started == int(psutil.Process().create_time() * 1000)
        assert found.limits == Limits()


def test_kernel_parameters_that_cannot_be_read_are_a_warning(tmp_path: Path) -> None:
    """A directory stands where a file belongs."""
    (tmp_path / "sys/net/ipv4/tcp_fin_timeout").mkdir(parents=True)
    found, _ = finish(PortableSource(str(tmp_path)).collect())
    assert found.limits == Limits()
    assert found.warnings[1:] == ("Kernel parameters could not be read (Is a directory).",)
