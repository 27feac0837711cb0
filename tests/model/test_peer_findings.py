"""Peers that do not answer, do not close, do not read, or have not been heard of for hours."""

from __future__ import annotations

import pytest

from sockview.model.inet_socket import TIMER_KEEPALIVE, TIMER_RETRANSMIT, TIMER_ZERO_WINDOW, InetSocket
from sockview.model.snapshot import Snapshot
from sockview.model.tcp_state import parse_state
from sockview.model.thresholds import Thresholds
from tests.model.builders import make_process, make_snapshot, make_socket
from tests.model.findings import found, later, many, only, selects, text_of

CURL = make_process(4711, "curl")
NGINX = make_process(80, "nginx")
LIMITS = Thresholds()


# ------------------------------------------------------------------ SYN_SENT
def asking(number: int, *, retransmits: int = 0, remote: str = "10.0.0.9:5432") -> Snapshot:
    sockets = many(number, "SYN_SENT", "10.0.0.7:{}", remote, timer=TIMER_RETRANSMIT, retransmits=retransmits)
    return make_snapshot(sockets, {CURL: sockets}, parameters={"net.ipv4.tcp_syn_retries": "6"})


def test_a_destination_that_does_not_answer() -> None:
    table = later(asking(2, retransmits=LIMITS.syn_tries))
    finding = only(table)
    assert (finding.kind, finding.urgency) == ("no-answer", "notice")
    assert finding.title == "curl 4711 gets no answer from 10.0.0.9:5432: 2 SYN_SENT"
    facts = text_of(finding.facts)
    assert "2 of 2 connection attempts without an answer: the SYN was repeated up to 3 times." in facts
    assert "ETIMEDOUT after 6 repetitions (net.ipv4.tcp_syn_retries)." in facts
    assert "Opened by curl 4711 (2)." in facts
    assert selects(table, finding, table.snapshot.sockets)
    assert not found(later(asking(2, retransmits=LIMITS.syn_tries - 1)))


def test_linear_repetitions_are_counted_apart() -> None:
    parameters = {"net.ipv4.tcp_syn_retries": "6", "net.ipv4.tcp_syn_linear_timeouts": "4"}
    sockets = many(2, "SYN_SENT", "10.0.0.7:{}", "10.0.0.9:5432", retransmits=4)
    facts = text_of(only(later(make_snapshot(sockets, {CURL: sockets}, parameters=parameters))).facts)
    assert "after 10 repetitions (net.ipv4.tcp_syn_retries and tcp_syn_linear_timeouts)." in facts


def test_the_time_alone_tells_it_too() -> None:
    table = later(asking(2), 31)
    assert only(table).title == "curl 4711 gets no answer from 10.0.0.9:5432: 2 SYN_SENT, >31s"
    assert "the oldest waits for 31s." in text_of(only(table).facts)
    assert only(later(asking(2), LIMITS.syn_age)).kind == "no-answer"
    assert not found(later(asking(2), LIMITS.syn_age - 0.1))


def test_many_attempts_are_a_warning() -> None:
    assert only(later(asking(LIMITS.syn_many, retransmits=4))).urgency == "warning"
    assert only(later(asking(LIMITS.syn_many - 1, retransmits=4))).urgency == "notice"


def test_each_destination_is_a_finding_of_its_own() -> None:
    first = many(1, "SYN_SENT", "10.0.0.7:{}", "10.0.0.9:5432", retransmits=4)
    second = many(2, "SYN_SENT", "10.0.0.7:{}", "[2001:db8::1]:443", first=10, retransmits=4)
    table = later(make_snapshot([*first, *second], {CURL: [*first, *second]}))
    one, other = found(table)
    assert selects(table, one, second)
    assert selects(table, other, first)


def test_the_destinations_of_a_scan_are_told_in_one() -> None:
    most = LIMITS.findings_per_rule
    attempts = [
        make_socket("SYN_SENT", f"10.0.0.7:{40_000 + number}", f"10.9.{number}.1:443", cookie=1 + number, retransmits=4)
        for number in range(most + 40)
    ]
    attempts += many(3, "SYN_SENT", "10.0.0.7:{}", "10.9.1.1:443", retransmits=1)
    findings = found(later(make_snapshot(attempts, {CURL: attempts})))
    assert len(findings) == most + 1
    assert "10.9.1.1:443: 4 SYN_SENT" in text_of([finding.title for finding in findings])
    assert findings[-1].title == "40 more destinations do not answer: 40 SYN_SENT"
    assert findings[-1].facts[0].endswith("and 28 more.")
    assert len(found(later(make_snapshot(attempts[: most + 1], {CURL: attempts})))) == most + 1


@pytest.mark.parametrize(
    ("recv_q", "listening", "fact"),
    [
        (3, True, "the accept queue of 127.0.0.1:5432 is full"),
        (0, True, "something listens there: a firewall rule may drop it"),
        (0, False, "nothing in this network namespace listens there"),
    ],
)
def test_a_destination_on_this_machine(recv_q: int, listening: bool, fact: str) -> None:
    listener = make_socket("LISTEN", "127.0.0.1:5432", cookie=1, inode=1, recv_q=recv_q, send_q=2)
    attempts = many(2, "SYN_SENT", "127.0.0.1:{}", "127.0.0.1:5432", retransmits=4)
    sockets = [listener, *attempts] if listening else attempts
    held = {CURL: attempts, NGINX: [listener]}
    findings = found(later(make_snapshot(sockets, held)))
    finding = next(finding for finding in findings if finding.kind == "no-answer")
    assert fact in text_of(finding.facts)
    assert "who listens on port 5432 here" in finding.remedies[0]


def test_a_hidden_client() -> None:
    sockets = many(2, "SYN_SENT", "10.0.0.7:{}", "10.0.0.9:5432", retransmits=4)
    finding = only(later(make_snapshot(sockets, unreadable=3, privileged=False)))
    assert finding.title.startswith("Hidden processes get no answer")
    assert "sudo" in finding.remedies[0]
    assert (finding.pid, finding.certain) == (None, False)


# ------------------------------------------------------------------ closing
@pytest.mark.parametrize("state", ["FIN_WAIT1", "LAST_ACK", "CLOSING"])
def test_closes_that_nobody_confirms(state: str) -> None:
    stuck = many(LIMITS.closing_count, state, orphan=True, retransmits=LIMITS.closing_tries)
    fresh = many(30, state, first=1000, orphan=True, retransmits=LIMITS.closing_tries - 1)
    snapshot = make_snapshot([*stuck, *fresh], parameters={"net.ipv4.tcp_orphan_retries": "0"})
    table = later(snapshot)
    finding = only(table)
    assert (finding.kind, finding.urgency) == ("closing-unanswered", "notice")
    assert finding.title == f"50 {state} get no answer from their peers: 10.2.3.4 alone"
    assert f"50 of 80 {state} stay" in text_of(finding.facts)
    assert "tcp_orphan_retries is 0 (which means 8)" in text_of(finding.facts)
    assert finding.state == parse_state(state)
    assert selects(table, finding, stuck)
    assert not found(later(make_snapshot([*stuck[1:], *fresh])))


def test_closes_that_take_long() -> None:
    sockets = many(LIMITS.closing_count, "LAST_ACK", orphan=True)
    table = later(make_snapshot(sockets), LIMITS.closing_age)
    assert selects(table, only(table), sockets)
    assert not found(later(make_snapshot(sockets), LIMITS.closing_age - 0.1))


def test_very_many_unconfirmed_closes_are_a_warning() -> None:
    sockets = many(LIMITS.closing_many, "LAST_ACK", orphan=True, retransmits=3)
    assert only(later(make_snapshot(sockets))).urgency == "warning"
    assert only(later(make_snapshot(sockets[1:]))).urgency == "notice"


def test_closes_on_a_busy_server_are_weighed_against_all_its_sockets() -> None:
    stuck = many(200, "LAST_ACK", orphan=True, retransmits=3)
    clients = many(39_800, "ESTABLISHED", first=1000)
    assert only(later(make_snapshot([*stuck, *clients], {NGINX: clients}))).kind == "closing-unanswered"
    assert not found(later(make_snapshot([*stuck[1:], *clients], {NGINX: clients})))


def test_closes_that_a_process_still_holds() -> None:
    held, orphans = many(20, "FIN_WAIT1", retransmits=3), many(40, "FIN_WAIT1", first=100, orphan=True, retransmits=3)
    facts = text_of(only(later(make_snapshot([*held, *orphans], {NGINX: held}))).facts)
    assert "No process holds 40 of them" in facts
    assert "On 20 of them a process keeps the descriptor after shutdown()" in facts
    facts = text_of(
        only(later(make_snapshot(orphans + many(20, "FIN_WAIT1", first=200, orphan=True, retransmits=3)))).facts
    )
    assert "No process holds them:" in facts
    assert "shutdown()" not in facts


def test_closes_with_data_that_the_peer_does_not_take() -> None:
    sockets = many(60, "FIN_WAIT1", orphan=True, retransmits=3, timer=TIMER_ZERO_WINDOW)
    assert "60 of them still have data that the peer does not take" in text_of(
        only(later(make_snapshot(sockets))).facts
    )


# ------------------------------------------------------------------ FIN_WAIT2
def test_a_process_whose_peers_do_not_close() -> None:
    held = many(LIMITS.half_closed_count, "FIN_WAIT2")
    orphans = many(40, "FIN_WAIT2", first=100, orphan=True)
    snapshot = make_snapshot([*held, *orphans], {NGINX: held})
    table = later(snapshot, LIMITS.half_closed_age)
    finding = only(table)
    assert finding.kind == "half-closed"
    assert finding.title == "nginx 80 waits for 20 peers that do not close: FIN_WAIT2, oldest >5m"
    assert selects(table, finding, held)
    assert not found(later(snapshot, LIMITS.half_closed_age - 0.1))
    assert not found(later(make_snapshot([*held[1:], *orphans], {NGINX: held[1:]}), LIMITS.half_closed_age))


def test_a_remote_address_that_does_not_close() -> None:
    sockets = many(LIMITS.fin_wait2_count, "FIN_WAIT2", orphan=True)
    others = many(300, "FIN_WAIT2", remote="10.2.3.5:{}", first=5000, orphan=True)
    parameters = {"net.ipv4.tcp_fin_timeout": "60"}
    age = LIMITS.fin_wait2_age
    table = later(make_snapshot([*sockets, *others], parameters=parameters), age)
    finding = only(table)
    assert finding.title == "10.2.3.4 does not close: 1,000 FIN_WAIT2"
    assert "ends them after 60 s (net.ipv4.tcp_fin_timeout)" in text_of(finding.facts)
    assert selects(table, finding, sockets)
    assert not found(later(make_snapshot([*sockets[1:], *others], parameters=parameters), age))
    assert not found(later(make_snapshot(sockets, parameters=parameters), age - 0.1)), "it may be about to close"


# ------------------------------------------------------------------ data that does not get away
def sending(number: int, *, timer: int, retransmits: int = 0, send_q: int = 65_536) -> list[InetSocket]:
    return many(
        number, "ESTABLISHED", timer=timer, retransmits=retransmits, send_q=send_q, expires_ms=7000 if timer else 0
    )


@pytest.mark.parametrize(
    ("number", "timer", "retransmits", "kind"),
    [
        (5, TIMER_ZERO_WINDOW, 0, "peer-not-reading"),
        (4, TIMER_ZERO_WINDOW, 0, None),
        (5, TIMER_RETRANSMIT, 5, "peer-not-answering"),
        (5, TIMER_RETRANSMIT, 4, None),
        (4, TIMER_RETRANSMIT, 9, None),
        (9, TIMER_KEEPALIVE, 9, None),
    ],
)
def test_when_peers_do_not_read_or_answer(number: int, timer: int, retransmits: int, kind: str | None) -> None:
    sockets = sending(number, timer=timer, retransmits=retransmits)
    findings = found(later(make_snapshot(sockets, {NGINX: sockets})))
    assert [finding.kind for finding in findings] == ([kind] if kind else [])


def test_peers_that_read_slowly_open_their_window_in_time() -> None:
    probes = [round(LIMITS.stuck_probe * 1000) - 1] * 60 + [round(LIMITS.stuck_probe * 1000)] * 5
    sockets = [
        s._replace(expires_ms=probe) for s, probe in zip(sending(65, timer=TIMER_ZERO_WINDOW), probes, strict=True)
    ]
    assert "sends to 5 peers" in only(later(make_snapshot(sockets, {NGINX: sockets}))).title
    assert not found(later(make_snapshot(sockets[:-1], {NGINX: sockets[:-1]})))


def test_many_stuck_ones_are_a_warning() -> None:
    sockets = sending(LIMITS.stuck_many, timer=TIMER_ZERO_WINDOW)
    assert only(later(make_snapshot(sockets, {NGINX: sockets}))).urgency == "warning"
    assert only(later(make_snapshot(sockets[1:], {NGINX: sockets[1:]}))).urgency == "notice"


def test_peers_that_do_not_read() -> None:
    stuck = sending(6, timer=TIMER_ZERO_WINDOW)
    well = many(20, "ESTABLISHED", first=100, send_q=512, timer=TIMER_RETRANSMIT)
    empty = many(20, "ESTABLISHED", first=200, timer=TIMER_ZERO_WINDOW)
    table = later(make_snapshot([*stuck, *well, *empty], {NGINX: [*stuck, *well, *empty]}))
    finding = only(table)
    assert finding.title == "nginx 80 sends to 6 peers that do not read: 384K waiting, 10.2.3.4 alone"
    assert "the last to be asked is in 7 s" in text_of(finding.facts)
    assert selects(table, finding, stuck)


def test_peers_that_do_not_answer() -> None:
    stuck = sending(6, timer=TIMER_RETRANSMIT, retransmits=7)
    well = many(20, "ESTABLISHED", first=100, send_q=512, timer=TIMER_RETRANSMIT, retransmits=1)
    snapshot = make_snapshot([*stuck, *well], {NGINX: [*stuck, *well]}, parameters={"net.ipv4.tcp_retries2": "15"})
    table = later(snapshot)
    finding = only(table)
    assert "repeated up to 7 times" in text_of(finding.facts)
    assert "about 15 repetitions (net.ipv4.tcp_retries2)" in text_of(finding.facts)
    assert selects(table, finding, stuck)


def test_stuck_sockets_of_hidden_processes() -> None:
    stuck = sending(6, timer=TIMER_ZERO_WINDOW)
    table = later(make_snapshot(stuck, unreadable=3, privileged=False))
    assert selects(table, only(table), stuck)
    assert "sudo" in only(table).remedies[0]


# ------------------------------------------------------------------ silence
def silent(number: int, seconds: float, remote: str = "10.2.3.4:{}") -> Snapshot:
    sockets = many(number, "ESTABLISHED", remote=remote)
    talking = many(10, "ESTABLISHED", first=5000)
    return make_snapshot(
        [*sockets, *talking], {NGINX: [*sockets, *talking]}, silent={s.cookie: seconds for s in sockets}
    )


def test_many_silent_connections_without_keep_alive() -> None:
    snapshot = silent(LIMITS.silent_count, LIMITS.silent_age)
    table = later(snapshot)
    finding = only(table)
    assert (finding.kind, finding.urgency) == ("silent-peers", "notice")
    assert finding.title == "nginx 80 would not notice dead peers: 100 silent for up to 2h00m, no keep-alive"
    assert "SO_KEEPALIVE" in finding.remedies[0]
    assert selects(table, finding, snapshot.sockets[: LIMITS.silent_count])
    assert not found(later(silent(LIMITS.silent_count - 1, LIMITS.silent_age)))
    assert not found(later(silent(LIMITS.silent_count, LIMITS.silent_age - 1)))


def test_peers_on_this_machine_can_not_vanish_unseen() -> None:
    assert not found(later(silent(200, 9000, "10.0.0.7:{}")))
    local = many(200, "ESTABLISHED", "127.0.0.1:8080", "127.0.0.1:{}")
    assert not found(later(make_snapshot(local, {NGINX: local}, silent={s.cookie: 9000.0 for s in local})))


def test_the_filter_leaves_silent_peers_on_this_machine_out() -> None:
    far, near = many(150, "ESTABLISHED"), many(150, "ESTABLISHED", remote="10.0.0.7:{}", first=1000)
    loop = many(150, "ESTABLISHED", "127.0.0.1:80", "127.0.0.1:{}", first=2000)
    sockets = [*far, *near, *loop]
    table = later(make_snapshot(sockets, {NGINX: sockets}, silent={s.cookie: 9000.0 for s in sockets}))
    assert selects(table, only(table), far)


def test_a_socket_that_is_gone_or_has_closed_since_is_not_counted() -> None:
    sockets = many(150, "FIN_WAIT2")
    assert not found(later(make_snapshot(sockets, silent={s.cookie + 500_000: 9000.0 for s in sockets})))
    assert not found(later(make_snapshot(sockets, silent={s.cookie: 9000.0 for s in sockets})))
