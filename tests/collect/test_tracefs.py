"""The tracepoint's number and format: from a mounted tracefs, and from one that only a child process sees."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest

from sockview.collect import tracefs
from sockview.collect.open_trace import TRACEPOINT
from sockview.collect.tracefs import TracefsError, read_tracepoint
from sockview.collect.tracepoint_format import parse_format

root_on_linux = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a file system"
)


def mounted(root: Path, name: str = "a/b", number: str = "17\n", text: str = "name: b\n") -> str:
    directory = root / "events" / name
    directory.mkdir(parents=True)
    (directory / "id").write_text(number)
    (directory / "format").write_text(text)
    return str(root)


def test_the_first_place_where_it_is_mounted_is_read(tmp_path: Path) -> None:
    roots = (str(tmp_path / "nowhere"), mounted(tmp_path / "second"), mounted(tmp_path / "third", number="18\n"))
    assert read_tracepoint("a/b", roots) == (17, "name: b\n")


def test_a_kernel_without_the_tracepoint(tmp_path: Path) -> None:
    with pytest.raises(TracefsError, match=r"^kernel has no tracepoint$"):
        read_tracepoint("a/c", (mounted(tmp_path),))


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EACCES, "not permitted"), (errno.EPERM, "not permitted"), (errno.EIO, "put/output")]
)
def test_why_it_cannot_be_read(monkeypatch: pytest.MonkeyPatch, number: int, words: str) -> None:
    def refuse(_root: str, _name: str) -> NoReturn:
        raise OSError(number, "")

    monkeypatch.setattr(tracefs, "_read_files", refuse)
    with pytest.raises(TracefsError, match=words):
        read_tracepoint("a/b", ("/x",))


def test_a_damaged_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TracefsError, match="unreadable"):
        read_tracepoint("a/b", (mounted(tmp_path, number="many\n"),))


def test_only_root_can_mount_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(TracefsError, match=r"^not permitted$"):
        read_tracepoint("a/b", (str(tmp_path),))


# ------------------------------------------------------------------ the child
def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@root_on_linux
def test_a_child_reads_it_and_leaves_nothing_behind() -> None:
    mounts, before, descriptors = Path("/proc/self/mountinfo").read_text(), children(), os.listdir("/proc/self/fd")
    try:
        number, text = read_tracepoint(TRACEPOINT, ())
    except TracefsError as error:
        pytest.skip(f"no tracefs to be had here: {error}")
    assert number > 0 and "newstate" in parse_format(text)
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) == len(descriptors)


@root_on_linux
def test_the_child_tells_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TracefsError, match=r"^(kernel has no tracepoint|not permitted)$"):
        read_tracepoint("sock/there_is_no_such", ())
    for number, words in ((errno.EPERM, "not permitted"), (errno.ENODEV, "no tracefs")):

        def refuse(_function: str, *_arguments: object, number: int = number) -> NoReturn:
            raise OSError(number, "")

        monkeypatch.setattr(tracefs, "call", refuse)
        with pytest.raises(TracefsError, match=words):
            read_tracepoint(TRACEPOINT, ())


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
@pytest.mark.parametrize("deaf", [False, True])
def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, deaf: bool) -> None:
    def hang(_name: str) -> NoReturn:
        if deaf:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        while True:
            time.sleep(60)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(tracefs, "PATIENCE", 0.2)
    monkeypatch.setattr(tracefs, "_mount_and_read", hang)
    before = children()
    with pytest.raises(TracefsError, match="no tracefs"):
        read_tracepoint(TRACEPOINT, ())
    assert children() == before
