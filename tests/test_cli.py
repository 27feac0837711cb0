"""The command as a process: exit codes, closed pipes, Ctrl+C, and what is not imported."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sockview import __version__, cli
from tests.live.terminal_harness import DEADLINE, Terminal, session_free_environment
from tests.waiting import wait_until

SOCKVIEW = [sys.executable, "-m", "sockview"]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = session_free_environment(**environ)
    command = [*SOCKVIEW, *arguments]
    return subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """`line` in bash, with $SOCKVIEW for the command; its exit code is that of the first failing part."""
    # Buffered as for every user: what is left in the buffer at the end is half of the matter.
    environ = {**session_free_environment(), "SOCKVIEW": " ".join(SOCKVIEW), "PYTHONUNBUFFERED": ""}
    command = ["bash", "-o", "pipefail", "-c", line]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=DEADLINE, check=False)


def modules_after(*arguments: str) -> set[str]:
    """What the command has imported when it is done."""
    program = (
        f"import sys; from sockview.cli import main; main({list(arguments)!r}); sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


# ------------------------------------------------------------------ quick ways out
def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"sockview {__version__}\n", "")


def test_help_names_every_option() -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(
        option in done.stdout for option in ("FILTER", "--once", "--json", "--summary", "--interval", "--source")
    )


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_import_next_to_nothing(option: str) -> None:
    heavy = {"textual", "rich", "psutil", "pyperclip", "json", "dataclasses", "asyncio", "subprocess"}
    assert not modules_after(option) & heavy


def test_printing_once_imports_no_screen() -> None:
    heavy = {"textual", "rich", "pyperclip", "asyncio", "sockview.reader", "sockview.wire"}
    assert not modules_after("--once", "cw") & heavy
    assert not modules_after("--json", "cw") & heavy


@pytest.mark.parametrize("option", ["--once", "--summary", "--json"])
def test_what_nobody_asks_for_is_not_imported(option: str) -> None:
    """Each of these takes longer than to read a thousand sockets."""
    loaded = modules_after(option)
    assert not loaded & {"sockview.collect.open_trace", "ctypes", "psutil", "datetime", "ipaddress"}
    assert not [name for name in loaded if name.startswith("sockview.model.filter")]
    assert ("sockview.model.diagnosis" in loaded) == (option == "--json")


def test_the_first_screen_waits_for_no_other_module() -> None:
    """The language of filters and what the reader does with it; TLS, which asyncio takes where it is."""
    program = "from sockview.ui import run; run._import_asyncio(); import sockview.ui.app, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "asyncio" in loaded and "sockview.ui.app" in loaded
    assert not loaded & {"ssl", "sockview.model.socket_table", "sockview.ui.help_screen"}
    assert not [name for name in loaded if name.startswith("sockview.model.filter")]


# ------------------------------------------------------------------ wrong usage
@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--nonsense"], "--nonsense"),
        (["--once", "--interval", "0"], "--interval takes 0.1 to 3600 seconds"),
        (["--source", "magic"], "--source takes auto, netlink or psutil"),
        (["--once", "cw", "-stat:cw"], "'-stat:cw'"),
        (["--json", "port:http"], "'http'"),
        (["--once", "state:\x1b[31m"], r"\x1b[31m"),
        (["explain", "tiem-wait"], "did you mean time_wait?"),
        (["explain", "\x1b[31m"], r"\x1b[31m"),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_2(arguments: list[str], part: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert part in done.stderr
    assert done.stderr.startswith("sockview: ")
    assert done.stderr.count("\n") == 1 and done.stderr.rstrip("\n").isprintable()


def test_a_bad_environment_is_wrong_usage_too() -> None:
    done = run("--once", SOCKVIEW_SOURCE="magic")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sockview: SOCKVIEW_SOURCE takes auto, netlink or psutil, not 'magic'.\n"


# ------------------------------------------------------------------ without a terminal
def test_in_a_pipe_it_prints_once_and_says_so() -> None:
    done = run()
    assert done.returncode == 0
    assert done.stdout.split()[:2] == ["PROTO", "STATE"]
    assert done.stderr.splitlines()[0].startswith("sockview: Standard output is no terminal, so ")


def test_asked_to_print_once_it_says_nothing_about_terminals() -> None:
    assert "terminal" not in run("--once").stderr


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_without_a_cursor_gets_the_table(term: str) -> None:
    with Terminal(SOCKVIEW, env=session_free_environment(TERM=term), columns=160) as terminal:
        assert terminal.wait_exit() == 0
        assert b"so the sockets are printed once" in terminal.raw
        assert b"PROTO" in terminal.raw
        assert b"\x1b" not in terminal.raw


def test_without_a_keyboard_it_prints_once() -> None:
    command = ["bash", "-c", f"{' '.join(SOCKVIEW)} </dev/null"]
    with Terminal(command, columns=160) as terminal:
        assert terminal.wait_exit() == 0
        assert b"Standard input is no terminal, so the sockets are printed once" in terminal.raw


# ------------------------------------------------------------------ forms
def test_summary_and_json_print_once() -> None:
    summary = run("--summary")
    assert summary.returncode == 0
    assert summary.stdout.splitlines()[0].split()[0] == "CLOSE_WAIT"
    found = json.loads(run("--summary", "--json").stdout)
    assert found["sockview"] == __version__


def test_a_state_is_explained_with_the_present_parameters() -> None:
    done = run("explain", "close-wait", COLUMNS="70")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"CLOSE_WAIT: (no|[0-9,]+) sockets? now\n", done.stdout)
    assert "you are here ► CLOSE_WAIT" in done.stdout
    value = Path("/proc/sys/net/ipv4/tcp_fin_timeout")
    if value.exists():
        assert f"  net.ipv4.tcp_fin_timeout = {value.read_text().strip()}\n" in done.stdout


def test_explain_alone_lists_the_states() -> None:
    done = run("explain")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[:2]] == ["CLOSE_WAIT", "TIME_WAIT"]
    assert done.stderr == "sockview: Name one to read its card, such as: sockview explain close-wait\n"


def test_explaining_imports_no_screen() -> None:
    assert not modules_after("explain", "cw") & {"textual", "rich", "pyperclip", "asyncio", "sockview.reader"}


def test_words_with_a_minus_are_negations_wherever_they_stand() -> None:
    listening = json.loads(run("-lo", "--json", "-state:time_wait", "--", "-cw").stdout)
    assert all(row["state"] not in ("TIME_WAIT", "CLOSE_WAIT") for row in listening["sockets"])
    assert not any(row["local"]["address"].startswith("127.") for row in listening["sockets"])


def test_nothing_found_says_why() -> None:
    done = run("--once", "pid:999999999")
    assert done.returncode == 0
    assert "No socket matches the filter" in done.stderr


# ------------------------------------------------------------------ ends
@pytest.mark.parametrize(
    "arguments", ["--once", "--json", "--summary", "explain cw", "explain", "--help", "--version", ""]
)
def test_a_closed_pipe_ends_quietly(arguments: str) -> None:
    # `true` has gone before anything is written; the subshell waits for that.
    done = shell(f"(sleep 0.2; $SOCKVIEW {arguments} 2>/dev/null; echo $? >&2) | true")
    assert done.stderr == "0\n"
    done = shell(f"(sleep 0.2; $SOCKVIEW {arguments} 2>&1 >&3 | grep -v 'printed once' >&2) 3>&1 | true")
    assert done.stderr == ""


def test_a_closed_standard_output_is_an_error_in_a_sentence() -> None:
    done = shell("$SOCKVIEW --once >&-")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "Standard output is closed" in done.stderr


@pytest.mark.parametrize("option", ["--once", "--json", "explain cw", "--help"])
def test_a_full_disk_is_an_error_in_a_sentence(option: str) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    done = shell(f"$SOCKVIEW {option} >/dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "sockview: The output could not be written: No space left on device."
    assert "Traceback" not in done.stderr


def test_both_streams_closed_is_no_traceback_either() -> None:
    assert shell("$SOCKVIEW --once >&- 2>&-").returncode == 1


def test_ctrl_c_while_printing_is_130_without_a_word() -> None:
    # The pipe is never read, so the writing stops in the middle: the moment of the interruption is certain.
    program = (
        "import os, sys; from sockview import cli; from sockview.output import once\n"
        "def endless(*_): \n"
        "    sys.stderr.write('writing\\n')\n"
        "    while True: sys.stdout.write('x' * 100_000)\n"
        "once.print_once = endless; sys.exit(cli.main(['--once']))"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "writing\n"
        assert wait_until(lambda: _asleep(process.pid), DEADLINE)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
        assert process.wait(DEADLINE) == 130


def _asleep(pid: int) -> bool:
    """Whether the process waits in a system call."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[0] == b"S"


def test_what_cannot_be_collected_is_a_sentence_and_code_1() -> None:
    program = (
        "import sys; from sockview import cli; from sockview.collect import sources\n"
        "from sockview.errors import CollectError\n"
        "def refuse(*_, **__): raise CollectError('No sockets can be had here: try elsewhere.')\n"
        "sources.open_source = refuse; sys.exit(cli.main(['--once']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "sockview: No sockets can be had here: try elsewhere.\n"


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.EMFILE, "raise ulimit"), (errno.EACCES, "does not run for this user")],
)
def test_why_there_is_no_reader(number: int, remedy: str) -> None:
    sentence = cli._why_no_reader(OSError(number, "x"))
    assert remedy in sentence
    assert "--once" in sentence
