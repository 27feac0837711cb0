"""Owners of whom the kernel reported that they closed a socket, beside all that is known otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.model.owner import Attribution, Evidence, NoOwner, Owner, Process
from sockview.model.snapshot import Snapshot
from sockview.model.socket_row import socket_row
from sockview.model.tcp_state import FIN_WAIT1, LAST_ACK, SYN_SENT
from sockview.model.trace import Transition
from tests.model.builders import make_process, make_snapshot, make_socket, make_table
from tests.model.trace_builders import evidence, report_of, traced

NGINX = make_process(80, "nginx")
WORKER = make_process(81, "nginx")
CURL = make_process(4711, "curl")
GONE = Process(4711, "curl", "", -1)
"""The stand-in of a curl that had exited before it could be looked at."""
LISTENER = make_socket("LISTEN", "0.0.0.0:80")
ALIVE = make_socket("ESTABLISHED", "10.0.0.7:80", "10.1.1.1:5000")
LEFT = make_socket("TIME_WAIT", "10.0.0.7:80", "10.1.1.1:5000", time_left=59.5)


def before(held_by: Process) -> Snapshot:
    return make_snapshot([LISTENER, ALIVE], {NGINX: [LISTENER], held_by: [(9, ALIVE)]}, clock=100.0, trace=traced())


def closed(clock: float, process: Process, state: int = FIN_WAIT1) -> Transition:
    """By a process that the one which listens there has forked."""
    return report_of(LEFT, clock, process, state)._replace(parent=NGINX.pid)


def after(*reports: Transition, gaps: tuple[tuple[float, float], ...] = (), pids: list[int] | None = None) -> Snapshot:
    return make_snapshot(
        [LISTENER, LEFT], {NGINX: [LISTENER]}, clock=101.0, trace=traced(*reports, gaps=gaps), pids=pids
    )


# ------------------------------------------------------------------ the closer
def test_who_closed_it_is_certain() -> None:
    table = make_table(after(closed(100.4, CURL)))
    assert table.attribution(LEFT) == Attribution((Owner(CURL, -1, Evidence.TRACED),))
    assert table.attribution(LEFT).certain
    assert [(claim.process, claim.certain) for claim in table.claims(LEFT)] == [(CURL, True)]
    assert evidence(table, LEFT) == "The kernel reported that 4711 curl closed it first (ESTABLISHED to FIN_WAIT1)."
    assert evidence(table, f"pid:4711:{CURL.started}") == "Closed 1 socket, as the kernel reported."


def test_one_that_closed_after_its_peer() -> None:
    last = make_socket("LAST_ACK", "10.0.0.7:80", "10.1.1.1:5000")
    table = make_table(make_snapshot([last], clock=101.0, trace=traced(closed(100.4, CURL, LAST_ACK))))
    assert (
        evidence(table, last) == "The kernel reported that 4711 curl closed it after its peer (CLOSE_WAIT to LAST_ACK)."
    )


def test_who_closed_it_outranks_who_was_seen_to_hold_it() -> None:
    table = make_table(before(WORKER), after(closed(100.4, CURL)))
    assert table.attribution(LEFT) == Attribution((Owner(CURL, -1, Evidence.TRACED),), uid=33)


def test_a_closer_that_was_seen_to_hold_it_keeps_its_descriptor() -> None:
    table = make_table(before(WORKER), after(closed(100.4, WORKER)))
    assert table.attribution(LEFT).owners == (Owner(WORKER, 9, Evidence.TRACED),)
    assert evidence(table, LEFT).endswith("81 nginx closed it first (ESTABLISHED to FIN_WAIT1); it had been fd 9.")


def test_it_stays_known_as_long_as_the_socket_is_there() -> None:
    later = [make_snapshot([LEFT], clock=102.0 + n, trace=traced()) for n in range(10)]
    assert make_table(after(closed(100.4, CURL)), *later).attribution(LEFT).owners[0].process == CURL


def test_a_closer_that_still_has_the_descriptor_holds_it() -> None:
    """After shutdown(): it is the owner by its descriptor, and once it has closed that, by the report."""
    half = make_socket("FIN_WAIT2", "10.0.0.7:80", "10.1.1.1:5000")
    held = make_snapshot([half], {CURL: [(5, half)]}, clock=101.0, trace=traced(closed(100.4, CURL)))
    assert make_table(held).attribution(half).owners == (Owner(CURL, 5, Evidence.FD),)
    alone = half._replace(inode=0, uid=None)
    table = make_table(held, make_snapshot([alone], clock=102.0, trace=traced()))
    assert table.attribution(alone).owners == (Owner(CURL, 5, Evidence.TRACED),)


@pytest.mark.parametrize("privileged", [True, False])
def test_a_closed_socket_whose_holder_is_out_of_sight_is_its_closers(privileged: bool) -> None:
    half = make_socket("FIN_WAIT2", "10.0.0.7:80", "10.1.1.1:5000")
    other = make_socket("ESTABLISHED", "10.0.0.7:80", "10.1.1.1:5001")
    trace = traced(closed(100.4, CURL))
    table = make_table(make_snapshot([half, other], unreadable=1, privileged=privileged, clock=101.0, trace=trace))
    assert table.attribution(half).owners == (Owner(CURL, -1, Evidence.TRACED),)
    assert [claim.process for claim in table.claims(half)] == [CURL]
    assert table.hidden == 1


# ------------------------------------------------------------------ it has exited
def test_a_closer_that_went_unseen_has_exited_and_is_not_copied() -> None:
    table = make_table(after(closed(100.4, GONE), pids=[80, 4711]))
    assert table.attribution(LEFT).owners == (Owner(GONE, -1, Evidence.TRACED, exited=True),)
    row = socket_row(table, LEFT)
    assert (row.pid, row.process, row.certain, row.exited) == (4711, "curl", True, True)
    assert evidence(table, LEFT).endswith("Exited since: 4711. Such a PID may belong to another process by now.")
    assert evidence(table, "pid:4711:-1").endswith("It has exited since.")


def test_a_stand_in_is_the_process_that_held_the_socket_before() -> None:
    table = make_table(before(CURL), after(closed(100.4, GONE), pids=[80]))
    assert table.attribution(LEFT).owners == (Owner(CURL, 9, Evidence.TRACED, exited=True),)


@pytest.mark.parametrize("closer", [CURL, GONE])
def test_a_closer_has_the_name_that_it_had_then(closer: Process) -> None:
    shell = CURL._replace(name="sh", command="sh -c curl")
    table = make_table(before(shell), after(closed(100.4, closer._replace(command="")), pids=[80]))
    renamed = CURL._replace(command="")
    assert table.attribution(LEFT).owners == (Owner(renamed, 9, Evidence.TRACED, exited=True),)


@pytest.mark.parametrize("reported", ["a_very_long_nam", "?"])
def test_a_name_that_the_kernel_cut_or_does_not_tell_is_no_other_name(reported: str) -> None:
    held = CURL._replace(name="a_very_long_name_of_a_program")
    table = make_table(before(held), after(closed(100.4, GONE._replace(name=reported)), pids=[80]))
    assert table.attribution(LEFT).owners == (Owner(held, 9, Evidence.TRACED, exited=True),)


@pytest.mark.parametrize(("start", "exited"), [(CURL.started, False), (CURL.started + 7, True)])
def test_a_new_process_with_the_pid_is_another(start: int, exited: bool) -> None:
    now = replace(after(closed(100.4, CURL), pids=[80, 4711]), started={4711: start})
    assert make_table(now).attribution(LEFT).owners == (Owner(CURL, -1, Evidence.TRACED, exited=exited),)


# ------------------------------------------------------------------ in doubt
DOUBT = ((100.5, 100.6),)


def test_a_doubtful_report_makes_a_candidate_before_any_listener() -> None:
    table = make_table(after(closed(100.4, CURL), gaps=DOUBT))
    assert table.attribution(LEFT) == Attribution((), NoOwner.ORPHAN, (CURL,), suspicion=Evidence.TRACED)
    assert table.claims(LEFT) == ()
    assert evidence(table, LEFT).endswith(
        "4711 curl may have closed it, or another socket that had these addresses: not all reports are there."
    )


def test_a_doubtful_report_of_the_one_that_listens_leaves_it_likely() -> None:
    found = make_table(after(closed(100.4, NGINX), gaps=DOUBT)).attribution(LEFT)
    assert found.owners == (Owner(NGINX, -1, Evidence.LISTENER),)
    assert not found.certain


def test_what_was_seen_outranks_a_doubtful_report() -> None:
    found = make_table(before(WORKER), after(closed(100.4, CURL), gaps=DOUBT)).attribution(LEFT)
    assert found.owners == (Owner(WORKER, 9, Evidence.SEEN),)


def test_several_that_may_have_closed_it_are_all_named() -> None:
    within = replace(after(closed(100.4, CURL), closed(101.05, WORKER)), dump_seconds=0.1)
    half = LEFT._replace(state=5, timer=0, expires_ms=0)
    table = make_table(replace(within, sockets=(LISTENER, half)))
    found = Attribution((), NoOwner.ORPHAN, (WORKER, CURL), suspicion=Evidence.TRACED)
    assert table.attribution(half) == found
    assert evidence(table, half).endswith(
        "2 processes may have closed it, by reports of the kernel or by their ties: 81 nginx, 4711 curl."
    )


# ------------------------------------------------------------------ the opener
def test_the_opener_is_told_beside_the_closer() -> None:
    table = make_table(after(closed(100.2, WORKER, SYN_SENT), closed(100.4, CURL)))
    assert table.attribution(LEFT).opener == WORKER
    assert evidence(table, LEFT).endswith("closed it first (ESTABLISHED to FIN_WAIT1). 81 nginx opened it.")


def test_the_opener_alone_is_a_candidate_and_no_owner() -> None:
    client, alone = (
        make_socket("ESTABLISHED", "10.0.0.7:5", "10.1.1.1:80"),
        make_socket("FIN_WAIT2", "10.0.0.7:5", "10.1.1.1:80", inode=0),
    )
    opened = make_snapshot([client], unreadable=1, clock=101.0, trace=traced(report_of(client, 100.4, CURL, SYN_SENT)))
    table = make_table(opened, make_snapshot([alone], unreadable=1, clock=102.0, trace=traced()))
    assert table.attribution(alone) == Attribution((), NoOwner.ORPHAN, (CURL,), 33, None, CURL)
    assert evidence(table, alone).endswith("4711 curl opened it.")


def test_of_one_that_holds_it_the_opening_goes_without_saying() -> None:
    opened = traced(report_of(ALIVE, 100.4, CURL, SYN_SENT))
    own = make_table(make_snapshot([ALIVE], {CURL: [(5, ALIVE)]}, clock=101.0, trace=opened))
    assert evidence(own, ALIVE) == "4711 curl holds fd 5 of this socket now."
    passed_on = make_table(make_snapshot([ALIVE], {WORKER: [(5, ALIVE)]}, clock=101.0, trace=opened))
    assert evidence(passed_on, ALIVE) == "81 nginx holds fd 5 of this socket now. 4711 curl opened it."
