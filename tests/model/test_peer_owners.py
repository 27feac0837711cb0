"""Likely owners: the one process that has other connections to the remote end."""

from __future__ import annotations

from dataclasses import replace

from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Attribution, Evidence, NoOwner, Owner
from sockview.model.peer_index import MEMORY
from sockview.model.peers import LOOKS
from sockview.model.tcp_state import SYN_SENT
from sockview.model.trace import NOBODY
from tests.model.builders import make_process, make_snapshot, make_socket, make_table
from tests.model.trace_builders import evidence, report_of, traced

NGINX = make_process(80, "nginx")
WORKER = make_process(81, "nginx")
CURL = make_process(4711, "curl")
LISTENER = make_socket("LISTEN", "0.0.0.0:80")
REMOTE = "10.9.1.1:5432"
ORPHAN = make_socket("TIME_WAIT", "10.0.0.7:40000", REMOTE)


def to_remote(port: int, remote: str = REMOTE) -> InetSocket:
    return make_socket("ESTABLISHED", f"10.0.0.7:{port}", remote)


def test_the_only_process_that_talks_to_the_remote_is_likely() -> None:
    a, b, other = to_remote(40001), to_remote(40002), to_remote(40003, "10.9.1.1:5433")
    table = make_table(make_snapshot([ORPHAN, a, b, other], {CURL: [a, b], NGINX: [other]}))
    assert table.attribution(ORPHAN) == Attribution((Owner(CURL, -1, Evidence.PEER),))
    assert not table.attribution(ORPHAN).certain
    assert [(claim.process, claim.certain) for claim in table.claims(ORPHAN)] == [(CURL, False)]
    assert evidence(table, ORPHAN).startswith(
        "4711 curl is the only process with other connections to 10.9.1.1:5432: likely, not certain. No process holds"
    )
    assert evidence(table, f"pid:4711:{CURL.started}").endswith(
        "Is the only process with other connections to the remote end of 1 socket: likely, not certain."
    )


def test_two_that_talk_to_the_remote_are_candidates() -> None:
    a, b = to_remote(40001), to_remote(40002)
    table = make_table(make_snapshot([ORPHAN, a, b], {CURL: [a], NGINX: [b]}))
    assert table.attribution(ORPHAN) == Attribution((), NoOwner.ORPHAN, (NGINX, CURL), suspicion=Evidence.PEER)
    assert evidence(table, ORPHAN).endswith(
        "2 processes have or had other connections to 10.9.1.1:5432, any may have had it: 80 nginx, 4711 curl."
    )


def test_beside_a_hidden_one_none_is_claimed() -> None:
    a, b = to_remote(40001), to_remote(40002)
    table = make_table(make_snapshot([ORPHAN, a, b], {CURL: [a]}, unreadable=1))
    assert table.attribution(ORPHAN) == Attribution((), NoOwner.ORPHAN, (CURL,), suspicion=Evidence.PEER)
    assert evidence(table, ORPHAN).endswith(
        "4711 curl has other connections to 10.9.1.1:5432, but may not be the only one that had any."
    )
    unseen = make_table(make_snapshot([ORPHAN, b], unreadable=1))
    assert unseen.attribution(ORPHAN) == Attribution((), NoOwner.ORPHAN)


def test_beside_one_in_flight_it_is_only_that_of_one_who_was_alone_for_long() -> None:
    """Every process was read, and nobody held it any more."""
    talks, flying = to_remote(40001), to_remote(40009)
    looks = [
        make_snapshot([ORPHAN, talks, flying._replace(cookie=900 + n)], {CURL: [talks]}, clock=100.0 + n)
        for n in range(LOOKS)
    ]
    assert make_table(looks[0]).attribution(ORPHAN).candidates == (CURL,)
    assert make_table(*looks).attribution(ORPHAN).owners == (Owner(CURL, -1, Evidence.PEER),)


def test_what_others_are_known_to_have_closed_speaks_against_the_one_that_is_there() -> None:
    a, b, gone = to_remote(40001), to_remote(40002), make_socket("TIME_WAIT", "10.0.0.7:40002", REMOTE)
    looks = [
        make_snapshot([a, b], {CURL: [a], WORKER: [b]}),
        make_snapshot([ORPHAN, a, gone], {CURL: [a]}, clock=101.0),
    ]
    found = Attribution((), NoOwner.ORPHAN, (WORKER, CURL), suspicion=Evidence.PEER)
    assert make_table(*looks).attribution(ORPHAN) == found
    closed = traced(report_of(gone, 100.5, WORKER))
    assert make_table(replace(looks[1], trace=closed)).attribution(ORPHAN) == found
    own = [
        looks[0],
        make_snapshot([ORPHAN, a, gone], {CURL: [a]}, clock=101.0, trace=traced(report_of(gone, 100.5, CURL))),
    ]
    assert make_table(own[1]).attribution(ORPHAN).owners == (Owner(CURL, -1, Evidence.PEER),)


def test_one_that_was_held_out_of_sight_is_not_that_of_the_one_in_sight() -> None:
    talks, client = to_remote(40001), make_socket("ESTABLISHED", "10.0.0.7:40000", REMOTE)
    looks = [
        make_snapshot([client, talks], {CURL: [talks]}, unreadable=1),
        make_snapshot([ORPHAN, talks], {CURL: [talks]}),
    ]
    found = make_table(*looks).attribution(ORPHAN)
    assert found == Attribution((), NoOwner.ORPHAN, (CURL,), 33, Evidence.PEER)


def test_one_that_came_after_it_was_closed_did_not_have_it() -> None:
    talks, old = to_remote(40001), make_socket("TIME_WAIT", "10.0.0.7:40000", REMOTE, time_left=30.0)
    new = make_socket("TIME_WAIT", "10.0.0.7:40002", REMOTE, time_left=59.9)
    later = [make_snapshot([old, new, talks], {CURL: [talks]}, clock=101.0 + n) for n in range(LOOKS)]
    both = [make_snapshot([old]), *later]
    table = make_table(*both)
    assert table.attribution(old) == Attribution((), NoOwner.ORPHAN, (CURL,), suspicion=Evidence.PEER)
    assert table.attribution(new).owners == (Owner(CURL, -1, Evidence.PEER),)
    assert make_table(both[1]).attribution(old).owners == (Owner(CURL, -1, Evidence.PEER),)


def test_what_comes_and_goes_between_two_looks_is_only_that_of_one_who_was_alone_for_long() -> None:
    """Others may have connections that are so brief that no look shows them."""
    talks, brief = to_remote(40001), make_socket("TIME_WAIT", "10.0.0.7:40002", REMOTE, time_left=59.9)
    looks = [make_snapshot([ORPHAN, talks], {CURL: [talks]}, clock=100.0)]
    looks += [make_snapshot([ORPHAN, brief, talks], {CURL: [talks]}, clock=101.0 + n) for n in range(LOOKS)]
    early, late = make_table(*looks[:2]), make_table(*looks)
    assert early.attribution(ORPHAN).owners == (Owner(CURL, -1, Evidence.PEER),)
    assert early.attribution(brief) == Attribution((), NoOwner.ORPHAN, (CURL,), suspicion=Evidence.PEER)
    assert late.attribution(brief).owners == (Owner(CURL, -1, Evidence.PEER),)
    quiet = make_snapshot([ORPHAN, brief], pids=[1], clock=110.0)
    assert make_table(*looks, quiet).attribution(brief).owners == (Owner(CURL, -1, Evidence.PEER, exited=True),)


def test_another_one_that_talked_a_moment_ago_is_remembered_for_a_minute() -> None:
    talks, other = to_remote(40001), to_remote(40002)
    orphan = ORPHAN._replace(timer=0)  # one that stays
    first = make_snapshot([orphan, talks, other], {WORKER: [other], CURL: [talks]}, clock=100.0)
    soon, late = (make_snapshot([orphan, talks], {CURL: [talks]}, clock=100.0 + n) for n in (10.0, MEMORY + 1))
    found = Attribution((), NoOwner.ORPHAN, (WORKER, CURL), suspicion=Evidence.PEER)
    assert make_table(first, soon).attribution(orphan) == found
    assert make_table(first, late).attribution(orphan).owners == (Owner(CURL, -1, Evidence.PEER),)


def test_a_listener_outranks_a_peer() -> None:
    talks, left = to_remote(40001), make_socket("TIME_WAIT", "10.0.0.7:80", REMOTE)
    table = make_table(make_snapshot([LISTENER, talks, left], {NGINX: [LISTENER], CURL: [talks]}))
    assert table.attribution(left).owners == (Owner(NGINX, -1, Evidence.LISTENER),)


def test_an_opener_and_a_peer_must_agree() -> None:
    """Closed by somebody that cannot be named, as by a kernel thread."""
    talks = to_remote(40001)
    for opener in (CURL, WORKER):
        trace = traced(report_of(ORPHAN, 100.4, opener, SYN_SENT), report_of(ORPHAN, 100.5, NOBODY))
        found = make_table(make_snapshot([ORPHAN, talks], {CURL: [talks]}, clock=101.0, trace=trace)).attribution(
            ORPHAN
        )
        if opener == CURL:
            assert found == Attribution((Owner(CURL, -1, Evidence.PEER),), opener=CURL)
        else:
            assert found == Attribution((), NoOwner.ORPHAN, (WORKER,), opener=WORKER)


def test_nobody_else_talks_to_the_client_of_a_server() -> None:
    """A client may use one port of its own towards several ports of ours."""
    accepted = make_socket("ESTABLISHED", "10.0.0.7:80", "10.1.1.1:5000")
    left = make_socket("TIME_WAIT", "10.0.0.7:81", "10.1.1.1:5000")
    table = make_table(make_snapshot([LISTENER, accepted, left], {NGINX: [LISTENER, accepted]}))
    assert table.attribution(left) == Attribution((), NoOwner.ORPHAN)


def test_without_reading_the_holders_nothing_is_known_of_peers() -> None:
    talks = to_remote(40001)
    assert make_table(make_snapshot([ORPHAN, talks], owners_read=False)).attribution(ORPHAN).candidates == ()
