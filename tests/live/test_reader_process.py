"""The real reader process: it answers, it survives nonsense, and neither side outlives the other."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import sockview
from sockview.model.query import Detail, PidQuery, Pids, Query, RefreshNow, Trouble, View
from sockview.reader_process import start_reader
from sockview.settings import SourceKind
from tests.reader_client import DEADLINE, ReaderClient
from tests.waiting import wait_until

PACKAGE_PARENT = str(Path(sockview.__file__).resolve().parents[1])

#: A screen that only holds its end of the wire: says the reader's PID, then sleeps.
PARENT = """
import sys, time
from sockview.reader_process import start_reader
reader = start_reader("auto")
reader.socket.recv(1) if "wait" in sys.argv else None
print(reader.pid, flush=True)
time.sleep(600)
"""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="sock_diag, /proc and PR_SET_PDEATHSIG are Linux's")


@pytest.fixture
def reader() -> Iterator[ReaderClient]:
    with ReaderClient() as client:
        yield client


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def is_gone(pid: int) -> bool:
    """Not there, or dead and only waiting to be reaped by whoever inherited it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in ("Z", "X")


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


# ------------------------------------------------------------------ it answers
def test_it_shows_a_real_listener_with_its_process(reader: ReaderClient, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    view = reader.ask(Query(serial=1, filter=f"state:listen port:{port}"))
    (row,) = view.rows
    assert (row.local, row.pid, row.certain) == (f"127.0.0.1:{port}", os.getpid(), True)
    detail = reader.wait_for(Detail)
    assert (detail.key, detail.pid) == (row.key, os.getpid())
    assert detail.command
    reader.send(PidQuery(serial=2))
    assert reader.wait_for(Pids) == Pids(2, (os.getpid(),), (), 0)


def test_a_new_socket_comes_with_the_next_refresh(reader: ReaderClient, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    query = Query(serial=1, filter=f"state:listen lport:{port}", interval=3600.0)
    assert reader.ask(query).length == 1
    listener.close()
    reader.send(RefreshNow())
    assert reader.wait_for(View).length == 0


@pytest.mark.parametrize(
    ("kind", "source"), [pytest.param("netlink", "sock_diag", marks=linux_only), ("psutil", "psutil")]
)
def test_the_source_is_the_one_asked_for(kind: SourceKind, source: str) -> None:
    with ReaderClient(kind) as client:
        assert client.ask(Query(serial=1)).summary.source == source


def test_it_reads_the_given_proc(tmp_path: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with ReaderClient(proc=str(tmp_path)) as client:
        client.send(Query(serial=1, filter=f"state:listen lport:{port}"))
        (row,) = client.wait_for(View).rows
        assert row.pid is None and row.no_owner is not None


# ------------------------------------------------------------------ nonsense on the wire
def test_damaged_and_foreign_lines_are_named_and_it_goes_on(reader: ReaderClient) -> None:
    nonsense = {
        b"\x80\x81 not text\n": "no JSON",
        b"GET / HTTP/1.1\r\n": "no JSON",
        b'{"type": "View", "serial": 1}\n': "does not come from the screen",
        b'{"type": "Query", "serial": "one"}\n': "Query: serial",
        b'{"type": "Query", "serial": 1, "then": "rm"}\n': "unknown field",
        b"[" * 100_000 + b"\n": "nested too deep",
    }
    for line, why in nonsense.items():
        reader.send_bytes(line)
        assert why in reader.wait_for(Trouble).text
    assert reader.ask(Query(serial=5)).serial == 5


def test_an_endless_line_ends_it(reader: ReaderClient) -> None:
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(1000):
            reader.send_bytes(b"x" * 65536)
    with pytest.raises(EOFError):
        while True:
            reader.receive()
    assert wait_until(lambda: reader.process.poll() is not None)


# ------------------------------------------------------------------ how it ends
def test_a_killed_reader_is_an_end_of_file(reader: ReaderClient) -> None:
    reader.ask(Query(serial=1))
    os.kill(reader.process.pid, signal.SIGKILL)
    with pytest.raises(EOFError):
        while True:
            reader.receive()
    assert wait_until(lambda: reader.process.poll() == -signal.SIGKILL)


def test_the_end_of_the_wire_ends_it() -> None:
    process = start_reader("auto")
    process.socket.close()
    assert wait_until(lambda: process.poll() == 0)
    process.close()


def test_close_ends_it_at_any_time_and_leaves_no_zombie() -> None:
    for pause in (0.0, 0.05, 0.3):
        process = start_reader("auto")
        time.sleep(pause)
        process.close()
        assert process.poll() is not None
        assert not Path(f"/proc/{process.pid}").exists()
        process.close()


@linux_only
def test_close_ends_a_stopped_reader() -> None:
    process = start_reader("auto")
    os.kill(process.pid, signal.SIGSTOP)
    assert wait_until(lambda: is_stopped(process.pid))
    process.close()
    assert process.poll() == -signal.SIGKILL


def test_ctrl_c_is_the_screens_and_sigterm_ends_it(reader: ReaderClient) -> None:
    reader.ask(Query(serial=1))
    for _ in range(3):
        os.kill(reader.process.pid, signal.SIGINT)
    assert reader.ask(Query(serial=2)).serial == 2
    assert os.getsid(reader.process.pid) != os.getsid(0), "the terminal's signals do not reach it"
    os.kill(reader.process.pid, signal.SIGTERM)
    assert wait_until(lambda: reader.process.poll() == -signal.SIGTERM)


@contextlib.contextmanager
def parent_of_a_reader() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that has started a reader, and the reader's PID; whatever is left at the end is killed."""
    environment = {**os.environ, "PYTHONPATH": PACKAGE_PARENT}
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        try:
            yield parent, pid
        finally:
            parent.kill()
            if not is_gone(pid):
                os.kill(pid, signal.SIGKILL)


@linux_only
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV])
def test_no_reader_outlives_its_parent(number: signal.Signals) -> None:
    with parent_of_a_reader() as (parent, pid):
        parent.send_signal(number)
        parent.wait(DEADLINE)
        assert wait_until(lambda: is_gone(pid))


@linux_only
def test_even_a_stopped_reader_does_not_outlive_its_parent() -> None:
    with parent_of_a_reader() as (parent, pid):
        # Stopped before it has set itself up, it could not hear of anything.
        assert wait_until(lambda: ignores_sigint(pid))
        os.kill(pid, signal.SIGSTOP)
        assert wait_until(lambda: is_stopped(pid))
        parent.kill()
        parent.wait(DEADLINE)
        assert wait_until(lambda: is_gone(pid))


def ignores_sigint(pid: int) -> bool:
    """Set by the reader's main, right after it has asked to die with its parent."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(mask.split()[1], 16) & 1 << (signal.SIGINT - 1))


# ------------------------------------------------------------------ how it is started
def test_a_hostile_current_directory_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "was-here"
    for name in ("json", "socket", "selectors", "psutil", "ctypes", "gc", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(mark)!r}, 'w')\nraise SystemExit(9)\n")
    (tmp_path / "sockview").mkdir()
    (tmp_path / "sockview" / "__init__.py").write_text(f"open({str(mark)!r}, 'w')\nraise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ":.:")
    with ReaderClient() as client:
        assert client.ask(Query(serial=1)).serial == 1
    assert not mark.exists()


def test_closed_standard_streams_are_not_taken_for_the_wire() -> None:
    script = (
        "import os\n"
        "for number in (0, 1, 2): os.close(number)\n"
        "from sockview.model.query import Query\n"
        "from tests.reader_client import ReaderClient\n"
        "with ReaderClient() as client:\n"
        "    assert client.process.socket.fileno() > 2\n"
        "    assert client.ask(Query(serial=7)).serial == 7\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=PACKAGE_PARENT, check=True, timeout=2 * DEADLINE)


def test_a_reader_that_cannot_be_loaded_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "sockview"
    broken.mkdir()
    for name in ("__init__.py", "errors.py", "reader_process.py", "reader_entry.py"):
        (broken / name).write_text((Path(PACKAGE_PARENT) / "sockview" / name).read_text())
    (broken / "reader.py").write_text("import there_is_no_such_module\n")
    script = (
        "from sockview.reader_process import start_reader\n"
        "reader = start_reader('auto')\n"
        "print(reader.socket.makefile().readline())\n"
        "reader.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{script}"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        cwd="/",
        check=True,
    )
    assert '"Trouble"' in done.stdout and "there_is_no_such_module" in done.stdout


def test_the_wire_is_not_inherited_by_other_children(reader: ReaderClient) -> None:
    assert not reader.process.socket.get_inheritable()


def test_starting_it_imports_neither_textual_nor_psutil() -> None:
    script = (
        f"import sys; sys.path.insert(0, {PACKAGE_PARENT!r})\n"
        "import sockview.reader_process\n"
        "found = {'textual', 'rich', 'psutil', 'sockview.reader', 'sockview.collect'} & set(sys.modules)\n"
        "sys.exit(f'imported {found}' if found else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=DEADLINE)
