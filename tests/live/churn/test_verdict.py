"""The judge itself: it must see what is wrong, or a crowd without a wrong owner would prove nothing."""

from __future__ import annotations

import pytest

from sockview.model import tcp_state
from sockview.model.owner import Evidence, NoOwner, Process
from sockview.model.query import Age
from tests.live.churn.events import Did, Event, Identity
from tests.live.churn.looks import Look, Named, Row
from tests.live.churn.truth import Fin, Span, Truth
from tests.live.churn.verdict import Outcome, Verdict, judge, judge_row, table, wrong_ages

CLIENT, SERVER, HELPER = (10, 100), (20, 200), (30, 300)
NAMES = {CLIENT: "client", SERVER: "server", HELPER: "helper"}
#: Cookies of the two ends.
HERE, THERE = 1, 2


def did(what: Did, when: float, who: Identity, cookie: int = 0, detail: str = "") -> Event:
    return Event(what, when, when + 0.01, who, cookie, detail)


def story(*more: Event) -> Truth:
    """At 1 a connection; at 5 the client closes, at 7 the server; the client exits at 8 and is reaped at 9."""
    return Truth(
        [
            *(did(Did.BE, 0.5, who, detail=name) for who, name in NAMES.items()),
            did(Did.CONNECT, 1, CLIENT, HERE, "a b"),
            did(Did.ACCEPT, 1, SERVER, THERE),
            did(Did.MEET, 1.1, SERVER, THERE, str(HERE)),
            *more,
            did(Did.CLOSE, 5, CLIENT, HERE),
            did(Did.CLOSE, 7, SERVER, THERE),
            did(Did.EXIT, 8, CLIENT),
            did(Did.GONE, 8.5, CLIENT),
            did(Did.REAPED, 9, CLIENT),
        ]
    )


def named(who: Identity, evidence: Evidence, *, exited: bool = False, name: str | None = None) -> Named:
    return Named(Process(who[0], name or NAMES[who], "", who[1]), evidence, exited)


def look(when: float, *rows: Row) -> Look:
    return Look(when, when, when + 0.1, when + 0.2, 0, rows)


def row(*owners: Named, state: int = tcp_state.TIME_WAIT, cookie: int = HERE, age: Age | None = None) -> Row:
    return Row(cookie, state, "", owners, None if owners else NoOwner.ORPHAN, (), age)


def verdict(when: float, *owners: Named, truth: Truth | None = None, cookie: int = HERE) -> Verdict:
    return judge_row(truth or story(), look(when), row(*owners, cookie=cookie))


@pytest.mark.parametrize(
    ("when", "owner"),
    [
        (3.0, named(CLIENT, Evidence.FD)),
        (4.9, named(CLIENT, Evidence.FD)),
        (7.5, named(CLIENT, Evidence.SEEN)),
        (7.5, named(CLIENT, Evidence.TRACED)),
        (8.2, named(CLIENT, Evidence.TRACED, exited=True)),
        (8.2, named(CLIENT, Evidence.TRACED)),  # a zombie
        (9.5, named(CLIENT, Evidence.SEEN, exited=True)),
    ],
)
def test_right(when: float, owner: Named) -> None:
    assert verdict(when, owner).outcome is Outcome.RIGHT


@pytest.mark.parametrize(
    ("when", "owner", "why"),
    [
        (3.0, named(SERVER, Evidence.FD), "never had it"),
        (0.5, named(CLIENT, Evidence.FD), "never had it"),
        (6.0, named(CLIENT, Evidence.FD), "does not hold it any more"),
        (7.5, named(SERVER, Evidence.TRACED), "never had it"),
        (7.5, named((10, 999), Evidence.SEEN, name="client"), "never had it"),
        (7.5, named(CLIENT, Evidence.TRACED, name="clients"), "another name"),
        (7.5, named(CLIENT, Evidence.SEEN, exited=True), "has not exited"),
        (9.5, named(CLIENT, Evidence.SEEN), "has exited"),
    ],
)
def test_wrong(when: float, owner: Named, why: str) -> None:
    found = verdict(when, owner)
    assert found.outcome is Outcome.WRONG and why in found.why


def test_only_who_closed_last_is_the_one_that_was_traced() -> None:
    truth = story(did(Did.HOLD, 2, HELPER, HERE), did(Did.CLOSE, 4, HELPER, HERE))
    assert verdict(7.5, named(CLIENT, Evidence.TRACED), truth=truth).outcome is Outcome.RIGHT
    assert verdict(7.5, named(HELPER, Evidence.TRACED), truth=truth).outcome is Outcome.WRONG
    assert verdict(7.5, named(HELPER, Evidence.SEEN), truth=truth).outcome is Outcome.RIGHT


def test_a_half_close_is_the_fin_whoever_closes_later() -> None:
    truth = story(did(Did.HOLD, 2, HELPER, HERE), did(Did.SHUT, 3, HELPER, HERE), did(Did.CLOSE, 4, HELPER, HERE))
    assert verdict(7.5, named(HELPER, Evidence.TRACED), truth=truth).outcome is Outcome.RIGHT
    assert verdict(7.5, named(CLIENT, Evidence.TRACED), truth=truth).outcome is Outcome.WRONG


def test_what_a_process_holds_when_it_exits_is_closed_then() -> None:
    truth = Truth([did(Did.CONNECT, 1, CLIENT, HERE, "a b"), did(Did.EXIT, 8, CLIENT), did(Did.GONE, 9, CLIENT)])
    fin = truth.fin(HERE)
    assert fin == Fin(Span(8, 9.01), frozenset({CLIENT}))


def test_a_reset_is_no_fin() -> None:
    truth = Truth([did(Did.CONNECT, 1, CLIENT, HERE, "a b"), did(Did.RESET, 2, CLIENT, HERE)])
    assert truth.fin(HERE) is None


def test_a_holder_that_is_left_out_is_wrong_where_all_are_seen() -> None:
    truth, seen = story(did(Did.HOLD, 2, HELPER, HERE)), look(3, row(named(CLIENT, Evidence.FD)))
    assert [found.outcome for found in judge(truth, [seen])] == [Outcome.WRONG]
    assert [found.outcome for found in judge(truth, [seen], sees_all=False)] == [Outcome.RIGHT]


def test_a_likely_owner_is_never_certain_and_wrong() -> None:
    assert verdict(7.5, named(CLIENT, Evidence.LISTENER)).outcome is Outcome.LIKELY_RIGHT
    assert verdict(7.5, named(SERVER, Evidence.PEER)).outcome is Outcome.LIKELY_WRONG
    assert verdict(7.5).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("state", "cookie", "entered"),
    [
        (tcp_state.ESTABLISHED, HERE, 1),
        (tcp_state.ESTABLISHED, THERE, 1),
        (tcp_state.CLOSE_WAIT, THERE, 5),
        (tcp_state.FIN_WAIT2, HERE, 5),
        (tcp_state.TIME_WAIT, HERE, 7),
    ],
)
def test_ages(state: int, cookie: int, entered: float) -> None:
    truth, now = story(), 10.0
    known = now - entered
    for age, right in (
        (Age(known, known), True),
        (Age(0.0, None), True),
        (Age(known + 1, None), False),
        (Age(0.0, known - 1), False),
    ):
        seen = look(now, row(state=state, cookie=cookie, age=age))
        assert (list(wrong_ages(truth, [seen])) == []) is right


def test_the_table_counts_by_state_and_evidence() -> None:
    lines = table([verdict(7.5), verdict(7.5), verdict(7.5, named(CLIENT, Evidence.SEEN))]).splitlines()
    assert [line.split() for line in lines] == [
        ["STATE", "EVIDENCE", "right", "unknown"],
        ["TIME_WAIT", "orphan", ".", "2"],
        ["TIME_WAIT", "seen", "1", "."],
    ]
