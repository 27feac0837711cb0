"""What is printed once, against real sockets and ss(8) as the referee."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.live.socket_makers import Made, holding
from tests.live.terminal_harness import DEADLINE

SOCKVIEW: Final = [sys.executable, "-m", "sockview"]

#: ss(8) writes states in its own way.
SS_STATES: Final = {"ESTAB": "ESTABLISHED", "FIN-WAIT-1": "FIN_WAIT1", "FIN-WAIT-2": "FIN_WAIT2"}

#: Prints once into nowhere, so that all it needs is imported, then gives up root and prints.
AS_NOBODY: Final = """
import io, os, sys
from sockview.cli import main
out, sys.stdout = sys.stdout, io.StringIO()
main(sys.argv[1:])
sys.stdout = out
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.stderr.write("now as nobody\\n")
sys.exit(main(sys.argv[1:]))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the socket helpers need Linux")


def run(*arguments: str, command: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*(command or SOCKVIEW), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )


def rows(*arguments: str, command: list[str] | None = None) -> list[dict[str, Any]]:
    found: dict[str, Any] = json.loads(run("--json", *arguments, command=command).stdout)
    assert len(found["sockets"]) == sum(found["states"].values())
    sockets: list[dict[str, Any]] = found["sockets"]
    return sockets


@pytest.fixture(scope="module")
def leak() -> Iterator[Made]:
    with holding("close_wait", 7, name="leaker") as made:
        yield made


@pytest.fixture(scope="module")
def left() -> Iterator[Made]:
    with holding("time_wait", 5, name="leaver") as made:
        yield made


def endpoint(text: str) -> tuple[str, int]:
    """``[::1]:443``, ``10.0.0.7%eth0:80`` and ``*:80`` of ss(8) as (address, port)."""
    host, _, port = text.rpartition(":")
    return host.strip("[]").partition("%")[0], 0 if port == "*" else int(port)


def ss_rows(port: int) -> Counter[tuple[str, tuple[str, int], tuple[str, int], frozenset[tuple[int, int]]]]:
    """(state, local, remote, (pid, fd) of each holder) of the TCP sockets with that port, as ss(8) sees them."""
    command = ["ss", "-tanpH", f"( sport = :{port} or dport = :{port} )"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found: Counter[tuple[str, tuple[str, int], tuple[str, int], frozenset[tuple[int, int]]]] = Counter()
    for line in lines:
        state, _recv, _send, local, remote, *rest = line.split()
        holders = frozenset((int(pid), int(fd)) for pid, fd in re.findall(r"pid=(\d+),fd=(\d+)", " ".join(rest)))
        name = SS_STATES.get(state, state.replace("-", "_"))
        found[name, endpoint(local), endpoint(remote), holders] += 1
    return found


@pytest.mark.skipif(shutil.which("ss") is None, reason="ss (iproute2) is not installed")
@pytest.mark.parametrize("fixture", ["leak", "left"])
def test_rows_states_and_holders_are_those_of_ss(fixture: str, request: pytest.FixtureRequest) -> None:
    made: Made = request.getfixturevalue(fixture)
    ours = Counter(
        (
            row["state"],
            (row["local"]["address"], row["local"]["port"]),
            (row["remote"]["address"], row["remote"]["port"]),
            frozenset((owner["pid"], owner["fd"]) for owner in row["owners"] if owner["evidence"] == "fd"),
        )
        for row in rows(f"port:{made.port}", "tcp")
    )
    assert ours == ss_rows(made.port)


def test_close_wait_names_its_process_and_descriptor(leak: Made) -> None:
    found = rows("cw", f"lport:{leak.port}")
    assert len(found) == 7
    for row in found:
        (owner,) = row["owners"]
        assert (owner["pid"], owner["name"], owner["evidence"], owner["certain"]) == (leak.pid, "leaker", "fd", True)
        link = os.readlink(f"/proc/{leak.pid}/fd/{owner['fd']}")
        assert link == f"socket:[{row['inode']}]"
        assert row["no_owner"] is None
        least, most = row["age_s"]["at_least"], row["age_s"]["at_most"]
        assert least >= 0 and (most is None or least <= most)


def test_time_wait_has_an_age_and_at_most_a_likely_owner(left: Made) -> None:
    found = rows("tw", f"port:{left.port}")
    assert len(found) == 5
    for row in found:
        assert 0 <= row["age_s"]["at_least"] <= row["age_s"]["at_most"] <= row["age_s"]["at_least"] + 0.11 <= 60.11
        assert (row["inode"], row["uid"]) == (None, None)
        assert not any(owner["certain"] for owner in row["owners"])
        assert bool(row["owners"]) != bool(row["no_owner"])


def test_the_table_has_the_same_rows(leak: Made) -> None:
    header, *lines = run("--once", "cw", f"lport:{leak.port}").stdout.splitlines()
    assert header.split()[:2] == ["PROTO", "STATE"]
    assert len(lines) == 7
    assert all(f" {leak.pid} " in line and "leaker" in line and "\x1b" not in line for line in lines)


def test_the_summary_counts_the_same(leak: Made) -> None:
    counts = dict(line.split() for line in run("--summary", f"lport:{leak.port}").stdout.splitlines())
    assert counts == {"CLOSE_WAIT": "7", "TIME_WAIT": "0", "LISTEN": "1", "total": "8"}


def test_a_negated_word_takes_them_away(leak: Made) -> None:
    assert rows("-cw", f"lport:{leak.port}", "-state:listen") == []
    assert len(rows(f"port:{leak.port}", "--", "-listen", "-fin_wait2")) == 7


def test_both_sources_tell_the_same(leak: Made) -> None:
    def told(source: str) -> list[str]:
        parts = ("state", "local", "remote", "uid", "owners")
        return sorted(
            json.dumps([row[part] for part in parts]) for row in rows("cw", f"lport:{leak.port}", "--source", source)
        )

    assert len(told("psutil")) == 7
    assert told("psutil") == told("netlink")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run it as another user")
def test_another_user_is_told_that_the_owner_is_hidden(leak: Made) -> None:
    nobody = [sys.executable, "-c", AS_NOBODY]
    found = rows("cw", f"lport:{leak.port}", command=nobody)
    assert [(row["owners"], row["no_owner"], row["user"]) for row in found] == [([], "hidden", "root")] * 7
    noted = run("--once", "cw", f"lport:{leak.port}", command=nobody).stderr.partition("now as nobody\n")[2]
    assert noted == "sockview: 7 sockets of other users: processes hidden, run with sudo to see them.\n"


def test_a_hostile_process_name_is_harmless() -> None:
    with holding("close_wait", 1, name="\x1b[31m\nevil\x07") as made:
        out = run("--once", f"lport:{made.port}").stdout
        assert out.replace("\n", "").isprintable()
        assert r"\x1b[31m\nevil\x07" in out
        assert len(out.splitlines()) == 1 + len(rows(f"lport:{made.port}"))
        names = {owner["name"] for row in rows(f"lport:{made.port}") for owner in row["owners"]}
        assert names == {r"\x1b[31m\nevil\x07"}


def test_a_name_that_the_locale_cannot_write_is_written_out() -> None:
    with holding("close_wait", 1, name="データ") as made:
        done = subprocess.run(
            [*SOCKVIEW, "--once", f"pid:{made.pid}"],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert r"\u30c7\u30fc\u30bf" in done.stdout
