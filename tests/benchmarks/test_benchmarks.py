"""The benchmark does what it says; how long anything takes is not tested."""

from __future__ import annotations

import gc
import random
import resource
import subprocess
import sys
import time
from collections import Counter

import pytest

from sockview.model.inet_socket import TIME_WAIT_SECONDS
from sockview.model.query import Query
from tests.benchmarks.apart import network_apart
from tests.benchmarks.crowd import MOST_SOCKETS, Crowd, shares, why_not
from tests.benchmarks.crowd_worker import Churn, Worker, address
from tests.benchmarks.filter_typing import alike, apart
from tests.benchmarks.footprint import cpu_of, family, proportional, resident
from tests.benchmarks.memory import Sample, lines_of
from tests.benchmarks.owners import check_owners, parse_ss
from tests.benchmarks.phases import PHASES, SteadyReader
from tests.benchmarks.report import Line, markdown, table
from tests.benchmarks.timed_terminal import SlowTerminal, TimedTerminal
from tests.benchmarks.timing import cost_of, measure, percentile, without_garbage_collection
from tests.benchmarks.tracing import measure_tracing
from tests.live.terminal_harness import DEADLINE
from tests.waiting import wait_until

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the crowd needs Linux")


# ------------------------------------------------------------ the crowd
@pytest.mark.parametrize("descriptors", [1024, 4096, 20_000])
def test_shares_fit_into_the_descriptors_of_a_process(descriptors: int) -> None:
    for sockets in (100, 50_000, 500_000):
        made = shares(sockets, 8, descriptors)
        assert len(made) >= 8
        assert all(2 * (share.established + share.half_closed) < min(MOST_SOCKETS, descriptors - 32) for share in made)
        total = sum(2 * (share.established + share.half_closed) + share.time_waits for share in made)
        assert abs(total - sockets) <= 3 * len(made)
        assert len({address(share.index) for share in made}) == len(made)


def test_every_process_has_its_share_of_the_churn() -> None:
    made = shares(60_000, 8)
    assert sum(float(share.arguments(0.01)[-1]) for share in made) == pytest.approx(600, rel=0.01)
    assert len({share.arguments(0.01)[-1] for share in made}) == 1


@linux_only
def test_a_crowd_too_large_for_the_machine_is_refused_with_the_reason() -> None:
    assert why_not(100) is None
    assert "10,000,000,000 sockets need" in (why_not(10_000_000_000) or "")


@linux_only
def test_the_crowd_is_what_it_says() -> None:
    with network_apart() as prefix, Crowd(200, processes=2, churn=0.0, prefix=prefix) as crowd:
        assert crowd.processes == 2 and crowd.seconds_to_make > 0
        command = [*prefix, "ss", "-tanH"]
        if not prefix:
            pytest.skip("no right to make a network namespace: other tests' crowds may be there too")
        states = Counter(line.split()[0] for line in subprocess.check_output(command, text=True).splitlines())
    states["FIN-WAIT-2"] += states.pop("FIN-WAIT-1", 0)  # the last few wait for a delayed ACK (40 ms)
    assert states == {"ESTAB": 140, "CLOSE-WAIT": 20, "FIN-WAIT-2": 20, "TIME-WAIT": 20, "LISTEN": 2}


class CountingWorker(Worker):
    opened = 0

    def open(self) -> None:
        self.opened += 1
        super().open()


@linux_only
def test_the_churn_keeps_the_numbers_and_changes_every_state() -> None:
    worker = CountingWorker(7)
    for _ in range(40):
        worker.open()
    for _ in range(10):
        worker.half_close()
    first = set(worker.established), set(worker.half_closed)
    churn = Churn(worker, time_waits=int(TIME_WAIT_SECONDS), sockets_a_second=6.0)
    worker.opened = 0
    for _ in range(100):
        churn.step(1.0)
        assert 27 <= len(worker.established) <= 33 and 7 <= len(worker.half_closed) <= 13
    assert 290 <= worker.opened <= 310
    assert not (first[0] & set(worker.established) or first[1] & set(worker.half_closed))
    for ends in (*worker.established, *worker.half_closed):
        for end in ends:
            end.close()
    worker.listener.close()


@linux_only
def test_a_worker_that_ends_too_early_is_noticed() -> None:
    with pytest.raises(RuntimeError, match="1 processes of the crowd ended"), Crowd(40, processes=2) as crowd:
        crowd._workers[0].kill()
        assert wait_until(lambda: crowd._workers[0].poll() is not None)


# ------------------------------------------------------------ a reader's rounds
@linux_only
def test_the_phases_of_a_refresh_are_all_of_it() -> None:
    with Crowd(100, processes=2), without_garbage_collection(), SteadyReader(Query(serial=1, filter="cw")) as reader:
        reader.refresh()
        reader.phases.seconds.clear()
        cost = cost_of(reader.refresh)
        seconds = dict(reader.phases.seconds)
        checked = check_owners(reader)
        view = reader.refresh()
        assert not gc.isenabled()
    assert gc.isenabled()
    assert set(seconds) <= set(PHASES) and all(value >= 0 for value in seconds.values())
    assert sum(seconds.values()) == pytest.approx(cost.cpu, rel=0.2, abs=0.01)
    assert view.length >= 10
    assert checked.compared >= 50 and checked.stale == []


def test_what_ss_shows_is_read() -> None:
    text = (
        'ESTAB 0 0 127.0.0.1:41 127.10.0.1:80 users:(("a b",pid=7,fd=3),("x",pid=8,fd=3))\n'
        "TIME-WAIT 0 0 127.0.0.1:42 127.10.0.1:80 \n"
        "ESTAB 0 0 127.0.0.1:43 127.10.0.1:80 \n"
        'LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=1,fd=4))\n'
    )
    assert parse_ss(text) == {
        ("127.0.0.1:41", "127.10.0.1:80"): frozenset({(7, 3), (8, 3)}),
        ("127.0.0.1:42", "127.10.0.1:80"): frozenset(),
    }


# ------------------------------------------------------------ terminals
@linux_only
def test_a_screen_in_a_terminal_is_read_and_timed() -> None:
    with (
        network_apart() as prefix,
        Crowd(60, processes=1, churn=0.0, prefix=prefix),
        TimedTerminal.with_sockview(prefix=prefix) as terminal,
    ):
        terminal.wait_for_rows()
        terminal.settle(quiet=0.3, timeout=3)
        assert all(0 < seconds < DEADLINE for seconds in terminal.press_many(8, random.Random(1)))
        if prefix:
            assert terminal.rows_in_view == 61
        members = family(terminal.process.pid)
        assert len(members) == 2
        assert 0 < proportional(members[0]) <= resident(members[0])
        assert cpu_of(members[0]) > 0
        terminal.quit()


@linux_only
def test_a_slow_line_is_slow_and_loses_nothing() -> None:
    start = time.perf_counter()
    with SlowTerminal(["sh", "-c", "printf '%8000d' 1"]) as terminal:
        terminal.wait_exit()
    assert terminal.raw == b" " * 7999 + b"1"
    assert time.perf_counter() - start >= 8000 / SlowTerminal.pace * 0.9


# ------------------------------------------------------------ figures
def test_every_contender_runs_in_turn_and_once_more_than_counted() -> None:
    runs: list[str] = []
    contenders = {"a": lambda: runs.append("a"), "b": lambda: runs.append("b")}
    costs = measure(contenders, rounds=2, tidy=lambda: runs.append("-"))
    assert "".join(runs) == "-a-b" * 3
    assert list(costs) == ["a", "b"] and all(cost.wall >= 0 for cost in costs.values())


def test_the_cost_of_a_child_is_counted() -> None:
    spin = [sys.executable, "-c", "import time\nwhile time.process_time() < 0.2: pass"]
    assert cost_of(lambda: subprocess.run(spin, check=True)).cpu >= 0.2


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 95), percentile([7.0], 95)) == (51.0, 96.0, 7.0)


def test_lines_tell_what_is_reached_and_by_how_much_not() -> None:
    lines = [
        Line("keys", 0.06, "ms", 0.05),
        Line("refresh", 0.2, "ms", 0.25, 0.2, "ss", "wall 210 ms"),
        Line("wrong", 3, "sockets", 0),
        Line("top", 0.004, "of a core"),
    ]
    assert [line.reached for line in lines] == [False, True, False, None]
    assert [line.cells()[1:] for line in lines] == [
        ("60.0 ms", "", "<= 50.0 ms", "no, 1.20 times that"),
        ("200 ms", "0.20 of ss", "<= 0.25", "yes (wall 210 ms)"),
        ("3 sockets", "", "<= 0 sockets", "no"),
        ("0.4% of a core", "", "", ""),
    ]
    assert len(table(lines).splitlines()) == 5
    assert markdown(lines).splitlines()[2] == "| keys | 60.0 ms |  | <= 50.0 ms |"
    assert "top" not in markdown(lines)


def test_growth_is_that_of_the_second_half() -> None:
    samples = [Sample(number * 10**6, 2 * number * 10**6) for number in (*range(100), *[100] * 100)]
    together, added, growth = lines_of(samples, 10.0, 100_000)
    assert (together.value, added.value, growth.value) == (100e6, 200e6, 0)
    assert growth.reached
    assert lines_of(samples[:100], 5.0, 100_000)[2].value > 40e6
    assert lines_of(samples[:100], 5.0, 100_000)[2].reached is None


def test_a_number_of_rows_is_recognised_although_the_crowd_goes_on() -> None:
    assert alike(10_300, 10_000) and alike(0, 0) and alike(3, 0)
    assert apart(10_000, 20_000) and apart(30, 0) and not apart(10_000, 14_000)
    for expected in (0, 10, 1000):
        for other in range(2000):
            if apart(expected, other):
                assert not any(alike(shown, other) for shown in range(0, 2000, 3) if alike(shown, expected))


# ------------------------------------------------------------ the whole
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
    command = [sys.executable, "-m", "tests.benchmarks", "--sockets", "40", "--rounds", "1", "--markdown"]
    done = subprocess.run(
        [*command, "--only", "starts", "first", "table"],
        capture_output=True,
        text=True,
        timeout=4 * DEADLINE,
        check=True,
    )
    for what in (
        "bare receive",
        "tcp_info, CLOSE_WAIT",
        "psutil",
        "cold collection",
        "--once --json",
        "exec to first rows, 40",
        "| sockview --help",
    ):
        assert what in done.stdout


@linux_only
def test_sockets_that_cannot_be_made_are_left_out_with_the_reason() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    command = [sys.executable, "-m", "tests.benchmarks", "--only", "table", "--sockets", str(limit * 10**6)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert "cannot be made here" in done.stdout
