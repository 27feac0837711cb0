"""A report of the kernel against what else ties processes to the socket: one who only looked is no owner."""

from __future__ import annotations

import pytest

from sockview.model.owner import Attribution, Evidence, NoOwner, Owner, Process
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import SYN_SENT
from sockview.model.trace import Transition
from tests.model.builders import make_process, make_snapshot, make_socket, make_table
from tests.model.trace_builders import evidence, report_of, traced

NGINX = make_process(80, "nginx")
WORKER = make_process(81, "nginx")
CURL = make_process(4711, "curl")
MONITOR = make_process(900, "monitor")
"""Reads everybody's descriptors, and was the last to let go of one."""
LISTENER = make_socket("LISTEN", "0.0.0.0:80")
ALIVE = make_socket("ESTABLISHED", "10.0.0.7:80", "10.1.1.1:5000")
LEFT = make_socket("TIME_WAIT", "10.0.0.7:80", "10.1.1.1:5000", time_left=59.5)


def closed(by: Process, parent: int = 1) -> Transition:
    return report_of(LEFT, 100.4, by)._replace(parent=parent)


def after(*reports: Transition, listening: tuple[Process, ...] = (NGINX,)) -> SocketTable:
    """A table in which it is listened on the port of a socket that came and went unseen."""
    sockets = [LISTENER, LEFT] if listening else [LEFT]
    holders = {process: [LISTENER] for process in listening}
    return make_table(make_snapshot(sockets, holders, clock=101.0, trace=traced(*reports)))


def certain(process: Process) -> Attribution:
    return Attribution((Owner(process, -1, Evidence.TRACED),))


def test_one_who_listens_is_believed() -> None:
    assert after(closed(NGINX)).attribution(LEFT) == certain(NGINX)
    assert after(closed(WORKER), listening=(NGINX, WORKER)).attribution(LEFT) == certain(WORKER)


def test_a_child_of_one_who_listens_is_believed() -> None:
    assert after(closed(WORKER, parent=80)).attribution(LEFT) == certain(WORKER)
    gone = WORKER._replace(started=-1)
    assert after(closed(gone, parent=80)).attribution(LEFT).owners == (Owner(gone, -1, Evidence.TRACED, exited=True),)


def test_one_who_has_nothing_to_do_with_the_listener_is_not() -> None:
    table = after(closed(MONITOR))
    assert table.attribution(LEFT).owners == (Owner(NGINX, -1, Evidence.LISTENER),)
    table = after(closed(MONITOR), listening=(NGINX, WORKER))
    found = Attribution((), NoOwner.ORPHAN, (NGINX, WORKER, MONITOR), suspicion=Evidence.TRACED)
    assert table.attribution(LEFT) == found
    assert table.claims(LEFT) == ()
    assert evidence(table, LEFT).endswith(
        "3 processes may have closed it, by reports of the kernel or by their ties: 80 nginx, 81 nginx, 900 monitor."
    )


def test_every_process_is_a_child_of_the_first_one() -> None:
    init = make_process(1, "systemd")
    assert not after(closed(MONITOR, parent=1), listening=(init,)).attribution(LEFT).certain


def test_where_nothing_else_is_known_the_report_is_believed() -> None:
    assert after(closed(CURL), listening=()).attribution(LEFT) == certain(CURL)
    other = make_socket("LISTEN", "127.0.0.1:80")
    elsewhere = make_snapshot([other, LEFT], {NGINX: [other]}, clock=101.0, trace=traced(closed(CURL)))
    assert make_table(elsewhere).attribution(LEFT) == certain(CURL), "that one takes no connections to this address"


@pytest.mark.parametrize("started", [CURL.started, -1])
def test_the_one_that_opened_it_is_believed_and_nobody_else(started: int) -> None:
    opened = report_of(LEFT, 100.2, CURL, SYN_SENT)
    own = after(opened, closed(CURL._replace(started=started)), listening=())
    assert own.attribution(LEFT).certain and own.attribution(LEFT).owners[0].process.pid == CURL.pid
    found = after(opened, closed(MONITOR), listening=()).attribution(LEFT)
    assert (found.owners, found.candidates, found.opener) == ((), (MONITOR, CURL), CURL)


@pytest.mark.parametrize(
    ("closer", "owner"),
    [
        (WORKER, Owner(WORKER, 9, Evidence.TRACED)),
        (MONITOR, Owner(WORKER, 9, Evidence.SEEN)),
        (NGINX, Owner(NGINX, -1, Evidence.TRACED)),
    ],
)
def test_the_one_that_was_seen_to_hold_it_outranks_a_stranger(closer: Process, owner: Owner) -> None:
    before = make_snapshot([LISTENER, ALIVE], {NGINX: [LISTENER], WORKER: [(9, ALIVE)]}, clock=100.0, trace=traced())
    now = make_snapshot([LISTENER, LEFT], {NGINX: [LISTENER]}, clock=101.0, trace=traced(closed(closer)))
    assert make_table(before, now).attribution(LEFT).owners == (owner,)


def test_a_doubt_stays_when_the_listener_has_gone() -> None:
    """What is said of a socket does not depend on when it is looked at."""
    first = make_snapshot([LISTENER, LEFT], {NGINX: [LISTENER]}, clock=101.0, trace=traced(closed(MONITOR)))
    later = [make_snapshot([LEFT], clock=102.0 + n, trace=traced()) for n in range(6)]
    assert not make_table(first, *later).attribution(LEFT).certain
