"""CLOSE_WAIT: from when on it is a leak, whose, how urgent, and connections that were never accepted."""

from __future__ import annotations

import pytest

from sockview.model.diagnosis.words import about
from sockview.model.finding import Urgency
from sockview.model.inet_socket import InetSocket
from sockview.model.limits import DescriptorUse
from sockview.model.snapshot import Snapshot
from sockview.model.tcp_state import CLOSE_WAIT
from sockview.model.thresholds import Thresholds
from tests.model.builders import make_process, make_snapshot, make_socket
from tests.model.findings import SHOWN, found, later, many, only, selects, text_of

GUNICORN = make_process(7306, "gunicorn", "gunicorn: worker [app]")
WORKER = make_process(7307, "gunicorn", "gunicorn: worker [app]")
NGINX = make_process(80, "nginx")
LIMITS = Thresholds()


def leaking(number: int = 250, *, use: DescriptorUse | None = None, coming: bool = False) -> Snapshot:
    """`coming`: as the kernel tells, the first has come at least 724 s ago, and another each second since 200 s ago."""
    sockets = many(number, "CLOSE_WAIT", recv_q=1)
    well = many(5, "ESTABLISHED", first=5000)
    held = {GUNICORN: list(enumerate(sockets + well, 12))}
    times = {s.cookie: (200.0 - at if at else 724.0, None) for at, s in enumerate(sockets[:200]) if coming}
    descriptors = {GUNICORN: use} if use else None
    return make_snapshot([*sockets, *well], held, descriptors=descriptors, close_wait_times=times)


# ------------------------------------------------------------------ from when on
def test_so_many_old_ones_are_a_leak_and_one_fewer_are_not() -> None:
    assert only(later(leaking(LIMITS.close_wait_count), 60)).kind == "close-wait-leak"
    assert not found(later(leaking(LIMITS.close_wait_count - 1), 60))


def test_ones_that_are_not_old_yet_are_no_leak() -> None:
    assert not found(later(leaking(250), 59.9))
    assert only(later(leaking(250), 60.0)).urgency == "warning"


def coming(*seconds_ago: float, use: DescriptorUse | None = None) -> Snapshot:
    """CLOSE_WAITs that have come before so many seconds, as the kernel tells."""
    sockets = many(len(seconds_ago), "CLOSE_WAIT")
    times = {s.cookie: (age, age) for s, age in zip(sockets, seconds_ago, strict=True)}
    descriptors = {GUNICORN: use} if use else None
    return make_snapshot(sockets, {GUNICORN: sockets}, close_wait_times=times, descriptors=descriptors)


def test_ones_that_keep_coming_are_a_leak_earlier() -> None:
    count = LIMITS.close_wait_growing_count
    spread = [20.0 * number + 1 for number in range(count)]
    assert only(later(coming(*spread))).kind == "close-wait-leak"
    assert not found(later(coming(*spread[:-1])))


@pytest.mark.parametrize(
    "seconds_ago",
    [
        [61.0] * 15,  # a pool whose server has gone
        [20.0] * 6 + [61.0] * 9,  # in two parts
        [30.0] * 5 + [150.0] * 5,  # no more in the minute between
        [61.0 + 20 * number for number in range(15)],  # none in the last one
    ],
)
def test_a_pool_that_its_server_has_closed_is_no_leak(seconds_ago: list[float]) -> None:
    table = later(coming(*seconds_ago), rates={GUNICORN.identity: 0.2})
    assert not found(table)


def test_a_leak_of_three_a_minute_is_a_finding_at_every_look() -> None:
    for clock in range(60):
        assert only(later(coming(*(clock % 20 + 20.0 * number for number in range(12))))).kind == "close-wait-leak"


def test_descriptors_run_out_only_where_they_keep_coming() -> None:
    rates = {GUNICORN.identity: 5.5}
    use = DescriptorUse(100, 10_000)
    jump = only(later(coming(*[62.0] * 300, use=use), rates=rates))
    assert jump.urgency == "warning" and "fd limit" not in jump.title
    young = only(later(coming(*[62.0] * 30, *[9.0] * 270, use=use), rates=rates))
    assert young.urgency == "critical" and "fd limit 10,000 in ~30 min" in young.title


@pytest.mark.parametrize("rate", [0.004, -0.004, 0.0])
def test_a_change_too_small_to_be_written_is_none(rate: float) -> None:
    finding = only(later(leaking(), 724, rates={GUNICORN.identity: rate}))
    assert finding.title == "gunicorn 7306 leaks CLOSE_WAIT: 250, oldest >12m"
    assert "Their number hardly changes." in finding.facts


def test_at_the_first_look_without_ages_from_the_kernel_nothing_is_said() -> None:
    sockets = many(30, "CLOSE_WAIT")
    assert not found(later(make_snapshot(sockets, {GUNICORN: sockets})))


@pytest.mark.parametrize(
    ("use", "rate", "urgency"),
    [
        (DescriptorUse(700, 1000), None, "warning"),
        (DescriptorUse(799, 1000), None, "warning"),
        (DescriptorUse(800, 1000), None, "critical"),
        (DescriptorUse(1000, 1000), None, "critical"),
        (DescriptorUse(100, 10_000), 5.5, "critical"),  # 1,800 s
        (DescriptorUse(100, 10_000), 5.4, "warning"),
        (DescriptorUse(100, 10_000), -5.4, "warning"),
        (DescriptorUse(100, None), 50.0, "warning"),
        (None, 50.0, "warning"),
    ],
)
def test_it_is_critical_when_descriptors_run_out(
    use: DescriptorUse | None, rate: float | None, urgency: Urgency
) -> None:
    rates = {} if rate is None else {GUNICORN.identity: rate}
    assert only(later(leaking(use=use, coming=True), rates=rates)).urgency == urgency


# ------------------------------------------------------------------ what it says
def test_the_title_has_the_process_the_number_and_what_presses_most() -> None:
    rates = {GUNICORN.identity: 2.0}
    critical = only(later(leaking(use=DescriptorUse(184, 1024), coming=True), rates=rates))
    assert critical.title == "gunicorn 7306 leaks CLOSE_WAIT: 250, +2/s, fd limit 1,024 in ~7 min, oldest >12m"
    assert critical.title[:SHOWN].endswith("fd limit 1,024 in ~7 min, oldes")
    calm = only(later(leaking(use=DescriptorUse(184, 65_536), coming=True), rates=rates))
    assert calm.title == "gunicorn 7306 leaks CLOSE_WAIT: 250, +2/s, oldest >12m, fd limit 65,536 in ~9 h"
    assert only(later(leaking(), 724)).title == "gunicorn 7306 leaks CLOSE_WAIT: 250, oldest >12m"


def test_the_title_when_descriptors_are_nearly_or_all_used() -> None:
    nearly = only(later(leaking(use=DescriptorUse(900, 1024)), 724))
    assert nearly.title == "gunicorn 7306 leaks CLOSE_WAIT: 250, 900 of 1,024 fds used, oldest >12m"
    used_up = only(later(leaking(use=DescriptorUse(1024, 1024)), 724))
    assert used_up.title == "gunicorn 7306 leaks CLOSE_WAIT: 250, fd limit 1,024 reached, oldest >12m"


def test_a_long_name_leaves_room_for_the_numbers() -> None:
    process = make_process(4_194_304, "a-very-long-process-name-that-goes-on-and-on")
    sockets = many(250, "CLOSE_WAIT")
    title = only(later(make_snapshot(sockets, {process: sockets}), 60)).title
    assert "4194304 leaks CLOSE_WAIT: 250" in title[:SHOWN]


def test_the_facts() -> None:
    table = later(leaking(use=DescriptorUse(184, 1024), coming=True), rates={GUNICORN.identity: 2.0})
    finding = only(table)
    facts = text_of(finding.facts)
    assert "The peers of 250 sockets have closed, and the process has not called close()" in facts
    assert "141 of them have been left for 1m00s at least, the oldest for 12m04s or longer." in facts
    assert "changes by +2/s." in facts
    assert "On 250 of them end of file is not read: the process does not look at them any more." in facts
    assert "The peers: 10.2.3.4 alone." in facts
    assert "accepted on local port 8080" in facts
    assert "fds 12, 13, 14 and 247 more." in facts
    assert "184 of 1,024 descriptors used: at this rate they run out in ~7 min." in facts
    assert (finding.group, finding.pid, finding.state, finding.certain) == ("pid:7306:1000", 7306, CLOSE_WAIT, True)


def test_the_remedies_name_the_process_and_no_kernel_parameter_first() -> None:
    remedies = only(later(leaking(), 60)).remedies
    assert "call close()" in remedies[0]
    assert "strace -f -p 7306" in text_of(remedies)
    assert "such as fd 12" in text_of(remedies)
    assert "py-spy dump --pid 7306" in text_of(remedies)
    assert "No kernel parameter helps" in remedies[-1]


def test_what_is_not_known_is_said() -> None:
    sockets = [s._replace(recv_q=None) for s in many(30, "CLOSE_WAIT")]
    facts = text_of(only(later(make_snapshot(sockets, {GUNICORN: [(-1, s) for s in sockets]}), 60)).facts)
    assert "How fast they grow is not known yet." in facts
    assert "Whether the process has read their end is not known" in facts
    assert "fds" not in facts
    assert "descriptors used" not in facts


def test_what_has_been_read_the_most_frequent_first() -> None:
    sockets = [
        *many(20, "CLOSE_WAIT", recv_q=0),
        *many(5, "CLOSE_WAIT", first=100, recv_q=1),
        *many(2, "CLOSE_WAIT", first=200, recv_q=1025),
    ]
    facts = text_of(only(later(make_snapshot(sockets, {GUNICORN: sockets}), 60)).facts)
    assert "On 20 of them end of file is read, but close() is missing: the process knows" in facts
    assert "; on 5 of them end of file is not read" in facts
    assert "; on 2 of them 2.0K of data and the end of file are not read." in facts


def test_the_peers_of_a_client() -> None:
    near = many(20, "CLOSE_WAIT", "10.0.0.7:{}", "10.9.1.1:5432")
    far = many(10, "CLOSE_WAIT", "10.0.0.7:{}", "10.9.1.2:5432", first=50)
    facts = text_of(only(later(make_snapshot([*near, *far], {GUNICORN: [*near, *far]}), 60)).facts)
    assert "The peers: 2 addresses: 10.9.1.1 (20) and 10.9.1.2 (10)." in facts
    assert "opened to remote port 5432" in facts


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "~0 s"), (119, "~119 s"), (420, "~7 min"), (9 * 3600, "~9 h"), (3 * 86400, "~3 d")]
)
def test_times_to_come_are_rounded(seconds: float, text: str) -> None:
    assert about(seconds) == text


# ------------------------------------------------------------------ whose
def test_the_filter_selects_the_leaked_sockets_and_nothing_else() -> None:
    leaked, other = many(30, "CLOSE_WAIT"), many(3, "CLOSE_WAIT", first=100)
    well = many(9, "ESTABLISHED", first=200)
    table = later(make_snapshot([*leaked, *other, *well], {GUNICORN: [*leaked, *well], NGINX: other}), 60)
    assert selects(table, only(table), leaked)


def test_processes_that_hold_the_same_sockets_are_one_finding() -> None:
    sockets = many(30, "CLOSE_WAIT")
    table = later(make_snapshot(sockets, {GUNICORN: sockets, WORKER: sockets}), 60)
    finding = only(table)
    assert finding.title.startswith("gunicorn 7306 and 1 more leak CLOSE_WAIT: 30")
    assert "gunicorn 7306 and gunicorn 7307 hold the same sockets" in text_of(finding.facts)
    assert selects(table, finding, sockets)


def test_a_process_is_told_with_all_that_it_holds_alone_or_not() -> None:
    shared, own = many(25, "CLOSE_WAIT"), many(25, "CLOSE_WAIT", first=100)
    table = later(make_snapshot([*shared, *own], {GUNICORN: [*shared, *own], WORKER: shared}), 60)
    first, second = found(table)
    assert first.title.startswith("gunicorn 7306 leaks CLOSE_WAIT: 50")
    assert second.title.startswith("gunicorn 7307 leaks CLOSE_WAIT: 25")
    assert selects(table, first, [*shared, *own])
    assert selects(table, second, shared)


def test_hidden_owners_are_one_finding_for_each_user() -> None:
    ours, theirs = many(30, "CLOSE_WAIT", uid=33), many(40, "CLOSE_WAIT", first=100, uid=70)
    table = later(make_snapshot([*ours, *theirs], unreadable=80, privileged=False), 60)
    postgres, www = found(table)
    assert postgres.title == "Hidden processes of postgres leave CLOSE_WAIT: 40, oldest >1m"
    assert www.title == "Hidden processes of www-data leave CLOSE_WAIT: 30, oldest >1m"
    assert "sudo" in postgres.remedies[0]
    assert "hidden from you" in text_of(postgres.facts)
    assert (postgres.pid, postgres.group, postgres.certain) == (None, "none:hidden", False)
    assert selects(table, postgres, theirs)
    assert selects(table, www, ours)


def test_owners_that_could_not_be_read() -> None:
    sockets = many(30, "CLOSE_WAIT")
    table = later(make_snapshot(sockets, owners_read=False), 60)
    finding = only(table)
    assert finding.title.startswith("Unknown processes of www-data leave CLOSE_WAIT: 30")
    assert "could not be read this time" in text_of(finding.facts)
    assert selects(table, finding, sockets)


def test_no_process_in_sight_with_every_right() -> None:
    sockets = many(30, "CLOSE_WAIT")
    table = later(make_snapshot(sockets), 60)
    finding = only(table)
    assert "No process in sight holds them" in text_of(finding.facts)
    assert "sudo" not in text_of(finding.remedies)
    assert selects(table, finding, sockets)


# ------------------------------------------------------------------ very many processes
def test_the_mildest_of_many_processes_are_told_in_one() -> None:
    held = {
        make_process(2000 + number, "php-fpm"): many(20 + number, "CLOSE_WAIT", first=1000 * number)
        for number in range(LIMITS.findings_per_rule + 4)
    }
    table = later(make_snapshot([s for sockets in held.values() for s in sockets], held), 60)
    findings = found(table)
    assert len(findings) == LIMITS.findings_per_rule + 1
    rest = findings[-1]
    assert rest.title == "4 more processes leak CLOSE_WAIT: 86 in all"
    assert selects(table, rest, [s for sockets in list(held.values())[:4] for s in sockets])


def test_one_more_than_the_bound_is_told_itself() -> None:
    held = {
        make_process(2000 + number, "php-fpm"): many(20, "CLOSE_WAIT", first=1000 * number)
        for number in range(LIMITS.findings_per_rule + 1)
    }
    findings = found(later(make_snapshot([s for sockets in held.values() for s in sockets], held), 60))
    assert len(findings) == LIMITS.findings_per_rule + 1
    assert all(finding.pid for finding in findings)


def test_a_filter_for_hundreds_of_processes_would_be_too_long_and_is_left_out() -> None:
    held = {
        make_process(4_000_000 + number, "php-fpm"): many(20, "CLOSE_WAIT", first=100 * number) for number in range(200)
    }
    findings = found(later(make_snapshot([s for sockets in held.values() for s in sockets], held), 60))
    assert next(finding for finding in findings if "more processes" in finding.title).filter == ""


# ------------------------------------------------------------------ never accepted
def waiting(number: int, *, held: int = 0, listeners: int = 1) -> tuple[Snapshot, list[InetSocket]]:
    listener = make_socket("LISTEN", "0.0.0.0:8080", cookie=1, inode=1, recv_q=number, send_q=128)
    queued = many(number, "CLOSE_WAIT", orphan=True, recv_q=1)
    taken = many(held, "CLOSE_WAIT", first=5000)
    holders = {GUNICORN: [listener, *taken]} if listeners == 1 else {GUNICORN: [listener, *taken], WORKER: [listener]}
    return make_snapshot([listener, *queued, *taken], holders), queued


def test_peers_that_gave_up_before_they_were_accepted() -> None:
    snapshot, _ = waiting(LIMITS.unaccepted_count)
    finding = only(later(snapshot, 10))
    assert finding.kind == "not-accepting"
    assert finding.title == "~gunicorn 7306 does not accept: 5 peers gave up on port 8080, oldest >10s"
    assert "Its accept queue holds 5 of 128." in text_of(finding.facts)
    assert (finding.pid, finding.certain) == (7306, False)
    assert not found(later(snapshot, 9.9))
    assert not found(later(waiting(LIMITS.unaccepted_count - 1)[0], 10))


def test_several_listeners_are_candidates() -> None:
    snapshot, _ = waiting(8, listeners=2)
    finding = only(later(snapshot, 10))
    assert finding.title.startswith("The listener on port 8080 does not accept: 8 peers")
    assert "Any of these may accept them: gunicorn 7306 and gunicorn 7307." in text_of(finding.facts)
    assert finding.pid is None


@pytest.mark.parametrize("listeners", [1, 2])
def test_what_was_accepted_and_what_was_not_are_told_apart(listeners: int) -> None:
    snapshot, queued = waiting(8, held=30, listeners=listeners)
    table = later(snapshot, 60)
    findings = {finding.kind: finding for finding in found(table)}
    assert findings.keys() == {"close-wait-leak", "not-accepting"}
    taken = [s for s in snapshot.sockets if s.state == CLOSE_WAIT and s.inode]
    assert "30," in findings["close-wait-leak"].title
    assert selects(table, findings["close-wait-leak"], taken)
    assert selects(table, findings["not-accepting"], queued)
