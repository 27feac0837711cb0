"""The pane: who it is and how that is known, in sentences."""

from __future__ import annotations

import pytest

from sockview.model.finding import Finding
from sockview.model.inet_socket import UDP, InetSocket
from sockview.model.owner import Process
from sockview.model.pane import CLOSE_WAITS_SHOWN, describe, with_process
from sockview.model.query import Detail
from sockview.model.socket_table import SocketTable
from sockview.model.sources import ProcessDetail
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, LISTEN, TIME_WAIT
from sockview.model.trend import Trend
from tests.model.builders import make_process, make_snapshot, make_socket, make_table

NGINX = make_process(80, "nginx", "nginx: master process")
WORKER = make_process(81, "nginx")
CURL = make_process(4711, "curl")


def told(table: SocketTable, key: str | InetSocket) -> tuple[Detail, Process | None]:
    found = describe(table, key if isinstance(key, str) else str(key.cookie))
    assert found is not None
    return found


def evidence(table: SocketTable, key: str | InetSocket) -> str:
    return " ".join(told(table, key)[0].evidence)


# ------------------------------------------------------------------ a socket with an owner
def test_the_one_holder() -> None:
    s = make_socket("CLOSE_WAIT")
    detail, process = told(make_table(make_snapshot([s], {NGINX: [(12, s)]})), s)
    assert process == NGINX
    assert detail.title == "tcp CLOSE_WAIT 10.0.0.7:8080 - 10.2.3.4:51234"
    assert detail.evidence == ("80 nginx holds fd 12 of this socket now.",)
    assert (detail.pid, detail.name, detail.command) == (80, "nginx", "nginx: master process")


def test_one_holder_with_two_descriptors_or_none_known() -> None:
    s = make_socket()
    assert evidence(make_table(make_snapshot([s], {NGINX: [(12, s), (14, s)]})), s) == (
        "80 nginx holds fds 12, 14 of this socket now."
    )
    assert evidence(make_table(make_snapshot([s], {NGINX: [(-1, s)]})), s) == "80 nginx holds this socket now."


def test_several_holders_are_all_named() -> None:
    s = make_socket()
    table = make_table(make_snapshot([s], {NGINX: [(6, s)], WORKER: [(12, s)]}))
    assert evidence(table, s) == "2 processes hold it: 80 nginx (fd 6), 81 nginx (fd 12)."


def test_very_many_holders_are_counted() -> None:
    s = make_socket()
    table = make_table(make_snapshot([s], {make_process(100 + n): [s] for n in range(30)}))
    assert evidence(table, s).startswith("30 processes hold it: 100 gunicorn (fd 3), ")
    assert evidence(table, s).endswith("107 gunicorn (fd 3) and 22 more.")


def closed(pids: list[int] | None = None, owners_read: bool = True) -> tuple[SocketTable, InetSocket]:
    alive = make_socket("ESTABLISHED", "10.0.0.7:5", "10.1.1.1:80")
    left = make_socket("TIME_WAIT", "10.0.0.7:5", "10.1.1.1:80")
    later = make_snapshot([left if owners_read else alive], clock=101, pids=pids, owners_read=owners_read)
    return make_table(make_snapshot([alive], {CURL: [(5, alive)]}), later), left


def test_what_was_seen() -> None:
    seen = "4711 curl (fd 5) held this very socket (same kernel cookie) when last looked at."
    assert evidence(*closed()) == seen
    assert evidence(*closed(pids=[1])) == (
        f"{seen} Exited since: 4711. Such a PID may belong to another process by now."
    )
    assert evidence(*closed(owners_read=False)) == f"{seen} Who holds it now could not be read."


def test_what_is_likely_says_so() -> None:
    listener, left = make_socket("LISTEN", "0.0.0.0:80"), make_socket("TIME_WAIT", "10.0.0.7:80")
    table = make_table(make_snapshot([listener, left], {NGINX: [listener]}))
    assert evidence(table, left) == (
        "80 nginx is the only process listening on local port 80: likely, not certain. No process holds it: the "
        "application has closed it and the kernel finishes the connection alone (TIME_WAIT lasts 60 s)."
    )
    detail, process = told(table, left)
    assert process == NGINX
    assert not detail.certain
    assert told(table, listener)[0].certain


# ------------------------------------------------------------------ a socket without one
@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("TIME_WAIT", "the application has closed it and the kernel finishes the connection alone"),
        ("FIN_WAIT1", "the kernel waits for the peer to confirm. sockview did not see it while it was open."),
        ("FIN_WAIT2", "the kernel waits for the peer to close too. sockview did not see it while it was open."),
        ("LAST_ACK", "both sides have closed"),
        ("CLOSING", "both sides have closed at the same time"),
        ("SYN_RECV", "the kernel is still completing the handshake."),
        ("ESTABLISHED", "it waits in an accept queue"),
        ("CLOSE_WAIT", "before an application accepted it"),
        ("SYN_SENT", "the kernel keeps it alone."),
    ],
)
def test_why_the_kernel_keeps_it(state: str, sentence: str) -> None:
    s = make_socket(state, inode=0)
    table = make_table(make_snapshot([s]))
    detail, process = told(table, s)
    text = " ".join(detail.evidence)
    assert text.startswith("No process holds it")
    assert sentence in text
    assert process is None
    assert (detail.pid, detail.states, detail.close_waits) == (None, (), ())


def test_not_seen_is_said_only_of_what_was_closed() -> None:
    s = make_socket("SYN_RECV", inode=0)
    assert "did not see" not in evidence(make_table(make_snapshot([s])), s)


def test_one_that_was_hidden_while_open() -> None:
    alive, left = make_socket("ESTABLISHED"), make_socket("TIME_WAIT")
    table = make_table(make_snapshot([alive], unreadable=1), make_snapshot([left], unreadable=1, clock=101))
    assert "It belonged to user www-data; sockview could not see its process while it was open." in evidence(
        table, left
    )


def test_a_source_without_identity_says_so() -> None:
    s = make_socket("TIME_WAIT", cookie=-4)
    assert "The psutil source gives sockets no identity" in evidence(make_table(make_snapshot([s], source="psutil")), s)


def test_candidates_are_named() -> None:
    listener, left = make_socket("LISTEN", "0.0.0.0:80"), make_socket("TIME_WAIT", "10.0.0.7:80")
    shared = make_table(make_snapshot([listener, left], {NGINX: [listener], WORKER: [listener]}))
    assert "2 processes listen on local port 80, any may have had it: 80 nginx, 81 nginx." in evidence(shared, left)
    assert told(shared, left)[1] is None
    hidden = make_socket("LISTEN", "10.0.0.7:80")
    half = make_table(make_snapshot([listener, hidden, left], {NGINX: [listener]}, unreadable=1))
    assert "80 nginx listens on local port 80, and so does a process that can't be seen." in evidence(half, left)


def test_hidden_gone_and_unread() -> None:
    s = make_socket()
    hidden = make_table(make_snapshot([s], unreadable=7, privileged=False))
    assert evidence(hidden, s) == (
        "No process that you may look into holds it; user www-data opened it. "
        "Run sockview with sudo to see the process."
    )
    even_so = make_table(make_snapshot([s], unreadable=7, privileged=True))
    assert evidence(even_so, s).endswith("7 processes could not be looked into, even with these rights.")
    assert evidence(make_table(make_snapshot([s])), s).startswith("Every process in sight was read and none holds it")
    unread = make_table(make_snapshot([s], owners_read=False))
    assert evidence(unread, s) == "Who holds it could not be read this time; the notice says why."


def test_the_look_before_is_named_when_the_holder_is_missed_once() -> None:
    s = make_socket()
    table = make_table(make_snapshot([s], {CURL: [s]}), make_snapshot([s], clock=101))
    assert evidence(table, s).endswith("The look before, it was held by 4711 curl.")


# ------------------------------------------------------------------ the process's sockets
def test_states_and_the_oldest_close_waits() -> None:
    waits = [make_socket("CLOSE_WAIT", remote=f"10.1.1.1:{n}", recv_q=n) for n in range(1, 31)]
    open_one = make_socket(remote="10.1.1.1:99")
    snapshots = []
    for n in range(31):
        mine = [*waits[:n], open_one]
        snapshots.append(
            make_snapshot(
                mine, {NGINX: [(500, open_one), *((10 + i, s) for i, s in enumerate(waits[:n]))]}, clock=float(n)
            )
        )
    table = make_table(*snapshots)
    detail, _ = told(table, open_one)
    assert detail.states == ((CLOSE_WAIT, 30), (ESTABLISHED, 1))
    assert detail.close_wait_total == 30
    assert len(detail.close_waits) == CLOSE_WAITS_SHOWN
    assert [(held.fd, held.remote, held.recv_q) for held in detail.close_waits[:2]] == [
        (10, "10.1.1.1:1", 1),
        (11, "10.1.1.1:2", 2),
    ]
    ages = [held.age.at_least for held in detail.close_waits if held.age]
    assert ages == [float(n) for n in range(29, 29 - CLOSE_WAITS_SHOWN, -1)]


def test_udp_and_listen_have_no_peer_in_their_title() -> None:
    s = make_socket("UNCONN", "[::]:53", protocol=UDP)
    assert told(make_table(make_snapshot([s])), s)[0].title == "udp UNCONN [::]:53"


# ------------------------------------------------------------------ groups
def test_a_process_group() -> None:
    listener, left = make_socket("LISTEN", "0.0.0.0:80"), make_socket("TIME_WAIT", "10.0.0.7:80", "10.1.1.1:9")
    alive, after = (make_socket(state, "10.0.0.7:80", "10.1.1.1:8") for state in ("ESTABLISHED", "TIME_WAIT"))
    held = {NGINX: [listener, alive]}
    now = make_snapshot([listener, after, left], {NGINX: [listener]}, clock=101)
    table = make_table(make_snapshot([listener, alive], held), now)
    detail, process = told(table, "pid:80:1000")
    assert process == NGINX
    assert (detail.key, detail.title) == ("pid:80:1000", "80 nginx")
    assert detail.states == ((TIME_WAIT, 2), (LISTEN, 1))
    assert detail.evidence == (
        "Holds 1 socket now.",
        "Held 1 socket (same kernel cookie) when last looked at.",
        "Is the only process listening on the local port of 1 socket: likely, not certain.",
    )


def test_a_process_has_its_trends_and_its_findings() -> None:
    leak = make_socket("CLOSE_WAIT", "10.0.0.7:80")
    left = make_socket("TIME_WAIT", "10.0.0.7:9", "10.1.1.1:7")
    table = make_table(make_snapshot([leak, left], {CURL: [leak]}))
    growing = Trend((0, 5), 60.0, 5 / 60)
    table.trend = lambda identity, state: growing if (identity, state) == (CURL.identity, CLOSE_WAIT) else None
    about_curl, about_orphans = (
        Finding("close-wait-leak", "warning", "it leaks", group=key) for key in ("pid:4711:1000", "none:orphan")
    )
    table.findings = (about_orphans, about_curl)
    for key in ("pid:4711:1000", leak):
        detail = told(table, key)[0]
        assert detail.trends == ((CLOSE_WAIT, growing),)
        assert detail.findings == (about_curl,)
    assert told(table, "none:orphan")[0].findings == (about_orphans,)


def test_a_process_that_changed_its_command_line_is_one_process() -> None:
    """As servers do that write into it what they are at."""
    renamed = NGINX._replace(command="nginx: worker process is shutting down")
    alive, after = (make_socket(state, "10.0.0.7:80", "10.1.1.1:8") for state in ("ESTABLISHED", "TIME_WAIT"))
    leak = make_socket("CLOSE_WAIT", "10.0.0.7:80", "10.1.1.1:9")
    now = make_snapshot([after, leak], {renamed: [(7, leak)]}, clock=101)
    table = make_table(make_snapshot([alive, leak], {NGINX: [alive, leak]}), now)
    detail, _ = told(table, "pid:80:1000")
    assert [held.fd for held in detail.close_waits] == [7]
    assert detail.evidence == ("Holds 1 socket now.", "Held 1 socket (same kernel cookie) when last looked at.")
    assert evidence(table, "remote:10.1.1.1") == "In all 2 sockets: 80 nginx (2)."


def test_the_group_of_a_process_that_exited() -> None:
    table, _ = closed(pids=[1])
    assert evidence(table, "pid:4711:1000").endswith("It has exited since.")


def test_a_remote_group_names_who_talks_to_it() -> None:
    a, b = make_socket(remote="10.1.1.1:1"), make_socket("TIME_WAIT", remote="10.1.1.1:2")
    table = make_table(make_snapshot([a, b], {NGINX: [a]}))
    detail, process = told(table, "remote:10.1.1.1")
    assert process is None
    assert detail.title == "10.1.1.1"
    assert detail.evidence == ("In all 2 sockets: 80 nginx (1), no known owner (1).",)
    lonely = make_table(make_snapshot([b]))
    assert evidence(lonely, "remote:10.1.1.1") == "In all 1 socket, and no process is known to own any."


def test_a_group_without_owner_says_why() -> None:
    s = make_socket()
    table = make_table(make_snapshot([s], unreadable=1, privileged=False))
    detail, process = told(table, "none:hidden")
    assert process is None
    assert detail.title == "(hidden)"
    assert "sudo" in detail.evidence[0]
    assert detail.states == ((ESTABLISHED, 1),)


@pytest.mark.parametrize(
    "key", ["", "5", "x", "-1", "pid:1:1", "pid:x", "none:gone", "none:such", "remote:1.2.3.4", ":"]
)
def test_a_row_that_is_gone_has_no_pane(key: str) -> None:
    assert describe(make_table(make_snapshot([make_socket()], {NGINX: [make_socket()]})), key) is None


# ------------------------------------------------------------------ facts
def test_the_facts_of_the_process_join_the_detail() -> None:
    s = make_socket("CLOSE_WAIT")
    detail, _ = told(make_table(make_snapshot([s], {NGINX: [s]})), s)
    facts = ProcessDetail(
        pid=80,
        name="nginx",
        command="nginx -g",
        user="root",
        parents=("1 systemd",),
        started_at=5.0,
        cpu_percent=4.0,
        memory_bytes=1 << 20,
        threads=3,
        descriptors=12,
        descriptor_limit=1024,
        cwd="/",
    )
    joined = with_process(detail, facts)
    assert (joined.evidence, joined.close_waits, joined.title) == (detail.evidence, detail.close_waits, detail.title)
    assert (joined.command, joined.user, joined.parents, joined.cwd) == ("nginx -g", "root", ("1 systemd",), "/")
    assert (joined.descriptors, joined.descriptor_limit, joined.problem) == (12, 1024, None)


def test_a_process_that_vanished_keeps_its_name() -> None:
    s = make_socket()
    detail, _ = told(make_table(make_snapshot([s], {NGINX: [s]})), s)
    nothing = ProcessDetail(80, "", "", None, (), None, None, None, None, None, None, None, "It has exited.")
    joined = with_process(detail, nothing)
    assert (joined.name, joined.command, joined.problem) == ("nginx", "nginx: master process", "It has exited.")
