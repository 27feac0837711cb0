"""TIME_WAIT: everyday, until the ports towards one destination or the kernel's buckets run out."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sockview.model.diagnosis.owners import MOST
from sockview.model.finding import Urgency
from sockview.model.inet_socket import TIMER_TIME_WAIT, InetSocket
from sockview.model.snapshot import Snapshot
from sockview.model.tcp_state import TIME_WAIT
from tests.model.builders import make_process, make_snapshot, make_socket
from tests.model.findings import SHOWN, found, later, many, only, selects, text_of

CELERY = make_process(7410, "celery")
#: 1,000 ports, and what else a server has by default.
PARAMETERS = {
    "net.ipv4.ip_local_port_range": "20000 20999",
    "net.ipv4.tcp_tw_reuse": "2",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_max_tw_buckets": "65536",
}
DATABASE = "10.9.1.1:5432"


def left(
    number: int, *, held: int = 0, remote: str = DATABASE, parameters: Mapping[str, str] | None = None
) -> Snapshot:
    """So many TIME_WAIT towards one destination and so many connections that celery still has."""
    local = "127.0.0.1:{}" if remote.startswith("127.") else "10.0.0.7:{}"
    sockets = many(number, "TIME_WAIT", local, remote, orphan=True)
    open_ones = many(held, "ESTABLISHED", local, remote, first=number)
    names = {f"net.ipv4.{name}": value for name, value in (parameters or {}).items()}
    return make_snapshot([*sockets, *open_ones], {CELERY: open_ones}, parameters=PARAMETERS | names)


# ------------------------------------------------------------------ ports
@pytest.mark.parametrize(
    ("number", "held", "urgency"),
    [
        (699, 0, None),
        (600, 99, None),
        (700, 0, "warning"),
        (600, 100, "warning"),
        (899, 0, "warning"),
        (900, 0, "critical"),
        (0, 900, "critical"),
    ],
)
def test_the_share_of_the_ports_that_one_destination_takes(number: int, held: int, urgency: Urgency | None) -> None:
    findings = found(later(left(number, held=held)))
    assert [finding.urgency for finding in findings] == ([urgency] if urgency else [])


def test_ports_are_counted_for_each_destination_alone() -> None:
    sockets = [
        *many(400, "TIME_WAIT", "10.0.0.7:{}", DATABASE, orphan=True),
        *many(400, "TIME_WAIT", "10.0.0.7:{}", "10.9.1.2:5432", first=400, orphan=True),
        *many(400, "TIME_WAIT", "10.0.0.8:{}", DATABASE, first=800, orphan=True),
    ]
    assert not found(later(make_snapshot(sockets, parameters=PARAMETERS)))


def test_the_side_of_the_server_uses_no_ports_up() -> None:
    sockets = many(900, "TIME_WAIT", "10.0.0.7:8080", "10.2.3.4:{}", orphan=True)
    assert not found(later(make_snapshot(sockets, parameters=PARAMETERS)))


def test_without_the_range_nothing_is_said() -> None:
    sockets = many(900, "TIME_WAIT", "10.0.0.7:{}", DATABASE, orphan=True)
    assert not found(later(make_snapshot(sockets)))


@pytest.mark.parametrize(
    ("remote", "parameters", "urgency", "fact"),
    [
        (DATABASE, {"tcp_tw_reuse": "0"}, "critical", "tcp_tw_reuse is 0 (off): connect() can not take"),
        (DATABASE, {"tcp_tw_reuse": "2"}, "critical", "tcp_tw_reuse is 2 (on for loopback only): connect() can not"),
        (DATABASE, {"tcp_tw_reuse": "1"}, "warning", "tcp_tw_reuse is 1 (on for all): connect() may take a port"),
        ("127.0.0.1:5432", {"tcp_tw_reuse": "2"}, "warning", "connect() may take a port"),
        (
            DATABASE,
            {"tcp_tw_reuse": "1", "tcp_timestamps": "0"},
            "critical",
            "tcp_tw_reuse is 1 (on for all), but net.ipv4.tcp_timestamps is 0: connect() can not",
        ),
    ],
)
def test_ports_that_the_kernel_uses_again_press_less(
    remote: str, parameters: dict[str, str], urgency: Urgency, fact: str
) -> None:
    finding = only(later(left(950, remote=remote, parameters=parameters)))
    assert finding.urgency == urgency
    assert fact in text_of(finding.facts)
    advised = "tcp_tw_reuse=1" in text_of(finding.remedies)
    assert advised == ("can not" in fact)
    assert "Never tcp_tw_recycle" in finding.remedies[-1]


def test_title_facts_and_filter_of_used_up_ports() -> None:
    snapshot = left(840, held=60)
    others = [
        make_socket("TIME_WAIT", "10.0.0.7:20500", "10.9.1.1:6379", cookie=1),
        make_socket("TIME_WAIT", "10.0.0.7:30000", DATABASE, cookie=2),
        make_socket("TIME_WAIT", "10.0.0.8:20500", DATABASE, cookie=3),
    ]
    table = later(make_snapshot([*snapshot.sockets, *others], {CELERY: snapshot.sockets[840:]}, parameters=PARAMETERS))
    finding = only(table)
    assert finding.title == "~celery 7410 uses 900 of 1,000 ports to 10.9.1.1:5432, 840 in TIME_WAIT"
    facts = text_of(finding.facts)
    assert "900 of the 1,000 local ports 20000 to 20999 (90%)" in facts
    assert "TIME_WAIT 840 and ESTABLISHED 60." in facts
    assert "about 14 closes a second" in facts
    assert "It is normal, and harmless until ports run out." in facts
    assert "Opened by likely celery 7410 (900)." in facts
    assert "Keep connections" in finding.remedies[0]
    assert (finding.pid, finding.state) == (7410, TIME_WAIT)
    assert selects(table, finding, snapshot.sockets)


def test_a_destination_in_ipv6() -> None:
    sockets = many(900, "TIME_WAIT", "[2001:db8::7]:{}", "[2001:db8::1]:5432", orphan=True)
    table = later(make_snapshot(sockets, parameters=PARAMETERS))
    finding = only(table)
    assert "900 of 1,000 ports to [2001:db8::1]:5432" in finding.title[:SHOWN]
    assert selects(table, finding, sockets)


# ------------------------------------------------------------------ buckets
def spread(number: int, *, remnants: int = 0, limit: int = 1000) -> Snapshot:
    """TIME_WAITs of a server, and what is left of orphaned FIN_WAIT2s."""
    sockets: list[InetSocket] = many(number, "TIME_WAIT", "10.0.0.7:443", "10.2.3.4:{}", orphan=True)
    sockets += many(
        remnants, "FIN_WAIT2", "10.0.0.7:443", "10.2.3.4:{}", first=number, orphan=True, timer=TIMER_TIME_WAIT
    )
    return make_snapshot(sockets, parameters={"net.ipv4.tcp_max_tw_buckets": str(limit)})


def test_buckets_that_are_nearly_used_up() -> None:
    table = later(spread(800))
    finding = only(table)
    assert finding.urgency == "notice"
    assert finding.title == "TIME_WAIT nears its limit: 800 of 1,000 buckets used"
    assert "TIME_WAIT is normal" in text_of(finding.facts)
    assert selects(table, finding, table.snapshot.sockets)
    assert not found(later(spread(799)))


def test_half_closed_remnants_take_buckets_too() -> None:
    assert "800 of 1,000 buckets" in only(later(spread(700, remnants=100))).title
    assert "100 of them FIN_WAIT2" in text_of(only(later(spread(700, remnants=100))).facts)
    assert not found(later(spread(700, remnants=99)))


def test_buckets_that_overflow() -> None:
    finding = only(later(spread(10), growth={"TCPTimeWaitOverflow": 1}))
    assert finding.urgency == "warning"
    assert finding.title == "TIME_WAIT overflows: 1 cut short in the last minute, 10 of 1,000 buckets used"
    assert not found(later(spread(10), growth={"TCPTimeWaitOverflow": 0}))


def test_an_unknown_number_of_buckets_is_no_reason_to_guess() -> None:
    sockets = many(900, "TIME_WAIT", "10.0.0.7:443", "10.2.3.4:{}", orphan=True)
    assert not found(later(make_snapshot(sockets)))
    finding = only(later(make_snapshot(sockets), growth={"TCPTimeWaitOverflow": 5}))
    assert "tcp_max_tw_buckets could not be read" in text_of(finding.facts)


def test_of_very_many_sockets_some_are_looked_up() -> None:
    facts = text_of(only(later(spread(MOST + 1))).facts)
    assert "Of one socket in 2 looked up: " in facts
