"""A crowd of real processes with a known truth: a certain owner is never wrong, and no age either.

It lasts some seconds; SOCKVIEW_TRUTH_SECONDS asks for a longer one. `pytest -rP` prints the tables.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import pytest

from sockview.model import tcp_state
from sockview.model.owner import Evidence, NoOwner, Process
from sockview.model.query import MAX_WINDOW, PidQuery, Pids, Query, View
from sockview.model.tcp_state import parse_state, state_name
from tests.live.churn.events import Identity, read_events
from tests.live.churn.looks import Look, Named, Row, read_looks
from tests.live.churn.rights import may_choose_pids, may_leave_network
from tests.live.churn.run import churning
from tests.live.churn.truth import Truth
from tests.live.churn.verdict import SENT_AGAIN, Outcome, Verdict, dated, judge, judge_row, table, wrong_ages
from tests.live.churn.watcher import Kind, watching
from tests.reader_client import ReaderClient

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: sock_diag and /proc")

SECONDS: Final = float(os.environ.get("SOCKVIEW_TRUTH_SECONDS", "4"))
#: The fewest looks of each watcher before the crowd rests, however busy the machine is.
LOOKS: Final = 10
#: How often what is hard must have happened at least.
OFTEN: Final = 10
IS_ROOT: Final = hasattr(os, "geteuid") and os.geteuid() == 0
KINDS: Final[tuple[Kind, ...]] = ("traced", "lossy", "untraced", "nobody") if IS_ROOT else ("untraced",)
#: Of a side that closed first.
CLOSED_FIRST: Final = (tcp_state.TIME_WAIT, tcp_state.FIN_WAIT1, tcp_state.FIN_WAIT2)


class Copied(NamedTuple):
    """The PIDs that a copy of one row took, not before `began`."""

    began: float
    key: str
    pids: Pids


@dataclass(repr=False)  # a failed test would print all of it
class Watched:
    """All that was seen of one crowd, and the truth about it."""

    seed: int
    truth: Truth
    looks: dict[Kind, list[Look]]
    why_not_traced: dict[Kind, str]
    printed: Look
    copied: list[Copied]
    _verdicts: dict[Kind, list[Verdict]] = field(default_factory=dict)

    def seen(self, kind: Kind) -> list[Look]:
        if kind not in self.looks:
            pytest.skip("needs root")
        if kind in ("traced", "lossy") and self.why_not_traced[kind]:
            pytest.skip(f"nothing can be traced here: {self.why_not_traced[kind]}")
        return self.looks[kind]

    def verdicts(self, kind: Kind) -> list[Verdict]:
        looks = self.seen(kind)
        if kind not in self._verdicts:
            self._verdicts[kind] = list(judge(self.truth, looks, sees_all=kind != "nobody"))
        return self._verdicts[kind]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    folder, seed = tmp_path_factory.mktemp("truth"), random.randrange(1_000_000)
    log = folder / "events"
    with churning(log, seed) as crowd, ExitStack() as stack:
        client = stack.enter_context(ReaderClient())
        ports = ",".join(map(str, crowd.ports))
        query = Query(serial=1, filter=f"port:{ports}", interval=0.2, count=1)
        client.ask(query)
        watchers = {kind: stack.enter_context(watching(kind, crowd.ports, folder / kind)) for kind in KINDS}
        crowd.go()
        time.sleep(SECONDS)
        for watcher in watchers.values():
            watcher.wait_for(LOOKS)
        crowd.rest()
        printed = print_once(ports)
        copied = list(copy_each(client, query))
        crowd.end()
        time.sleep(0.5)  # a look or two after all of them have gone
    why_not = {kind: watcher.why_not for kind, watcher in watchers.items()}
    looks = {kind: list(read_looks(folder / kind)) for kind in KINDS}
    return Watched(seed, Truth(read_events(log)), looks, why_not, printed, copied)


def print_once(ports: str) -> Look:
    """What ``sockview --json`` says while the crowd rests."""
    began = time.monotonic()
    command = [sys.executable, "-m", "sockview", "--json", f"port:{ports}", "tcp"]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, timeout=60).stdout
    ended = time.monotonic()
    return Look(began, began, ended, ended, 0, tuple(printed_row(row) for row in json.loads(said)["sockets"]))


def printed_row(row: dict[str, Any]) -> Row:
    """It tells no start of a process: the PID must do."""
    state = parse_state(row["state"])
    assert state is not None
    owners = tuple(
        Named(Process(owner["pid"], owner["name"], "", -1), Evidence(owner["evidence"]), exited=False)
        for owner in row["owners"]
    )
    assert all(owner.evidence.certain == said["certain"] for owner, said in zip(owners, row["owners"], strict=True))
    no_owner = None if row["no_owner"] is None else NoOwner(row["no_owner"])
    ends = " ".join(f"{end['address']}:{end['port']}" for end in (row["local"], row["remote"]))
    return Row(int(row["cookie"], 16), state, ends, owners, no_owner, (), None)


def copy_each(client: ReaderClient, query: Query) -> Iterator[Copied]:
    """Copy every row by itself, from a reader that has watched the crowd from its beginning."""
    now, view = time.time(), client.ask(replace(query, serial=2, count=MAX_WINDOW))
    while view.summary.taken_at < now:
        view = client.wait_for(View)
    for serial, row in enumerate(view.rows, 3):
        began = time.monotonic()
        client.send(PidQuery(serial, (row.key,)))
        pids = client.wait_for(Pids)
        assert pids.serial == serial
        yield Copied(began, row.key, pids)


def wrong(verdicts: list[Verdict]) -> list[str]:
    """A line for each, not the verdicts, which hold whole tables."""
    return [
        f"{state_name(row.state)} {row.ends} (cookie {row.cookie}), look {look.began:.3f} to {look.ended:.3f}: {why}"
        for row, look, _, outcome, why in verdicts
        if outcome is Outcome.WRONG
    ]


def report(title: str, verdicts: list[Verdict], seed: int) -> None:
    print(f"\n{title}: what was said of {len(verdicts)} rows (seed {seed})\n{table(verdicts)}")


# ---------------------------------------------------------------- the crowd itself
def test_the_crowd_does_what_is_hard_to_follow(watched: Watched) -> None:
    """Without this the other tests would prove little."""
    truth = watched.truth
    assert sum(len(named_so(truth, openers, "lane-")) - 1 for openers in lanes(truth)) > OFTEN
    if may_choose_pids():
        assert truth.reused_pids() > OFTEN
    if may_leave_network():
        assert sum(len(named_so(truth, openers, "twin-")) for openers in lanes(truth)) > OFTEN
    shared = [cookie for cookie in truth.cookies if len({hold.who for hold in truth.held(cookie)}) > 1]
    assert len(shared) > OFTEN


def test_every_socket_is_in_the_truth(watched: Watched) -> None:
    """But for what the ports have left from others, and the first states: the kernel gives SYN_RECV another cookie."""
    for looks in watched.looks.values():
        earlier = {row.cookie for row in looks[0].rows}
        opening = (tcp_state.SYN_SENT, tcp_state.SYN_RECV)
        seen = {row.cookie for look in looks for row in look.rows if row.state not in opening}
        assert len(seen - earlier - watched.truth.cookies) == 0


def lanes(truth: Truth) -> list[set[Identity]]:
    """For each two ends that brief processes take one after the other: all of those processes."""
    return [openers for openers in truth.openers().values() if named_so(truth, openers, "lane-")]


def named_so(truth: Truth, processes: Iterable[Identity], prefix: str) -> list[Identity]:
    return [who for who in processes if any(name.startswith(prefix) for name in truth.names(who))]


# ---------------------------------------------------------------- owners
@pytest.mark.parametrize("kind", ["traced", "lossy", "untraced", "nobody"])
def test_a_certain_owner_is_never_wrong(watched: Watched, kind: Kind) -> None:
    verdicts = watched.verdicts(kind)
    report(kind, verdicts, watched.seed)
    assert wrong(verdicts) == []


#: (state, evidence) of which there must be rows.
EVIDENCE: Final[dict[Kind, frozenset[tuple[int, str]]]] = {
    "traced": frozenset((state, "traced") for state in (tcp_state.TIME_WAIT, tcp_state.FIN_WAIT2)),
    "lossy": frozenset(((tcp_state.TIME_WAIT, "traced"), (tcp_state.TIME_WAIT, "orphan"))),
    "untraced": frozenset(
        (
            (tcp_state.ESTABLISHED, "fd"),
            (tcp_state.CLOSE_WAIT, "fd"),
            (tcp_state.FIN_WAIT2, "fd"),
            (tcp_state.LISTEN, "fd"),
            (tcp_state.FIN_WAIT2, "seen"),
            (tcp_state.TIME_WAIT, "seen"),
            (tcp_state.TIME_WAIT, "listener"),
        )
    ),
    "nobody": frozenset(
        (
            (tcp_state.ESTABLISHED, "fd"),
            (tcp_state.ESTABLISHED, "hidden"),
            (tcp_state.CLOSE_WAIT, "hidden"),
            (tcp_state.TIME_WAIT, "seen"),
        )
    ),
}


@pytest.mark.parametrize("kind", ["traced", "lossy", "untraced", "nobody"])
def test_every_evidence_occurs(watched: Watched, kind: Kind) -> None:
    counts = Counter((verdict.row.state, verdict.evidence) for verdict in watched.verdicts(kind))
    assert EVIDENCE[kind] <= counts.keys()
    assert sum(counts.values()) > 100 * OFTEN
    assert bool(watched.seen(kind)[-1].lost) is (kind == "lossy")


def test_processes_of_milliseconds_are_named(watched: Watched) -> None:
    """Only the kernel's report can name them: they live between two looks."""
    truth, last = watched.truth, {row.cookie: (look, row) for look in watched.seen("traced") for row in look.rows}
    named: Counter[bool] = Counter()
    for cookie, (look, row) in last.items():
        fin = truth.fin(cookie)
        if row.state not in CLOSED_FIRST or fin is None or len(fin.by) != 1:
            continue
        (who,) = fin.by
        exited = truth.exited(who)
        is_brief = named_so(truth, fin.by, "brief-") or named_so(truth, fin.by, "lane-")
        if not is_brief or exited is None or exited.latest > look.began:
            continue
        verdict = judge_row(truth, look, row)
        named[verdict.outcome is Outcome.RIGHT and all(owner.exited for owner in row.owners)] += 1
    print(f"\nprocesses of milliseconds: {named[True]} named, {named[False]} not")
    assert named[True] > OFTEN
    assert named[True] > 0.8 * named.total()


# ---------------------------------------------------------------- ages
@pytest.mark.parametrize("kind", ["traced", "untraced", "nobody"])
def test_an_age_is_within_its_bounds(watched: Watched, kind: Kind) -> None:
    looks = watched.seen(kind)
    known = Counter(row.state for _, row in dated(watched.truth, looks))
    assert {tcp_state.ESTABLISHED, tcp_state.CLOSE_WAIT, tcp_state.FIN_WAIT2, tcp_state.TIME_WAIT} <= known.keys()
    assert [why for _, why in wrong_ages(watched.truth, looks, SENT_AGAIN)] == []
    assert len(list(wrong_ages(watched.truth, looks))) < 0.02 * known.total()


# ---------------------------------------------------------------- through the program
def test_what_is_printed_once_is_right(watched: Watched) -> None:
    verdicts = list(judge(watched.truth, [watched.printed]))
    report("sockview --json", verdicts, watched.seed)
    assert wrong(verdicts) == []
    counts = Counter((verdict.row.state, verdict.evidence) for verdict in verdicts)
    assert {(tcp_state.CLOSE_WAIT, "fd"), (tcp_state.LISTEN, "fd"), (tcp_state.TIME_WAIT, "listener")} <= counts.keys()


def test_no_wrong_pid_is_copied(watched: Watched) -> None:
    truth, certain, strangers = watched.truth, 0, []
    for copied in watched.copied:
        holders = {hold.who for hold in truth.held(int(copied.key))}
        for pid in copied.pids.certain:
            certain += 1
            if not any(who[0] == pid and still_there(truth, who, copied.began) for who in holders):
                strangers.append((copied, holders))
    print(f"\n{len(watched.copied)} rows copied, {certain} certain PIDs, {len(strangers)} of them wrong")
    assert strangers == []
    assert len(watched.copied) > certain > OFTEN


def still_there(truth: Truth, who: Identity, now: float) -> bool:
    exited = truth.exited(who)
    return exited is None or exited.latest >= now
