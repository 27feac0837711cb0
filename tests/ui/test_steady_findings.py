"""Which finding stands where: the most urgent first, and equals where they were."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sockview.model.finding import Finding, Urgency
from sockview.ui.steady_findings import ORDER_SECONDS, URGENT_SECONDS, SteadyFindings, same_finding, steady_order


def finding(kind: str, urgency: Urgency = "warning", *, group: str | None = None, filter_text: str = "") -> Finding:
    return Finding(kind, urgency, f"{kind} of {group}", group=group, filter=filter_text)


A, B, C = finding("a"), finding("b"), finding("c")


def test_equals_do_not_change_places() -> None:
    shown = steady_order((), [A, B])
    assert shown == [A, B]
    assert steady_order(shown, [replace(B, title="more"), A]) == [A, replace(B, title="more")]


def test_a_new_one_stands_behind_its_equals_and_before_the_less_urgent() -> None:
    notice = finding("n", "notice")
    assert steady_order([A, notice], [C, notice, A]) == [A, C, notice]


def test_what_becomes_urgent_comes_first_and_goes_behind_its_equals_afterwards() -> None:
    worse = replace(B, urgency="critical")
    assert steady_order([A, B], [worse, A]) == [worse, A]
    assert steady_order([worse, A], [A, B]) == [B, A]


def test_one_rule_may_speak_of_several_processes_and_of_several_places() -> None:
    first, second = finding("leak", group="pid:1:1"), finding("leak", group="pid:2:1")
    assert steady_order([second, first], [first, second]) == [second, first]
    here, there = finding("ports", filter_text="rport:1"), finding("ports", filter_text="rport:2")
    assert steady_order([there, here], [here, there]) == [there, here]


@given(st.permutations([A, B, C, finding("x", "critical"), finding("y", "critical"), finding("z", "notice")]))
def test_the_order_depends_on_what_was_shown_alone(now: list[Finding]) -> None:
    shown = steady_order((), now)
    assert [f.urgency for f in shown] == ["critical"] * 2 + ["warning"] * 3 + ["notice"]
    assert steady_order(shown, list(reversed(now))) == shown


def test_a_number_in_the_filter_is_no_other_finding() -> None:
    full = finding("full", filter_text="listen lport:80 recvq:129")
    fuller = finding("full", filter_text="listen lport:80 recvq:513")
    other = finding("full", filter_text="listen lport:81 recvq:200")
    other_now = finding("full", filter_text="listen lport:81 recvq:900")
    assert steady_order([full, A], [A, fuller]) == [fuller, A]
    assert steady_order([full, other], [other_now, fuller]) == [fuller, other_now]
    assert same_finding([other_now, fuller], full) == 1
    assert same_finding([fuller, other_now], other) == 1


def test_the_same_finding_is_known_by_rule_process_and_sockets() -> None:
    here, there = finding("ports", filter_text="rport:1"), finding("ports", filter_text="rport:2")
    assert same_finding([here, there], replace(there, title="other numbers", urgency="critical")) == 1


def test_it_is_known_by_rule_and_process_where_it_speaks_of_other_sockets_now() -> None:
    one, two = finding("leak", group="pid:1:1"), finding("leak", group="pid:2:1")
    assert same_finding([one, two], replace(two, filter="cw pid:2 :80")) == 1
    assert same_finding([one, two], A) is None


# ------------------------------------------------------------ over time
def test_a_worse_one_does_not_stay_behind_for_ever() -> None:
    steady = SteadyFindings()
    assert steady.take(0.0, [A]) == [A]
    assert steady.take(1.0, [B, A]) == [A, B]
    assert steady.take(ORDER_SECONDS - 0.1, [B, A]) == [A, B]
    assert steady.take(ORDER_SECONDS, [B, A]) == [B, A]
    assert steady.take(ORDER_SECONDS + 1, [A, B]) == [B, A]


def test_at_a_threshold_it_stays_as_urgent_as_it_was() -> None:
    steady = SteadyFindings()
    critical = replace(B, urgency="critical")
    steady.take(0.0, [A, B])
    assert steady.take(1.0, [critical, A]) == [critical, A]
    for clock in (2.0, URGENT_SECONDS + 0.9):
        title = f"at {clock}"
        assert steady.take(clock, [A, replace(B, title=title)]) == [replace(critical, title=title), A]
    assert steady.as_shown([B]) == [critical]
    assert [f.urgency for f in steady.take(URGENT_SECONDS + 1, [A, B])] == ["warning", "warning"]


def test_each_look_that_finds_it_urgent_counts_anew() -> None:
    steady = SteadyFindings()
    critical = replace(A, urgency="critical")
    steady.take(0.0, [critical])
    steady.take(20.0, [critical])
    assert steady.take(20.0 + URGENT_SECONDS - 1, [A]) == [critical]


def test_what_was_gone_for_a_look_is_as_urgent_as_it_is() -> None:
    steady = SteadyFindings()
    steady.take(0.0, [replace(A, urgency="critical")])
    assert steady.take(1.0, []) == []
    assert steady.take(2.0, [A]) == [A]


def test_a_growing_number_in_the_filter_holds_its_urgency() -> None:
    steady = SteadyFindings()
    full = finding("full", "critical", filter_text="listen lport:80 recvq:129 sendq:128")
    filling = finding("full", filter_text="listen lport:80 recvq:100 sendq:128")
    other = finding("full", filter_text="listen lport:81 recvq:129 sendq:128")
    steady.take(0.0, [full])
    assert [f.urgency for f in steady.take(1.0, [filling, other])] == ["critical", "warning"]


def test_a_clock_that_was_set_back_holds_nothing() -> None:
    steady = SteadyFindings()
    steady.take(1000.0, [replace(A, urgency="critical"), B])
    assert steady.take(10.0, [B, A]) == [B, A]
