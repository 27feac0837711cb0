"""The benchmark does what it says; how long anything takes is not tested."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from sockview.collect.native import NativeSource
from sockview.model.inet_socket import address_text
from sockview.model.steps import finish
from sockview.model.tcp_state import state_name
from tests.benchmarks.crowd import MOST_DESCRIPTORS, Crowd, shares
from tests.benchmarks.timing import measure, percentile
from tests.benchmarks.tracing import measure_tracing
from tests.live.terminal_harness import DEADLINE

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the crowd needs Linux")


def test_shares_fit_into_the_descriptors_of_a_process() -> None:
    for sockets in (100, 50_000, 500_000):
        made = shares(sockets, 8)
        assert len(made) >= 8
        assert all(2 * (share.established + share.half_closed) < MOST_DESCRIPTORS for share in made)
        total = sum(2 * (share.established + share.half_closed) + share.time_waits for share in made)
        assert abs(total - sockets) <= 3 * len(made)


@linux_only
def test_the_crowd_is_what_it_says() -> None:
    # Two workers: on 127.10.0.1 and 127.11.0.1.
    with Crowd(200, processes=2):
        snapshot = finish(NativeSource().collect())
    mine = [
        s
        for s in snapshot.sockets
        if {address_text(s.local_address), address_text(s.remote_address)} & {"127.10.0.1", "127.11.0.1"}
    ]
    held = Counter(state_name(s.state) for s in mine if s.inode in snapshot.holders)
    held["FIN_WAIT2"] += held.pop("FIN_WAIT1", 0)  # the last few wait for a delayed ACK (40 ms)
    assert held == {"ESTABLISHED": 140, "CLOSE_WAIT": 20, "FIN_WAIT2": 20, "LISTEN": 2}
    # Other tests' crowds may have left some too.
    assert sum(state_name(s.state) == "TIME_WAIT" for s in mine) >= 20


def test_every_contender_runs_in_turn_and_once_more_than_counted() -> None:
    runs: list[str] = []
    costs = measure({"a": lambda: runs.append("a"), "b": lambda: runs.append("b")}, rounds=2)
    assert runs == ["a", "b"] * 3
    assert list(costs) == ["a", "b"] and all(cost.wall >= 0 for cost in costs.values())


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 95), percentile([7.0], 95)) == (51.0, 96.0, 7.0)


@linux_only
def test_every_connection_of_a_traced_run_is_reported() -> None:
    cost = measure_tracing(rounds=2, connections=200)
    if isinstance(cost, str):
        pytest.skip(f"not tracing: {cost}")
    assert cost.connections == 200 and cost.plain_cpu > 0 and cost.traced_cpu > 0
    # One that opens and two that close; other programs may do so too.
    assert cost.reports + cost.lost >= 600


@linux_only
def test_the_command_prints_its_table() -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "--sockets", "40", "--rounds", "1", "--only", "tables"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * DEADLINE, check=True)
    for contender in (
        "bare receive",
        "tcp_info, CLOSE_WAIT",
        "tcp_info, ESTABLISHED",
        "psutil",
        "owners, cold",
        "--once --json",
        "--version",
    ):
        assert contender in done.stdout
