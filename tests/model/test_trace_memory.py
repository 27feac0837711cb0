"""Which report belongs to which socket, rule by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.model.inet_socket import UDP
from sockview.model.tcp_state import FIN_WAIT1, LAST_ACK, SYN_SENT
from sockview.model.trace import NOBODY
from sockview.model.trace_memory import Traced, TraceMemory
from tests.model.builders import make_snapshot, make_socket
from tests.model.trace_builders import CURL, QUIET, REMOTE, WGET, left, look, matched, memory_after, report, row


# ------------------------------------------------------------------ one report
@pytest.mark.parametrize(
    ("state", "new_state", "found"),
    [
        ("FIN_WAIT1", FIN_WAIT1, True),
        ("FIN_WAIT2", FIN_WAIT1, True),
        ("CLOSING", FIN_WAIT1, True),
        ("TIME_WAIT", FIN_WAIT1, True),
        ("LAST_ACK", LAST_ACK, True),
        ("LAST_ACK", FIN_WAIT1, False),
        ("TIME_WAIT", LAST_ACK, False),
        ("ESTABLISHED", FIN_WAIT1, False),
        ("CLOSE_WAIT", LAST_ACK, False),
    ],
)
def test_the_state_tells_which_close_it_was(state: str, new_state: int, found: bool) -> None:
    told = matched(row(state), look(reports=[report(99.5, state=new_state)]))
    assert told == (Traced((CURL,)) if found else None)


@pytest.mark.parametrize(
    ("local", "remote"),
    [("10.0.0.7:1", "10.9.1.1:443"), ("[fd00::7]:1", "[fd00::9]:443"), ("[::ffff:10.0.0.7]:1", "10.9.1.1:443")],
)
def test_both_families_and_mapped_addresses_are_joined_by_their_ends(local: str, remote: str) -> None:
    s = make_socket("FIN_WAIT1", local, remote)
    assert matched(s, look(reports=[report(99.5, local=local, remote=remote)])) == Traced((CURL,))


def test_the_two_ends_of_a_connection_within_the_machine_are_two_sockets() -> None:
    here, there = "127.0.0.1:5000", "127.0.0.1:80"
    client, server = make_socket("TIME_WAIT", here, there), make_socket("LAST_ACK", there, here)
    reports = [report(99.5, CURL, FIN_WAIT1, here, there), report(99.6, WGET, LAST_ACK, there, here)]
    memory, now = memory_after(look(reports=reports)), look(reports=reports)
    assert memory.match(client, now) == Traced((CURL,))
    assert memory.match(server, now) == Traced((WGET,))


def test_other_ends_and_udp_have_nothing_to_do_with_it() -> None:
    now = look(reports=[report(99.5)])
    assert matched(make_socket("TIME_WAIT", "10.0.0.7:1", REMOTE), now) is None
    assert matched(row("TIME_WAIT")._replace(protocol=UDP), now) is None


def test_a_close_by_nobody_is_nobodys_and_not_that_of_the_one_before() -> None:
    assert matched(row(), look(reports=[report(98.0, CURL), report(99.0, NOBODY)])) is None
    within = [report(99.0, CURL), report(100.05, NOBODY)]
    assert matched(row(), look(reports=within)) == Traced((CURL,), certain=False)


# ------------------------------------------------------------------ the ends are used again
def test_the_last_close_before_the_look_is_its_own() -> None:
    now = look(reports=[report(98.0, CURL), report(99.0, WGET)])
    assert matched(row(), now) == Traced((WGET,))


def test_of_closes_during_the_look_none_is_its_own_for_certain() -> None:
    now = look(reports=[report(99.0, CURL), report(100.05, WGET)])
    assert matched(row(), now) == Traced((CURL, WGET), certain=False)


def test_the_same_process_at_both_times_is_certain() -> None:
    assert matched(row(), look(reports=[report(99.0), report(100.05)])) == Traced((CURL,))


def test_a_pid_that_was_given_to_another_process_is_another() -> None:
    other = CURL._replace(started=CURL.started + 5)
    told = matched(row(), look(reports=[report(99.0), report(100.05, other)]))
    assert told == Traced((CURL, other), certain=False)


def test_the_next_look_tells() -> None:
    before = look(reports=[report(99.0, CURL), report(100.05, WGET)])
    assert matched(row(), before, look(101.0)) == Traced((WGET,))


def test_what_came_after_the_look_is_not_its_own() -> None:
    assert matched(row(), look(reports=[report(99.0, CURL), report(100.5, WGET)])) == Traced((CURL,))
    assert matched(row(), look(reports=[report(100.5, WGET)])) is None


@pytest.mark.parametrize(("age", "told"), [(0.02, Traced((CURL, WGET), certain=False)), (0.5, Traced((CURL,)))])
def test_the_timer_of_time_wait_tells_when_it_was_closed_at_the_latest(age: float, told: Traced) -> None:
    assert matched(left(age), look(reports=[report(99.0, CURL), report(100.05, WGET)])) == told


def test_a_timer_that_started_anew_does_not_hide_the_close() -> None:
    assert matched(left(0.0), look(reports=[report(90.0)])) == Traced((CURL,))


def test_a_close_that_the_timer_contradicts_makes_all_doubtful() -> None:
    now = look(reports=[report(80.0, CURL), report(95.0, WGET)])
    assert matched(left(15.0), now) == Traced((CURL,), certain=False)
    assert matched(left(30.0), now) is None


def test_a_connection_after_the_close_is_another_socket() -> None:
    reports = [report(98.0, CURL), report(98.5, WGET, SYN_SENT), report(100.05, WGET)]
    assert matched(row(), look(reports=reports)) == Traced((WGET,), WGET)
    assert matched(row(), look(reports=reports[:2])) == Traced((), WGET)


def test_on_an_interface_of_its_own_the_ends_are_not() -> None:
    """As in two virtual networks (VRF) with the same addresses."""
    s = row(interface=3)
    both = [report(99.2, CURL), report(99.4, WGET)]
    assert matched(s, look(reports=both)) == Traced((CURL, WGET), certain=False)
    assert matched(s, *QUIET, look(reports=both), first=True) == Traced((CURL, WGET), certain=False)
    assert matched(s, *QUIET, look(reports=both[:1]), first=True) == Traced((CURL,))


# ------------------------------------------------------------------ what is missing
@pytest.mark.parametrize(
    ("gap", "certain"),
    [((98.0, 98.9), True), ((98.5, 99.2), False), ((99.4, 99.6), False), ((99.9, 100.05), False), ((100.2, 101), True)],
)
def test_a_gap_after_the_close_makes_it_doubtful(gap: tuple[float, float], certain: bool) -> None:
    assert matched(row(), look(reports=[report(99.0)], gaps=(gap,))) == Traced((CURL,), certain=certain)


def test_a_gap_after_the_time_that_its_timer_tells_does_no_harm() -> None:
    now = look(reports=[report(95.0)], gaps=((96.0, 97.0),))
    assert matched(left(4.5), now) == Traced((CURL,))
    assert matched(left(3.5), now) == Traced((CURL,), certain=False)


def test_what_was_closed_before_tracing_began_is_not_given_to_the_next_socket() -> None:
    """Seen at the beginning of the look; then it went, and the next one was closed before the end of it."""
    assert matched(row(), look(since=99.9, reports=[report(100.05, WGET)])) == Traced((WGET,), certain=False)
    assert matched(left(30.0), look(since=99.9, reports=[report(99.95, WGET)])) is None


def test_one_that_the_looks_before_did_not_show_closing_was_closed_since() -> None:
    now = look(reports=[report(100.05)])
    assert matched(row(), *QUIET, now, first=True) == Traced((CURL,))
    assert matched(row(), *QUIET, now) == Traced((CURL,), certain=False)
    assert matched(row(), QUIET[0], now, first=True) == Traced((CURL,), certain=False)


def test_a_look_that_is_not_complete_shows_nothing() -> None:
    looks = [*QUIET[:2], replace(QUIET[2], complete=False)]
    assert matched(row(), *looks, look(reports=[report(100.05)]), first=True) == Traced((CURL,), certain=False)


def test_an_older_close_is_out_of_the_question_for_one_that_was_open_since() -> None:
    looks = [QUIET[0], look(98.0, reports=[report(97.5, WGET)]), QUIET[2]]
    now = look(reports=[report(100.05)])
    assert matched(row(), *looks, now, first=True) == Traced((CURL,))
    assert matched(row(), *looks, now) == Traced((CURL, WGET), certain=False)


def test_without_tracing_everything_is_forgotten() -> None:
    off = make_snapshot(clock=99.9)
    assert matched(row(), look(reports=[report(99.5)]), off) is None
    again = look(101.0, since=100.9, reports=[report(101.05)])
    assert matched(row(), *QUIET, off, again, first=True) == Traced((CURL,), certain=False)


def test_tracing_that_began_anew_has_missed_what_was_in_between() -> None:
    before = look(99.0, reports=[report(98.5, CURL)])
    assert matched(row(), before, look(since=99.5)) is None
    assert matched(row(), before, look(since=1.0)) == Traced((CURL,))


def test_a_memory_that_starts_in_the_middle_knows_that_reports_were_taken_before() -> None:
    """As after a failure: another one took what was reported since tracing began."""
    memory = TraceMemory()
    for clock in (98.0, 99.0):
        memory.take(look(clock).trace)
        memory.forget(look(clock))
    now = look(reports=[report(100.05)])
    memory.take(now.trace)
    assert memory.match(row(), now, first=True) == Traced((CURL,), certain=False)


# ------------------------------------------------------------------ who opened it
def test_the_opener_is_told_beside_the_closer() -> None:
    reports = [report(98.0, WGET, SYN_SENT), report(99.0, CURL)]
    assert matched(row(), look(reports=reports)) == Traced((CURL,), WGET)
    assert matched(row("SYN_SENT"), look(reports=reports[:1])) == Traced((), WGET)
    assert matched(row("ESTABLISHED"), look(reports=reports[:1])) == Traced((), WGET)


def test_the_opener_of_an_earlier_socket_is_not_told() -> None:
    reports = [report(97.0, WGET, SYN_SENT), report(98.0, WGET), report(99.0, CURL)]
    assert matched(row(), look(reports=reports)) == Traced((CURL,))


def test_an_opener_during_the_look_may_be_that_of_the_next_socket() -> None:
    now = look(reports=[report(100.05, CURL, SYN_SENT)])
    assert matched(row("ESTABLISHED"), now) is None
    assert matched(row("ESTABLISHED"), *QUIET, now, first=True) == Traced((), CURL)
    assert matched(row("FIN_WAIT2"), *QUIET, now, first=True) is None


def test_after_a_gap_another_may_have_opened_it() -> None:
    opened = [report(98.0, CURL, SYN_SENT)]
    assert matched(row("ESTABLISHED"), look(reports=opened, gaps=((98.5, 99.0),))) is None
    assert matched(row("ESTABLISHED"), look(reports=[report(98.0, NOBODY, SYN_SENT)])) is None
