"""Owners, with the evidence, on made-up snapshots."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.model.attribution import covers
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Attribution, Evidence, NoOwner
from sockview.model.snapshot import Snapshot
from tests.model.builders import make_process, make_snapshot, make_socket, make_table

NGINX = make_process(80, "nginx")
WORKER = make_process(81, "nginx")
CURL = make_process(4711, "curl")


def attribute(s: InetSocket, *snapshots: Snapshot) -> Attribution:
    return make_table(*snapshots).attribution(s)


def pids(attribution: Attribution) -> list[int]:
    return [owner.process.pid for owner in attribution.owners]


# ------------------------------------------------------------------ fd
def test_every_holder_owns_it_for_certain() -> None:
    s = make_socket("CLOSE_WAIT")
    found = attribute(s, make_snapshot([s], {WORKER: [(12, s)], NGINX: [(9, s)]}))
    assert [(owner.process, owner.fd, owner.evidence) for owner in found.owners] == [
        (NGINX, 9, Evidence.FD),
        (WORKER, 12, Evidence.FD),
    ]
    assert found.certain
    assert found.no_owner is None
    assert found.uid == 33


def test_one_answer_is_kept_for_one_inode() -> None:
    s = make_socket()
    table = make_table(make_snapshot([s], {NGINX: [s]}))
    assert table.attribution(s) is table.attribution(s)


# ------------------------------------------------------------------ no holder
@pytest.mark.parametrize(
    ("unreadable", "owners_read", "reason"),
    [(0, True, NoOwner.GONE), (3, True, NoOwner.HIDDEN), (0, False, NoOwner.UNREAD), (3, False, NoOwner.UNREAD)],
)
def test_an_inode_without_holder_says_why(unreadable: int, owners_read: bool, reason: NoOwner) -> None:
    s = make_socket()
    table = make_table(make_snapshot([s], unreadable=unreadable, owners_read=owners_read))
    assert table.attribution(s) == Attribution((), reason, uid=33)
    assert table.hidden == (1 if reason is NoOwner.HIDDEN else 0)


def test_an_orphan_is_not_hidden() -> None:
    s = make_socket("TIME_WAIT")
    table = make_table(make_snapshot([s], unreadable=3))
    assert table.attribution(s).no_owner is NoOwner.ORPHAN
    assert table.hidden == 0


def test_owners_that_cannot_be_read_this_time_are_those_of_the_last_look() -> None:
    s = make_socket()
    found = attribute(s, make_snapshot([s], {NGINX: [s]}), make_snapshot([s], owners_read=False, clock=101))
    assert pids(found) == [80]
    assert found.owners[0].evidence is Evidence.SEEN


# ------------------------------------------------------------------ seen
def closing(last: str = "TIME_WAIT") -> list[InetSocket]:
    """One connection of a client, alive and then closed."""
    local, remote = "10.0.0.7:49152", "10.9.1.1:5432"
    return [make_socket("ESTABLISHED", local, remote, cgroup_id=77), make_socket(last, local, remote, inode=0)]


@pytest.mark.parametrize("state", ["TIME_WAIT", "FIN_WAIT2", "LAST_ACK"])
def test_a_socket_that_was_seen_alive_keeps_its_process(state: str) -> None:
    alive, closed = closing(state)
    table = make_table(make_snapshot([alive], {CURL: [(5, alive)]}), make_snapshot([closed], clock=101))
    owner = table.attribution(closed).owners[0]
    assert (owner.process, owner.fd, owner.evidence, owner.exited) == (CURL, 5, Evidence.SEEN, False)
    assert table.attribution(closed).certain
    assert table.user(closed) == "www-data"
    assert table.cgroup_id(closed) == 77


def test_the_memory_lasts_as_long_as_the_socket() -> None:
    alive, closed = closing()
    steps = [make_snapshot([closed], clock=100 + n) for n in range(1, 60)]
    assert pids(attribute(closed, make_snapshot([alive], {CURL: [alive]}), *steps)) == [4711]


def test_a_socket_that_went_is_forgotten_but_not_at_once() -> None:
    """A dump may pass over a socket and not know it."""
    alive, closed = closing()
    before, back = make_snapshot([alive], {CURL: [alive]}), make_snapshot([closed], clock=110)
    gaps = [make_snapshot(clock=101), make_snapshot(clock=102)]
    assert pids(attribute(closed, before, gaps[0], back)) == [4711]
    assert attribute(closed, before, *gaps, back) == Attribution((), NoOwner.ORPHAN)


def test_an_incomplete_snapshot_forgets_nothing() -> None:
    alive, closed = closing()
    before = make_snapshot([alive], {CURL: [alive]})
    gap = make_snapshot(clock=101, complete=False)
    assert pids(attribute(closed, before, gap, make_snapshot([closed], clock=102))) == [4711]


def test_another_socket_of_the_same_addresses_is_another_socket() -> None:
    alive, closed = closing()
    reused = closed._replace(cookie=alive.cookie + 1)
    found = attribute(reused, make_snapshot([alive], {CURL: [alive]}), make_snapshot([reused], clock=101))
    assert found.no_owner is NoOwner.ORPHAN


def test_a_stand_in_cookie_is_never_remembered() -> None:
    alive, closed = (s._replace(cookie=-9) for s in closing())
    found = attribute(closed, make_snapshot([alive], {CURL: [alive]}), make_snapshot([closed], clock=101))
    assert found.no_owner is NoOwner.ORPHAN


@pytest.mark.parametrize(("privileged", "reason"), [(False, NoOwner.HIDDEN), (True, NoOwner.GONE)])
def test_a_look_that_came_in_between_costs_nothing(privileged: bool, reason: NoOwner) -> None:
    """Closed after the dump, before its process was looked into: an inode without a holder, once."""
    alive, closed = closing()
    missed = make_snapshot([alive], unreadable=1, clock=101, privileged=privileged)
    look = [make_snapshot([alive], {CURL: [alive]}), missed]
    between = attribute(alive, *look)
    assert between.no_owner is reason
    assert make_table(*look).hidden == (reason is NoOwner.HIDDEN)
    assert between.candidates == (CURL,)
    assert pids(attribute(closed, *look, make_snapshot([closed], clock=102))) == [4711]


def test_with_rights_a_new_socket_without_holder_is_in_flight_and_an_old_one_is_hidden() -> None:
    alive, _ = closing()
    new, old = (replace(make_snapshot([alive], unreadable=1, clock=101.0 + n), dump_seconds=0.1) for n in range(2))
    looks = [make_snapshot([], clock=100.0), new, old]
    assert attribute(alive, *looks[:2]).no_owner is NoOwner.GONE
    assert attribute(alive, *looks).no_owner is NoOwner.HIDDEN


def test_a_socket_passed_to_a_hidden_process_is_not_claimed() -> None:
    alive, closed = closing()
    hidden = [make_snapshot([alive], unreadable=1, clock=101 + n) for n in range(2)]
    history = [make_snapshot([alive], {CURL: [alive]}), *hidden, make_snapshot([closed], unreadable=1, clock=105)]
    table = make_table(*history)
    assert table.attribution(closed) == Attribution((), NoOwner.ORPHAN, uid=33)
    assert table.user(closed) == "www-data"


def test_an_owner_that_exited_stays_named() -> None:
    alive, closed = closing()
    before = make_snapshot([alive], {CURL: [alive]}, pids=[1, 4711])
    for known, exited in [((1,), True), ((1, 4711), False), (None, False)]:
        found = attribute(closed, before, make_snapshot([closed], clock=101, pids=known))
        assert [(owner.process, owner.exited) for owner in found.owners] == [(CURL, exited)]


def test_a_new_process_of_the_pid_is_another() -> None:
    alive, closed = closing()
    other = make_socket(local="10.0.0.7:1")
    reused = CURL._replace(started=CURL.started + 5, name="bash")
    after = make_snapshot([closed, other], {reused: [other]}, clock=101, pids=[4711])
    found = attribute(closed, make_snapshot([alive], {CURL: [alive]}), after)
    assert [(owner.process, owner.exited) for owner in found.owners] == [(CURL, True)]


def test_a_new_process_of_the_pid_that_holds_no_socket_is_another_too() -> None:
    alive, closed = closing()
    before = make_snapshot([alive], {CURL: [alive]}, pids=[4711])
    for start, exited in ((CURL.started, False), (CURL.started + 5, True)):
        after = replace(make_snapshot([closed], clock=101, pids=[4711]), started={4711: start})
        found = attribute(closed, before, after)
        assert [(owner.process, owner.exited) for owner in found.owners] == [(CURL, exited)]


def test_a_port_with_many_listeners_is_searched_once_for_all_its_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets of another user are remembered without an owner, each by its cookie."""
    alive = [make_socket(remote=f"10.2.3.4:{1000 + n}") for n in range(50)]
    closed = [make_socket("TIME_WAIT", remote=f"10.2.3.4:{1000 + n}") for n in range(50)]
    listener = make_socket("LISTEN", "0.0.0.0:8080")
    asked = []

    def counted(listener: InetSocket, address: bytes) -> bool:
        asked.append(listener)
        return covers(listener, address)

    monkeypatch.setattr("sockview.model.attribution.covers", counted)
    table = make_table(
        make_snapshot(alive, unreadable=1),
        make_snapshot([listener, *closed], {NGINX: [listener]}, unreadable=1, clock=101),
    )
    assert {pid for s in closed for pid in pids(table.attribution(s))} == {NGINX.pid}
    assert {table.uid(s) for s in closed} == {33}
    assert len(asked) == 1


def test_a_user_whose_sockets_are_all_closed_keeps_the_name() -> None:
    alive, closed = closing()
    before = make_snapshot([alive], {CURL: [alive]}, users={33: "www-data"})
    assert make_table(before, make_snapshot([closed], clock=101, users={})).user(closed) == "www-data"


# ------------------------------------------------------------------ listener
LEFT = make_socket("TIME_WAIT", "10.0.0.7:80", "10.2.3.4:5000")
LEFT_V6 = make_socket("TIME_WAIT", "[fd00::7]:80", "[fd00::9]:5000")


@pytest.mark.parametrize(
    ("listens", "closed", "claimed"),
    [
        ("0.0.0.0:80", LEFT, True),
        ("10.0.0.7:80", LEFT, True),
        ("[::]:80", LEFT, True),
        ("[::]:80", LEFT_V6, True),
        ("0.0.0.0:80", LEFT_V6, False),
        ("127.0.0.1:80", LEFT, False),
        ("0.0.0.0:81", LEFT, False),
    ],
)
def test_the_one_that_listens_on_the_port_is_likely(listens: str, closed: InetSocket, claimed: bool) -> None:
    listener = make_socket("LISTEN", listens)
    found = attribute(closed, make_snapshot([listener, closed], {NGINX: [listener]}))
    assert pids(found) == ([80] if claimed else [])
    assert not found.certain
    assert found.no_owner is (None if claimed else NoOwner.ORPHAN)
    assert all(owner.evidence is Evidence.LISTENER and owner.fd == -1 for owner in found.owners)


def test_udp_on_the_port_listens_to_no_tcp() -> None:
    udp = make_socket("LISTEN", "0.0.0.0:80", protocol=17)
    assert attribute(LEFT, make_snapshot([udp, LEFT], {NGINX: [udp]})).no_owner is NoOwner.ORPHAN


def test_several_that_share_one_listener_are_candidates() -> None:
    listener = make_socket("LISTEN", "0.0.0.0:80")
    found = attribute(LEFT, make_snapshot([listener, LEFT], {WORKER: [listener], NGINX: [listener]}))
    assert found == Attribution((), NoOwner.ORPHAN, (NGINX, WORKER), suspicion=Evidence.LISTENER)


def test_one_process_with_several_listeners_is_one() -> None:
    v4, v6 = make_socket("LISTEN", "0.0.0.0:80"), make_socket("LISTEN", "[::]:80")
    assert pids(attribute(LEFT, make_snapshot([v4, v6, LEFT], {NGINX: [v4, v6]}))) == [80]


def test_beside_a_hidden_listener_none_is_claimed() -> None:
    mine, hidden = make_socket("LISTEN", "0.0.0.0:80"), make_socket("LISTEN", "10.0.0.7:80")
    found = attribute(LEFT, make_snapshot([mine, hidden, LEFT], {NGINX: [mine]}, unreadable=1))
    assert found == Attribution((), NoOwner.ORPHAN, (NGINX,), suspicion=Evidence.LISTENER)


def test_a_listener_without_inode_is_nobodys() -> None:
    kernel = make_socket("LISTEN", "0.0.0.0:80", inode=0)
    table = make_table(make_snapshot([kernel, LEFT]))
    assert table.attribution(kernel) == table.attribution(LEFT) == Attribution((), NoOwner.ORPHAN)


def test_memory_outranks_the_listener() -> None:
    listener = make_socket("LISTEN", "0.0.0.0:80")
    alive = make_socket("ESTABLISHED", "10.0.0.7:80", "10.2.3.4:5000")
    before = make_snapshot([listener, alive], {NGINX: [listener], WORKER: [alive]})
    found = attribute(LEFT, before, make_snapshot([listener, LEFT], {NGINX: [listener]}, clock=101))
    assert pids(found) == [81]
    assert found.certain


def test_claims_name_each_process_once() -> None:
    s = make_socket()
    table = make_table(make_snapshot([s], {NGINX: [(3, s), (4, s)], WORKER: [(3, s)]}))
    assert [(claim.process, claim.certain) for claim in table.claims(s)] == [(NGINX, True), (WORKER, True)]
    assert table.sole_holders([s]) == [None]
