from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.collect.process_stat import parse_stat, process_from, read_process, read_started

_TAIL = b" S 1 1 1 0 -1 4194560 1 0 0 0 1 2 3 4 20 0 5 0 98765 1 2 3"


@pytest.mark.parametrize(
    "comm", [b"nginx", b"", b"(sd-pam)", b"a) S 1 (b", b"new\nline", b") R 1 2 3", b"\x1b[31m\xff\xfe"]
)
def test_a_comm_may_hold_anything(comm: bytes) -> None:
    assert parse_stat(b"77 (" + comm + b")" + _TAIL) == (comm, 98765)


@pytest.mark.parametrize("damaged", [b"", b"77", b"77 )x(", b"77 (x", b"77 (x) S 1"])
def test_damage_makes_no_start(damaged: bytes) -> None:
    assert parse_stat(damaged)[1] == 0


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_random_bytes_never_raise_and_come_out_clean(stat: bytes, cmdline: bytes) -> None:
    process = process_from(5, stat, cmdline)
    assert (process.name + process.command).isprintable()


@pytest.mark.parametrize(
    ("comm", "cmdline", "name", "command"),
    [
        (b"nginx", b"nginx: worker process\0\0\0", "nginx", "nginx: worker process"),
        (b"kworker/0:1", b"", "kworker/0:1", ""),
        (b"a-very-long-nam", b"/usr/bin/a-very-long-name-indeed\0-x\0", "a-very-long-name-indeed", None),
        (b"a-very-long-nam", b"/usr/bin/python3\0-x\0", "a-very-long-nam", "/usr/bin/python3 -x"),
        (b"evil\x1b[2J", b"e\0\xe2\x80\xae\0a\nb\0", "evil\\x1b[2J", "e \\u202e a\\nb"),
        (b"\xff", b"\xff\0", "\\xff", "\\xff"),
    ],
)
def test_names_and_commands(comm: bytes, cmdline: bytes, name: str, command: str | None) -> None:
    process = process_from(5, b"5 (" + comm + b")" + _TAIL, cmdline)
    assert process.name == name
    assert command is None or process.command == command


def test_a_vanished_process_is_none(tmp_path: Path) -> None:
    assert read_process(5, str(tmp_path / "5")) is None
    assert read_started(5, str(tmp_path)) is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_this_very_process() -> None:
    pid = os.getpid()
    process = read_process(pid, f"/proc/{pid}")
    assert process is not None and process.pid == pid
    assert process.started == read_started(pid, "/proc") != 0
    comm = Path("/proc/self/comm").read_text().strip()
    assert process.name.startswith(comm)
