"""What is kept from table to table, against what one table alone tells: the findings, and the sockets of a process."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockview.model import tcp_state
from sockview.model.diagnosis import Diagnosis, diagnose
from sockview.model.diagnosis.accounts import Accounts
from sockview.model.diagnosis.suspects import SuspectFinder
from sockview.model.inet_socket import TIMER_RETRANSMIT, TIMER_ZERO_WINDOW, InetSocket
from sockview.model.limits import Limits
from sockview.model.observation import Observation
from sockview.model.pane import Describer, describe
from sockview.model.process_sockets import ProcessSockets
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from sockview.model.thresholds import Thresholds
from tests.model.builders import busy_snapshot, make_process, make_snapshot, make_table
from tests.model.changes import following
from tests.model.findings import many
from tests.model.socket_world import World

#: Everything is a finding, and of some kinds there are more than are told one by one.
HASTY = Thresholds(
    findings_per_rule=1,
    close_wait_age=0.0,
    close_wait_count=1,
    close_wait_growing_count=1,
    unaccepted_count=1,
    unaccepted_age=0.0,
    port_share=0.1,
    time_wait_share=0.001,
    half_open_count=1,
    syn_age=1.0,
    closing_count=1,
    closing_age=0.0,
    half_closed_age=0.0,
    half_closed_count=1,
    fin_wait2_age=0.0,
    fin_wait2_count=1,
    stuck_count=1,
    silent_count=1,
)
PARAMETERS = {"net.ipv4.ip_local_port_range": "40000 40005", "net.ipv4.tcp_max_tw_buckets": "100"}


def troubled(s: InetSocket) -> InetSocket:
    """Every third ESTABLISHED gets no answer, every other third meets a closed window."""
    if s.state != tcp_state.ESTABLISHED or not s.cookie % 3:
        return s
    timer = TIMER_RETRANSMIT if s.cookie % 3 == 1 else TIMER_ZERO_WINDOW
    return s._replace(timer=timer, send_q=10 + s.recv_q if s.recv_q else 10, retransmits=6, expires_ms=9000)


def troubled_looks(seed: int, count: int) -> Iterator[Snapshot]:
    """Looks at a machine where everything goes wrong, each with its true change."""
    world, last = World(seed), None
    for number in range(count):
        look = world.look()
        plain = replace(
            look,
            sockets=tuple(map(troubled, look.sockets)),
            limits=Limits(PARAMETERS if (seed + number) % 13 else {}, look.limits.counters),
            silent={s.cookie: 9000.0 for s in look.sockets if s.cookie % 2},
        )
        last = replace(plain, serial=1, change=None) if last is None else following(last, plain)
        yield last


def tables(seed: int, count: int = 20) -> Iterator[SocketTable]:
    observation = Observation()
    for look in troubled_looks(seed, count):
        yield finish(observation.add(look))


@given(st.integers(min_value=0))
@settings(max_examples=60, deadline=None)
def test_the_findings_of_a_followed_table_are_those_of_the_table_alone(seed: int) -> None:
    diagnosis = Diagnosis(HASTY)
    for number, table in enumerate(tables(seed)):
        if (seed + number) % 7 == 0:
            given_up = diagnosis.of(table)
            list(islice(given_up, seed % 5))
            given_up.close()
        assert finish(diagnosis.of(table)) == finish(diagnose(table, HASTY)), f"look {number} of {seed}"


def test_everything_that_a_rule_can_find_is_found_in_such_a_world() -> None:
    kinds = {finding.kind for seed in range(8) for table in tables(seed) for finding in finish(diagnose(table, HASTY))}
    assert {
        "close-wait-leak",
        "ephemeral-ports",
        "no-answer",
        "peer-not-answering",
        "peer-not-closing",
        "peer-not-reading",
        "silent-peers",
        "time-wait-buckets",
    } <= kinds


@given(st.integers(min_value=0))
@settings(max_examples=60, deadline=None)
def test_the_sockets_of_a_process_are_those_that_it_claims(seed: int) -> None:
    followed, asked = ProcessSockets(), None
    for number, table in enumerate(tables(seed)):
        identities = {claim.process.identity for s in table.snapshot.sockets for claim in table.claims(s)}
        if asked is None or (seed + number) % 5 == 0:
            asked = min(identities, default=None)
        for identity in () if asked is None else (asked, asked):  # twice: the second time nothing has changed
            found = finish(followed.of(table, identity))
            claimed = [
                s for s in table.snapshot.sockets if identity in {claim.process.identity for claim in table.claims(s)}
            ]
            assert sorted(found) == sorted(claimed), f"look {number} of {seed}"


@given(st.integers(min_value=0))
@settings(max_examples=30, deadline=None)
def test_a_row_is_described_as_in_the_table_alone(seed: int) -> None:
    describer = Describer()
    for number, table in enumerate(tables(seed)):
        sockets = table.snapshot.sockets
        keys = [str(s.cookie) for s in sockets[:1]] * 2
        keys += [f"pid:{p.pid}:{p.started}" for s in sockets[:3] for p, _certain, _exited in table.claims(s)]
        for key in keys:
            assert finish(describer.steps(table, key)) == describe(table, key), f"look {number} of {seed}"


def leaking(number: int, clock: float) -> Snapshot:
    held = many(number, "CLOSE_WAIT", recv_q=1)
    return make_snapshot(held, {make_process(7): held}, clock=clock)


def test_what_has_not_changed_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = replace(leaking(30, 100.0), serial=1)
    second = following(first, leaking(35, 101.0))
    third = following(second, leaking(33, 102.0))
    finder, sockets, observation = SuspectFinder(Thresholds()), ProcessSockets(), Observation()
    table = finish(observation.add(first))
    finish(finder.find(table))
    finish(sockets.of(table, (7, 1000)))
    entered: list[int] = []
    enter = ProcessSockets._enter

    def enter_counted(self: ProcessSockets, found: Sequence[InetSocket], at: Snapshot) -> Generator[None, None, None]:
        entered.append(len(found))
        return enter(self, found, at)

    monkeypatch.setattr(Accounts, "fill", None)
    monkeypatch.setattr(ProcessSockets, "_enter", enter_counted)
    for look, number, new in ((second, 35, 5), (third, 33, 0)):
        table = finish(observation.add(look))
        suspects = finish(finder.find(table))
        (account,) = suspects.close_waits
        assert account.lot.sockets == many(number, "CLOSE_WAIT", recv_q=1)
        assert (account.traits.unread, len(account.traits.fds)) == ({1: number}, number)
        assert finish(sockets.of(table, (7, 1000))) == account.lot.sockets
        assert entered.pop() == new


@pytest.mark.parametrize("flaw", ["none", "other", "come", "unread"])
def test_a_change_that_does_not_lead_here_is_not_followed(flaw: str) -> None:
    first = replace(leaking(30, 100.0), serial=1)
    second = following(first, leaking(35, 101.0))
    assert second.change is not None
    flawed = {
        "none": replace(second, change=None),
        "other": replace(second, change=replace(second.change, since=7)),
        "come": replace(second, change=replace(second.change, come=second.change.come[1:])),
        "unread": replace(second, owners_read=False, holders={}),
    }[flaw]
    diagnosis, sockets = Diagnosis(HASTY), ProcessSockets()
    finish(diagnosis.of(make_table(first)))
    finish(sockets.of(make_table(first), (7, 1000)))
    table = make_table(first, replace(flawed, change=None))
    table.snapshot = flawed
    assert finish(diagnosis.of(table)) == finish(diagnose(table, HASTY))
    assert sorted(finish(sockets.of(table, (7, 1000)))) == sorted(finish(ProcessSockets().of(table, (7, 1000))))


def test_a_great_change_begins_anew() -> None:
    first = replace(busy_snapshot(1200), serial=1)
    second = following(first, busy_snapshot(1200, offset=900, clock=101.0))
    diagnosis = Diagnosis(HASTY)
    finish(diagnosis.of(make_table(first)))
    table = make_table(first, second)
    assert finish(diagnosis.of(table)) == finish(diagnose(table, HASTY))
