"""A join that continues the last one, against one that starts from nothing: both must make the same of every look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockview.model import join as join_module
from sockview.model.inet_socket import InetSocket
from sockview.model.observation import Observation
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from sockview.model.tally import Tally
from sockview.model.tcp_state import BY_URGENCY, CLOSE_WAIT, TIME_WAIT
from tests.model.builders import busy_snapshot, make_process, make_snapshot, make_socket
from tests.model.changes import following
from tests.model.socket_world import World

STARTS = tuple(range(1000, 1040))


def _by_cookie(sockets: Any) -> list[InetSocket]:
    return sorted(sockets, key=lambda s: s.cookie)


def _observable(table: SocketTable) -> dict[str, Any]:
    """All that can be asked of a table."""
    sockets = table.snapshot.sockets
    identities = [(pid, started) for pid in (1, 2, 3) for started in STARTS]
    return {
        "sockets": table.by_cookie,
        "since": table.dates,
        "ages": [table.age(s) for s in sockets],
        "attributions": [table.attribution(s) for s in sockets],
        "claims": [table.claims(s) for s in sockets],
        "users": [(table.uid(s), table.user(s), table.cgroup_id(s)) for s in sockets],
        "logins": table.users,
        "states": table.states,
        "by state": {state: _by_cookie(table.of_state(state)) for state in BY_URGENCY},
        "unheld": table.unheld,
        "lines": table.lines,
        "hidden": table.hidden,
        "trends": [table.trend(identity, state) for identity in identities for state in (CLOSE_WAIT, TIME_WAIT)],
        "growth": table.growth,
        "warnings": table.warnings,
    }


def _counted(tally: Tally) -> dict[str, Any]:
    asked = _by_cookie(tally._asked.values())
    return {**{name: value for name, value in vars(tally).items() if name != "_examples"}, "_asked": asked}


def _kept(observation: Observation) -> dict[str, Any]:
    """What the next look builds on: where it differs, a later table will."""
    join, attributor = observation._join, observation._attributor
    assert join is not None and attributor is not None
    counted = vars(join.peers)["_asked"], vars(join.peers)["_tied"], vars(join.peers)["_unsettled"]
    return {
        "remembered": join.remembered,
        "traced": join.traced,
        "cookies": [sorted(cookies) for cookies in (join.absent, join.missed, join.doubtful)],
        "oldest": join.oldest,
        "nameless": join.nameless,
        "flying": _by_cookie(join.flying.values()),
        "talkers": attributor.peers.talkers,
        "asked": counted,
        "tally": _counted(join.tally),
    }


def _same(one: dict[str, Any], other: dict[str, Any], where: str) -> None:
    for name, value in one.items():
        assert value == other[name], f"{where}: {name}"


def _check_claims(table: SocketTable) -> None:
    """What is quick to ask says the same as what says more."""
    for s in table.snapshot.sockets:
        owners = {owner.process.identity: owner for owner in table.attribution(s).owners}
        expected = [(owner.process, owner.evidence.certain, owner.exited) for owner in owners.values()]
        assert [tuple(claim) for claim in table.claims(s)] == expected


@given(st.integers(min_value=0))
@settings(max_examples=150, deadline=None)
def test_both_ways_lead_to_the_same_table(seed: int) -> None:
    world, continued, anew = World(seed), Observation(), Observation()
    for number in range(20):
        snapshot = world.look()
        if (seed + number) % 11 == 0:  # both are given up soon after they began
            for observation in (continued, anew):
                given_up = observation.add(snapshot)
                next(given_up)
                given_up.close()
            continue
        table = finish(continued.add(snapshot))
        expected = finish(anew.add(replace(snapshot, change=None)))
        where = f"look {number} of {seed}"
        _same(_observable(table), _observable(expected), where)
        _same(_kept(continued), _kept(anew), where)
        _check_claims(table)


def test_a_table_that_is_kept_does_not_change_with_later_ones() -> None:
    for seed in range(20):
        world, observation = World(seed), Observation()
        tables = []
        for _ in range(8):
            table = finish(observation.add(world.look()))
            tables.append((table, _observable(table)))
        for table, observed in tables:
            _same(_observable(table), observed, str(seed))


def _looks(count: int = 3) -> list[Snapshot]:
    """Looks of a source that tells changes; of 1,200 sockets 12 are others at each."""
    looks = [replace(busy_snapshot(1200), serial=1)]
    for number in range(1, count):
        looks.append(following(looks[-1], busy_snapshot(1200, offset=12 * number, clock=100.0 + number)))
    return looks


def test_where_the_change_is_told_only_the_change_is_gone_through() -> None:
    first, second, _third = _looks()
    assert second.change is not None and len(second.change.come) < 250  # the TIME_WAITs of the builder have no moment
    observation = Observation()
    finish(observation.add(first))
    finish(observation.add(second))
    assert observation._join is not None
    assert observation._join.come is second.change.come


@pytest.mark.parametrize("flaw", ["none", "other", "serial", "gone", "come", "incomplete", "unread", "back"])
def test_a_change_that_does_not_lead_from_the_last_table_to_this_is_not_used(flaw: str) -> None:
    first, second, third = _looks()
    change = third.change
    assert change is not None
    flawed = {
        "none": lambda: replace(third, change=None),
        "other": lambda: replace(third, change=replace(change, since=first.serial)),
        "serial": lambda: replace(third, serial=0),
        "gone": lambda: replace(third, change=replace(change, gone=(*change.gone, make_socket(cookie=5)))),
        "come": lambda: replace(third, change=replace(change, come=change.come[1:])),
        "incomplete": lambda: replace(third, complete=False),
        "unread": lambda: replace(third, owners_read=False, holders={}),
        "back": lambda: replace(third, clock=50.0),
    }[flaw]()
    continued, anew = Observation(), Observation()
    for snapshot in (first, second, flawed):
        table = finish(continued.add(snapshot))
        expected = finish(anew.add(replace(snapshot, change=None)))
        _same(_observable(table), _observable(expected), flaw)
    assert continued._join is not None
    assert continued._join.come is flawed.sockets


def test_a_great_change_is_joined_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(join_module, "STEP", 10)
    first = replace(busy_snapshot(1200), serial=1)
    second = following(first, busy_snapshot(1200, offset=1200, clock=101.0))
    observation = Observation()
    finish(observation.add(first))
    finish(observation.add(second))
    assert observation._join is not None
    assert observation._join.come is second.sockets


def test_an_exited_owner_is_seen_though_nothing_else_has_changed() -> None:
    process, left = make_process(7), make_socket("TIME_WAIT", cookie=3)._replace(read_at=100.0)
    held = make_socket(cookie=3, inode=3)
    first = replace(make_snapshot([held], {process: [held]}, pids=[7]), serial=1)
    second = following(first, make_snapshot([left], clock=101.0, pids=[7]))
    third = following(second, make_snapshot([left], clock=102.0, pids=[1]))
    observation = Observation()
    tables = [finish(observation.add(snapshot)) for snapshot in (first, second, third)]
    assert [table.claims(left)[0].exited for table in tables[1:]] == [False, True]
    assert third.change is not None and not third.change.come
