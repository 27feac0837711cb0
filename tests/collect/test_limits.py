"""Kernel parameters and counters, from a made-up root and from the real one."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.collect import limits
from sockview.collect.limits import parse_counters, read_limits
from sockview.model.limits import COUNTERS, PARAMETERS, Limits
from tests.collect.steps import finish

NETSTAT = (
    b"TcpExt: SyncookiesSent Other ListenOverflows ListenDrops\n"
    b"TcpExt: 0 5 18446744073709551615 12\n"
    b"IpExt: InOctets ListenOverflows\nIpExt: 7 8\n"
)


def read(proc: Path | str) -> Limits:
    return finish(read_limits(str(proc)))[0]


def test_names_become_paths_and_texts_have_single_blanks(tmp_path: Path) -> None:
    (tmp_path / "sys/net/ipv4").mkdir(parents=True)
    (tmp_path / "sys/net/core").mkdir()
    (tmp_path / "sys/net/ipv4/ip_local_port_range").write_bytes(b"32768\t60999\n")
    (tmp_path / "sys/net/ipv4/unheard_of").write_bytes(b"1\n")
    (tmp_path / "sys/net/core/somaxconn").write_bytes(b"\x1b[2J\n")
    (tmp_path / "net").mkdir()
    (tmp_path / "net/netstat").write_bytes(NETSTAT)
    found = read(tmp_path)
    assert found.parameters == {"net.core.somaxconn": "\\x1b[2J", "net.ipv4.ip_local_port_range": "32768 60999"}
    assert found.ephemeral_ports == (32768, 60999)
    assert found.counters == {"SyncookiesSent": 0, "ListenOverflows": 2**64 - 1, "ListenDrops": 12}


def test_what_is_missing_is_absent(tmp_path: Path) -> None:
    assert read(tmp_path) == Limits()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENOENT])
def test_what_is_forbidden_is_absent(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(number, "no")

    monkeypatch.setattr(limits, "read_file", refuse)
    assert read("/proc") == Limits()


def test_any_other_error_is_raised(tmp_path: Path) -> None:
    (tmp_path / "net/netstat").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        read(tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"TcpExt: ListenDrops\n",
        b"TcpExt: ListenDrops\nTcpExt: -4\n",
        b"TcpExt: \xff\nTcpExt: 4\n",
        b"TcpExt: ListenDrops\nTcpExt: 4\nTcpExt: 5\n",
    ],
)
def test_damaged_counters_are_absent(raw: bytes) -> None:
    assert parse_counters(raw) == {}


@given(st.lists(st.sampled_from([b"TcpExt:", b"ListenDrops", b"7", b" ", b"\n", b"\0", b"\xb2"])))
def test_no_bytes_make_the_parser_fail(parts: list[bytes]) -> None:
    assert set(parse_counters(b"".join(parts))) <= {"ListenDrops"}


def test_every_name_is_there_once() -> None:
    assert len(set(PARAMETERS)) == len(PARAMETERS) and len(set(COUNTERS)) == len(COUNTERS)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_the_real_ones() -> None:
    found = read("/proc")
    if not found.parameters:
        pytest.skip("this container has no /proc/sys/net")
    for name, text in found.parameters.items():
        assert text == " ".join(Path("/proc/sys", *name.split(".")).read_text().split())
    assert found.ephemeral_ports is not None and found.number("net.ipv4.tcp_fin_timeout") is not None
    # Kernels with every counter: those of COUNTERS are in all since 5.4.
    assert set(found.counters) == set(COUNTERS)
