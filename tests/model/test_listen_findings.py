"""LISTEN: full and filling accept queues, half-open connections, programs in each other's way."""

from __future__ import annotations

import pytest

from sockview.model.diagnosis.shared_port import program_of
from sockview.model.finding import Finding
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Process
from sockview.model.snapshot import Snapshot
from sockview.model.tcp_state import LISTEN
from sockview.model.thresholds import Thresholds
from tests.model.builders import make_process, make_snapshot, make_socket
from tests.model.findings import SHOWN, found, later, many, only, selects, text_of

NGINX = make_process(80, "nginx")
NODE = make_process(900, "node")
LIMITS = Thresholds()


def listening(recv_q: int | None, send_q: int | None, local: str = "0.0.0.0:8080", number: int = 1) -> InetSocket:
    return make_socket("LISTEN", local, cookie=number, inode=number, recv_q=recv_q, send_q=send_q)


# ------------------------------------------------------------------ the accept queue
@pytest.mark.parametrize(
    ("recv_q", "send_q", "urgency"),
    [
        (129, 128, "critical"),
        (128, 128, "warning"),  # the kernel admits one more
        (90, 128, "warning"),
        (89, 128, None),
        (10, 14, "warning"),
        (9, 10, None),  # too few to speak of filling
        (2, 1, "critical"),
        (1, 1, None),
        (0, 0, None),
        (None, None, None),
    ],
)
def test_the_accept_queue_against_its_limit(recv_q: int | None, send_q: int | None, urgency: str | None) -> None:
    listener = listening(recv_q, send_q)
    findings = found(later(make_snapshot([listener], {NGINX: [listener]})))
    assert [finding.urgency for finding in findings] == ([urgency] if urgency else [])


def test_what_is_said_of_a_full_queue() -> None:
    full, idle = listening(129, 128), listening(0, 128, "0.0.0.0:443", 2)
    snapshot = make_snapshot([full, idle], {NGINX: [full, idle]}, parameters={"net.core.somaxconn": "4096"})
    table = later(snapshot, growth={"ListenOverflows": 37, "ListenDrops": 40})
    finding = only(table)
    assert finding.title == "nginx 80 accepts too slowly: 129 wait on 0.0.0.0:8080, backlog 128, new ones dropped"
    assert "129 wait" in finding.title[:SHOWN]
    assert "turned 37 attempts away in the last minute" in text_of(finding.facts)
    assert "4,096, is not what limits it here" in finding.remedies[-1]
    assert (finding.pid, finding.state, finding.certain) == (80, LISTEN, True)
    assert selects(table, finding, [full])


def test_a_backlog_that_the_kernel_limits() -> None:
    full = listening(129, 128)
    table = later(make_snapshot([full], {NGINX: [full]}, parameters={"net.core.somaxconn": "128"}))
    assert "net.core.somaxconn, 128, limits it: as it does here." in only(table).remedies[-1]


def test_of_workers_with_a_queue_each_the_full_one_is_told() -> None:
    full, idle = listening(129, 128, number=1), listening(3, 128, number=2)
    worker = make_process(81, "nginx")
    table = later(make_snapshot([full, idle], {NGINX: [full], worker: [idle]}))
    assert selects(table, only(table), [full])


def test_a_full_queue_of_a_hidden_process() -> None:
    full = listening(129, 128)
    table = later(make_snapshot([full], unreadable=80, privileged=False))
    finding = only(table)
    assert finding.title.startswith("A hidden process accepts too slowly: 129 wait")
    assert "sudo" in finding.remedies[0]
    assert selects(table, finding, [full])


def test_drops_that_no_queue_explains_now() -> None:
    listener = listening(1, 128)
    snapshot = make_snapshot([listener], {NGINX: [listener]})
    finding = only(later(snapshot, growth={"ListenDrops": LIMITS.listen_drops, "ListenOverflows": 4}))
    assert finding.title == "Listeners dropped 10 attempts to connect in the last minute; no queue is full now"
    assert "4 of them because an accept queue was full" in text_of(finding.facts)
    assert "0.0.0.0:8080 (1 of 128)" in text_of(finding.facts)
    assert not found(later(snapshot, growth={"ListenDrops": LIMITS.listen_drops - 1}))


# ------------------------------------------------------------------ half-open
def flooded(number: int, *listeners: InetSocket, **parameters: str) -> Snapshot:
    half = many(number, "SYN_RECV", "10.0.0.7:8080", "10.2.3.4:{}", first=100, orphan=True)
    names = {f"net.ipv4.{name}": value for name, value in parameters.items()}
    return make_snapshot([*listeners, *half], {NGINX: listeners}, parameters=names)


@pytest.mark.parametrize(
    ("number", "backlog", "parameters", "told"),
    [
        (90, 128, {}, True),
        (89, 128, {}, False),
        (64, 80, {}, True),
        (63, 80, {}, False),  # too few whatever the backlog
        (63, 1, {}, False),
        (400, 4096, {"tcp_max_syn_backlog": "512", "tcp_syncookies": "1"}, False),
        (400, 4096, {"tcp_max_syn_backlog": "512", "tcp_syncookies": "0"}, True),
        (256, None, {}, True),
        (255, None, {}, False),
        (90, None, {"tcp_max_syn_backlog": "128"}, True),
    ],
)
def test_half_open_connections_against_their_limit(
    number: int, backlog: int | None, parameters: dict[str, str], told: bool
) -> None:
    findings = found(later(flooded(number, listening(0 if backlog else None, backlog), **parameters)))
    assert [finding.kind for finding in findings] == (["half-open"] if told else [])


def test_workers_with_a_queue_each_have_room_for_more() -> None:
    listeners = [listening(0, 128, number=number) for number in (1, 2)]
    assert not found(later(flooded(179, *listeners)))
    assert only(later(flooded(180, *listeners))).kind == "half-open"


def test_what_is_said_of_half_open_connections() -> None:
    snapshot = flooded(100, listening(0, 128), tcp_max_syn_backlog="512", tcp_syncookies="1")
    table = later(snapshot, growth={"SyncookiesSent": 12})
    finding = only(table)
    assert finding.title == "nginx 80 has 100 half-open connections on port 8080, limit 128"
    facts = text_of(finding.facts)
    assert "100 connections in SYN_RECV" in facts
    assert "net.ipv4.tcp_max_syn_backlog is 512" in facts
    assert "The peers: 10.2.3.4 alone." in facts
    assert "net.ipv4.tcp_syncookies is 1, on when the queue is full" in facts
    assert "12 SYN cookies sent" in facts
    assert selects(table, finding, [s for s in snapshot.sockets if s.state != LISTEN])


def test_handshakes_that_a_full_accept_queue_holds_up() -> None:
    findings = found(later(flooded(100, listening(129, 128))))
    assert [finding.kind for finding in findings] == ["accept-queue", "half-open"]
    assert "The accept queue is full at 1 listener of that port" in text_of(findings[1].facts)


# ------------------------------------------------------------------ one port, two programs
def disputed(first: str, second: str, *, one: Process = NGINX, other: Process = NODE) -> tuple[Finding, ...]:
    sockets = [listening(0, 128, first, 1), listening(0, 128, second, 2)]
    table = later(make_snapshot(sockets, {one: sockets[:1], other: sockets[1:]}))
    findings = found(table)
    assert all(selects(table, finding, sockets) for finding in findings)
    return findings


def test_two_programs_on_one_address() -> None:
    (finding,) = disputed("0.0.0.0:8080", "0.0.0.0:8080")
    assert (finding.kind, finding.urgency) == ("shared-port", "warning")
    assert finding.title == "nginx 80 and node 900 both listen on port 8080"
    assert "spreads new connections over both" in text_of(finding.facts)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("127.0.0.1:8080", "0.0.0.0:8080"),
        ("[::]:8080", "127.0.0.1:8080"),
        ("127.0.0.1:8080", "[::1]:8080"),
        ("0.0.0.0:8080", "[::]:8080"),
        ("10.0.0.7:8080", "0.0.0.0:8080"),
    ],
)
def test_two_programs_that_one_name_leads_to(first: str, second: str) -> None:
    (finding,) = disputed(first, second)
    assert finding.urgency == "notice"
    assert finding.title.startswith("nginx 80 and node 900 both listen on port 8080, ")
    assert f"{first} is nginx 80 and {second} is node 900." in text_of(finding.facts)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("127.0.0.53:53", "192.168.122.1:53"),  # two resolvers
        ("10.0.0.7:443", "10.0.0.8:443"),
        ("0.0.0.0:8080", "0.0.0.0:8081"),
        ("127.0.0.1:53", "127.0.0.53:53"),
        ("127.0.0.1:80", "10.0.0.7:80"),
    ],
)
def test_two_programs_that_do_not_meet(first: str, second: str) -> None:
    assert not disputed(first, second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nginx", "nginx"),
        ("gunicorn: master [app]", "gunicorn: worker [app]"),
        ("queue-1", "queue-2"),
        ("puma: cluster", "puma 5.6"),
        ("worker#1", "worker#12"),
    ],
)
def test_workers_of_one_program_may_share_a_port(one: str, other: str) -> None:
    assert not disputed("0.0.0.0:80", "0.0.0.0:80", one=make_process(1, one), other=make_process(2, other))


def test_a_name_of_digits_stays_a_name() -> None:
    assert program_of(make_process(1, "7")) == "7"


def test_a_socket_that_systemd_holds_for_a_service() -> None:
    """Both hold the descriptors, for IPv4 and for IPv6: socket activation."""
    sockets = [listening(0, 128, "0.0.0.0:631", 1), listening(0, 128, "[::]:631", 2)]
    systemd = make_process(1, "systemd")
    assert not found(later(make_snapshot(sockets, {systemd: sockets, make_process(700, "cupsd"): sockets})))


def test_copies_of_one_descriptor_without_cookies_are_no_dispute() -> None:
    sockets = [make_socket("LISTEN", "0.0.0.0:631", cookie=-number, inode=-number) for number in (1, 2)]
    held = {make_process(1, "systemd"): sockets[:1], make_process(700, "cupsd"): sockets[1:]}
    assert not found(later(make_snapshot(sockets, held, source="psutil")))
