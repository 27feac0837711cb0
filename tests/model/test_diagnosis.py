"""All rules together: healthy machines have no finding, sick ones have them in order."""

from __future__ import annotations

from collections import Counter

import pytest

from sockview.model.diagnosis import diagnose
from sockview.model.diagnosis.owners import MOST, owners_of
from sockview.model.diagnosis.ranked import TITLES
from sockview.model.diagnosis.suspects import STEP
from sockview.model.diagnosis.words import most_common
from sockview.model.inet_socket import TIMER_RETRANSMIT, TIMER_TIME_WAIT, TIMER_ZERO_WINDOW, UDP, InetSocket
from sockview.model.limits import DescriptorUse
from sockview.model.owner import Process
from sockview.model.snapshot import Snapshot
from sockview.model.steps import finish
from sockview.model.thresholds import Thresholds
from tests.model.builders import busy_snapshot, make_process, make_snapshot, make_socket, make_table
from tests.model.findings import found, later, many

PARAMETERS = {
    "net.core.somaxconn": "4096",
    "net.ipv4.ip_local_port_range": "32768 60999",
    "net.ipv4.tcp_fin_timeout": "60",
    "net.ipv4.tcp_keepalive_time": "7200",
    "net.ipv4.tcp_max_syn_backlog": "4096",
    "net.ipv4.tcp_max_tw_buckets": "262144",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_tw_reuse": "2",
}

SSHD = make_process(640, "sshd")
RESOLVED = make_process(500, "systemd-resolved")
POSTGRES = make_process(812, "postgres")
Held = dict[Process, list[InetSocket]]


def listener(local: str, number: int, recv_q: int = 0, send_q: int = 128) -> InetSocket:
    return make_socket("LISTEN", local, cookie=number, inode=number, recv_q=recv_q, send_q=send_q, uid=0)


def machine(held: Held, *loose: InetSocket, silent: dict[int, float] | None = None) -> Snapshot:
    sockets = {s.cookie: s for of_process in held.values() for s in of_process}
    return make_snapshot([*sockets.values(), *loose], held, parameters=PARAMETERS, silent=silent)


def idle_server() -> Snapshot:
    sessions = many(3, "ESTABLISHED", "10.0.0.7:22")
    database = many(10, "ESTABLISHED", "127.0.0.1:5432", "127.0.0.1:{}", first=100)
    held: Held = {
        SSHD: [listener("0.0.0.0:22", 1), listener("[::]:22", 2), *sessions],
        RESOLVED: [listener("127.0.0.53:53", 3), listener("127.0.0.54:53", 4)],
        POSTGRES: [listener("127.0.0.1:5432", 5, send_q=200), listener("[::1]:5432", 6, send_q=200), *database],
        make_process(700, "chronyd"): [make_socket("UNCONN", "127.0.0.1:323", protocol=UDP, cookie=7, inode=7)],
    }
    left = many(12, "TIME_WAIT", "10.0.0.7:{}", "10.9.1.1:443", first=200, orphan=True)
    return machine(held, *left, silent={s.cookie: 90_000.0 for s in sessions + database})


def development_machine() -> Snapshot:
    """A browser that keeps closed connections of its pool for hours, containers, two resolvers, a slow download."""
    held: Held = {
        make_process(3000, "firefox"): [
            *many(8, "CLOSE_WAIT", "192.168.1.5:{}", "203.0.113.9:443", recv_q=1),
            *many(60, "ESTABLISHED", "192.168.1.5:{}", "203.0.113.10:443", first=100),
            *many(1, "SYN_SENT", "192.168.1.5:{}", "203.0.113.11:443", first=200, timer=TIMER_RETRANSMIT),
        ],
        make_process(3100, "node"): [listener("127.0.0.1:3000", 1, send_q=511)],
        make_process(3200, "docker-proxy"): [listener("0.0.0.0:5432", 2)],
        make_process(3201, "docker-proxy"): [listener("[::]:5432", 3)],
        make_process(1, "systemd"): [listener("127.0.0.1:631", 4), listener("[::1]:631", 5)],
        make_process(3300, "cupsd"): [listener("127.0.0.1:631", 4), listener("[::1]:631", 5)],
        RESOLVED: [listener("127.0.0.53:53", 6)],
        make_process(3400, "dnsmasq"): [listener("192.168.122.1:53", 7)],
        make_process(3500, "java"): many(4, "CLOSE_WAIT", "[::1]:{}", "[::1]:8080", first=300),
        make_process(3600, "rsync"): many(1, "ESTABLISHED", first=400, send_q=90_000, timer=TIMER_ZERO_WINDOW),
    }
    return machine(held, *many(40, "TIME_WAIT", "192.168.1.5:{}", "203.0.113.9:443", first=500, orphan=True))


def busy_proxy() -> Snapshot:
    """nginx workers that share their port, 10,000 TIME_WAIT, and what comes with clients all over the world."""
    held: Held = {SSHD: [listener("0.0.0.0:22", 1)]}
    for worker in range(8):
        held[make_process(80 + worker, "nginx")] = [
            listener("0.0.0.0:443", 10 + worker, recv_q=worker, send_q=511),
            *many(
                500, "ESTABLISHED", "10.0.0.7:443", f"198.51.{worker}.9:{{}}", first=10_000 + 1000 * worker, send_q=900
            ),
            *many(3, "CLOSE_WAIT", "10.0.0.7:443", f"198.51.{worker}.9:{{}}", first=10_600 + 1000 * worker),
            *many(
                2, "ESTABLISHED", first=10_700 + 1000 * worker, send_q=9000, timer=TIMER_ZERO_WINDOW, expires_ms=9000
            ),
            *many(
                80, "ESTABLISHED", first=10_800 + 1000 * worker, send_q=9000, timer=TIMER_ZERO_WINDOW, expires_ms=400
            ),
        ]
    loose = [
        *many(5000, "TIME_WAIT", "10.0.0.7:443", "198.51.100.4:{}", first=20_000, orphan=True),
        *(
            make_socket("TIME_WAIT", f"10.0.0.7:{33_000 + n}", f"10.9.1.{n % 3}:8080", cookie=3_000_000 + n)
            for n in range(5000)
        ),
        *(
            s._replace(timer=TIMER_TIME_WAIT, expires_ms=57_000)
            for s in many(2000, "FIN_WAIT2", "10.0.0.7:443", "198.51.100.5:{}", first=40_000, orphan=True)
        ),
        *many(60, "SYN_RECV", "10.0.0.7:443", "198.51.100.6:{}", first=43_000, orphan=True),
        *many(49, "LAST_ACK", "10.0.0.7:443", "198.51.100.7:{}", first=44_000, orphan=True, retransmits=3),
        *many(49, "FIN_WAIT1", "10.0.0.7:443", "198.51.100.8:{}", first=45_000, orphan=True, retransmits=3),
    ]
    return machine(held, *loose)


# ------------------------------------------------------------------ healthy
def test_an_idle_server_has_no_finding() -> None:
    assert not found(later(idle_server()))
    assert not found(later(idle_server(), 3600))


def test_a_development_machine_has_no_finding() -> None:
    assert not found(later(development_machine()))


def test_old_closed_connections_of_a_pool_are_no_finding() -> None:
    snapshot = development_machine()
    kept = [s for s in snapshot.sockets if s.retransmits == 0 and s.timer != TIMER_RETRANSMIT]
    owners = {make_process(3000, "firefox"): [s for s in kept if s.inode and s.remote_port == 443]}
    assert not found(later(make_snapshot(kept, owners, parameters=PARAMETERS), 86_400))


def test_a_busy_proxy_has_no_finding() -> None:
    proxy = busy_proxy()
    assert sum(s.state == 6 for s in proxy.sockets) == 10_000
    assert not found(later(proxy, growth={"ListenDrops": 3, "ListenOverflows": 3, "TCPTimeWaitOverflow": 0}))


def test_an_empty_table_has_no_finding() -> None:
    assert not found(later(make_snapshot()))


def test_a_source_that_tells_no_queues_and_no_timers_has_no_finding_for_it() -> None:
    sockets = [s._replace(recv_q=None, send_q=None, timer=0, retransmits=0) for s in busy_proxy().sockets]
    assert not found(later(make_snapshot(sockets, source="psutil")))


# ------------------------------------------------------------------ sick
def sick_server() -> Snapshot:
    leak, mild = many(100, "CLOSE_WAIT"), many(300, "CLOSE_WAIT", first=1000)
    stuck = many(5, "ESTABLISHED", first=2000, send_q=5000, timer=TIMER_ZERO_WINDOW, expires_ms=60_000)
    full = listener("0.0.0.0:8080", 1, recv_q=200, send_q=128)
    held = {
        make_process(7306, "gunicorn"): leak,
        make_process(7307, "celery"): mild,
        make_process(80, "nginx"): [full, *stuck],
    }
    use = {make_process(7306, "gunicorn"): DescriptorUse(150, 1024)}
    times = {s.cookie: (2.0 * number, None) for number, s in enumerate(leak)}
    times |= {s.cookie: (90.0, None) for s in mild}
    return make_snapshot([full, *leak, *mild, *stuck], held, descriptors=use, close_wait_times=times)


def test_the_most_urgent_comes_first_then_the_soonest_then_the_largest() -> None:
    table = later(sick_server(), rates={(7306, 1000): 1.0})
    assert [(finding.urgency, finding.pid) for finding in found(table)] == [
        ("critical", 7306),
        ("critical", 80),
        ("warning", 7307),
        ("notice", 80),
    ]


def test_thresholds_can_be_set() -> None:
    table = later(sick_server())
    thresholds = Thresholds(close_wait_count=101, close_wait_growing_count=101, stuck_count=6)
    kinds = [finding.kind for finding in found(table, thresholds)]
    assert kinds == ["accept-queue", "close-wait-leak"]


def test_the_same_table_gives_the_same_findings_and_keeps_its_own() -> None:
    table = later(sick_server(), 60)
    before = table.snapshot
    assert found(table) == found(table)
    assert table.snapshot is before
    assert table.findings == ()


def full_queues(number: int) -> list[InetSocket]:
    return [listener(f"0.0.0.0:{80 + count}", 1 + count, recv_q=500 - count, send_q=128) for count in range(number)]


def test_of_very_many_only_those_are_made_that_are_told() -> None:
    most = Thresholds().findings_per_rule
    full = full_queues(100)
    findings = found(later(make_snapshot(full, {make_process(80, "nginx"): full})))
    assert len(findings) == most + 1
    assert findings[-1].title.startswith(f"{100 - most} more findings of this kind: nginx 80 accepts too slowly: 492")
    assert len(findings[-1].facts) == TITLES


def test_the_order_of_the_sockets_makes_no_difference() -> None:
    full = full_queues(3) + many(30, "CLOSE_WAIT") + many(30, "FIN_WAIT1", first=100, orphan=True, retransmits=5)
    held = {make_process(80, "nginx"): full[:3], make_process(81, "php"): full[3:33]}
    tables = [later(make_snapshot(sockets, held), 300.0) for sockets in (full, full[::-1])]
    few = Thresholds(closing_count=5)
    assert len(found(tables[0], few)) == 5
    assert found(tables[0], few) == found(tables[1], few)


def test_of_one_kind_the_rest_is_told_in_one() -> None:
    most = Thresholds().findings_per_rule
    full = full_queues(most + 5)
    findings = found(later(make_snapshot(full, {make_process(80, "nginx"): full})))
    assert len(findings) == most + 1
    assert findings[0].title.startswith("nginx 80 accepts too slowly: 500 wait on 0.0.0.0:80,")
    assert findings[-1].title.startswith("5 more findings of this kind: nginx 80 accepts too slowly: 492 wait")
    assert len(findings[-1].facts) == 5
    assert findings[-1].pid is None
    assert len(found(later(make_snapshot(full[: most + 1])))) == most + 1


def test_it_works_in_small_steps() -> None:
    table = make_table(busy_snapshot(40_000), busy_snapshot(40_000, clock=300.0))
    assert sum(1 for _ in diagnose(table)) > 40_000 / STEP


# ------------------------------------------------------------------ whose
def test_a_title_claims_no_more_than_is_known() -> None:
    one, other = make_process(5, "curl"), make_process(6, "wget")
    sockets = many(2, "ESTABLISHED")

    def who(held: Held, unreadable: int = 0) -> str:
        table = make_table(make_snapshot(sockets, held, unreadable=unreadable))
        return finish(owners_of(table, sockets)).does("sends", "send")

    assert who({one: sockets}) == "curl 5 sends"
    assert who({one: sockets, other: sockets[:1]}) == "curl 5 and 1 more send"
    assert who({one: sockets[:1]}) == "curl 5 and others send"
    assert who({}, unreadable=1) == "Hidden processes send"
    assert who({}) == "Unknown processes send"


def test_a_likely_owner_is_marked() -> None:
    nginx = make_process(80, "nginx")
    open_port = listener("0.0.0.0:8080", 1)
    left = many(2, "TIME_WAIT", orphan=True)
    owners = finish(owners_of(make_table(make_snapshot([open_port, *left], {nginx: [open_port]})), left))
    assert owners.does("leaves", "leave") == "~nginx 80 leaves"
    assert owners.sentence("Left by") == "Left by likely nginx 80 (2)."
    assert not owners.certain


def test_of_very_many_sockets_some_are_looked_up_and_the_same_ones_each_time() -> None:
    nginx, php = make_process(80, "nginx"), make_process(90, "php")
    sockets = many(MOST + 3000, "ESTABLISHED")
    table = make_table(make_snapshot(sockets, {nginx: sockets[::2], php: sockets[1::2]}))
    owners = finish(owners_of(table, sockets))
    assert owners.every == 3
    assert owners.sentence("Held by").startswith("Of one socket in 3 looked up: Held by ")
    assert abs(sum(share.count for share in owners.shares) - len(sockets) / 3) < 50
    assert finish(owners_of(table, sockets[::-1])) == owners


@pytest.mark.parametrize("most", [1, 2, 3, 9])
def test_the_most_common_are_the_same_whatever_the_order(most: int) -> None:
    ports = [5, 80, 443, 80, 5, 22, 80]
    expected = [(80, 3), (5, 2), (22, 1), (443, 1)][:most]
    assert most_common(Counter(ports), most) == most_common(Counter(ports[::-1]), most) == expected
