"""What sockview said of a socket, against the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from sockview.model.owner import Evidence, Process
from sockview.model.tcp_state import state_name, state_rank
from tests.live.churn.looks import Look, Named, Row
from tests.live.churn.truth import Hold, Truth

#: Seconds by which a time that the kernel counts in ticks and one that was taken beside the call may differ.
TOLERANCE: Final = 0.1
#: Seconds by which a state may come later than the call that brought it: on a busy machine a FIN is sent again, after
#: 0.2 s and after 0.4 more (TCP_RTO_MIN, RFC 6298), and TIME_WAIT begins anew with it (RFC 9293 3.10.7.4).
SENT_AGAIN: Final = 0.75


class Outcome(StrEnum):
    RIGHT = "right"
    LIKELY_RIGHT = "likely right"
    LIKELY_WRONG = "likely wrong"
    UNKNOWN = "unknown"
    WRONG = "wrong"
    """A certain owner that never was one, or one that is said to be there and is not."""


class Verdict(NamedTuple):
    row: Row
    look: Look
    evidence: str
    """Of the owners, else the reason why there is none."""
    outcome: Outcome
    why: str = ""
    """What is wrong."""


def judge(truth: Truth, looks: Iterable[Look], *, sees_all: bool = True) -> Iterator[Verdict]:
    """Every row of every look, of the sockets that the crowd had. `sees_all`: no process was hidden."""
    known = truth.cookies
    for look in looks:
        for row in look.rows:
            if row.cookie in known:
                yield judge_row(truth, look, row, sees_all=sees_all)


def judge_row(truth: Truth, look: Look, row: Row, *, sees_all: bool = True) -> Verdict:
    if not row.owners:
        return Verdict(row, look, str(row.no_owner), Outcome.UNKNOWN)
    evidence = row.owners[0].evidence
    if evidence.certain:
        mistakes = [_mistake(truth, look, row, owner) for owner in row.owners]
        if evidence is Evidence.FD and sees_all:
            mistakes += _left_out(truth, look, row)
        why = "; ".join(filter(None, mistakes))
        return Verdict(row, look, evidence, Outcome.WRONG if why else Outcome.RIGHT, why)
    right = all(_holds(truth, row.cookie, owner.process) for owner in row.owners)
    return Verdict(row, look, evidence, Outcome.LIKELY_RIGHT if right else Outcome.LIKELY_WRONG)


def _mistake(truth: Truth, look: Look, row: Row, owner: Named) -> str:
    """Why a certain owner is wrong; empty when it is right."""
    process, evidence = owner.process, owner.evidence
    held = [hold for hold in _holds(truth, row.cookie, process) if hold.taken.earliest <= look.ended]
    if not held:
        return f"{_text(process)} never had it"
    if evidence is Evidence.FD and not any(hold.left is None or hold.left.latest >= look.began for hold in held):
        return f"{_text(process)} does not hold it any more"
    since = held[0].taken.earliest
    if evidence is Evidence.TRACED:
        fin = truth.fin(row.cookie)
        held = [hold for hold in held if fin is not None and hold.who in fin.by]
        if fin is None or not held:
            return f"{_text(process)} did not close it"
        since = fin.when.earliest
    who = held[-1].who
    if process.name not in truth.names(who, since, look.ended):
        return f"{_text(process)} has another name"
    exited = truth.exited(who)
    if owner.exited and (exited is None or exited.earliest > look.ended):
        return f"{_text(process)} has not exited"
    if not owner.exited and exited is not None and exited.latest < look.began:
        return f"{_text(process)} has exited"
    return ""


def _left_out(truth: Truth, look: Look, row: Row) -> Iterator[str]:
    """Those that held the socket all the time and are not named."""
    named = {hold.who for owner in row.owners for hold in _holds(truth, row.cookie, owner.process)}
    for hold in truth.held(row.cookie):
        kept = hold.left is None or hold.left.earliest > look.ended
        if kept and hold.taken.latest < look.began and hold.who not in named:
            yield f"{hold.who} holds it too"


def _holds(truth: Truth, cookie: int, process: Process) -> list[Hold]:
    """Of a process that had gone before it could be looked at only the PID is known."""
    held = truth.held(cookie)
    if process.started < 0:
        return [hold for hold in held if hold.who[0] == process.pid]
    return [hold for hold in held if hold.who == process.identity]


def _text(process: Process) -> str:
    return f"{process.pid} {process.name} (started {process.started})"


# ---------------------------------------------------------------- ages
def wrong_ages(truth: Truth, looks: Iterable[Look], late: float = TOLERANCE) -> Iterator[tuple[Row, str]]:
    """Rows whose age is not within its own bounds; with a word on it. `late`: seconds that a state may come late."""
    for look, row in dated(truth, looks):
        entered, age = truth.entered(row.cookie, row.state, look.dumped), row.age
        assert entered is not None and age is not None
        at_least, at_most = look.clock - entered.latest, look.dumped - entered.earliest
        if age.at_least > at_most + TOLERANCE or (age.at_most is not None and age.at_most < at_least - late):
            yield row, f"{state_name(row.state)}: {age} but it is {at_least:.3f} to {at_most:.3f} s"


def dated(truth: Truth, looks: Iterable[Look]) -> Iterator[tuple[Look, Row]]:
    """The rows whose age is known, to sockview and in truth."""
    known = truth.cookies
    for look in looks:
        for row in look.rows:
            if row.age is None or row.cookie not in known:
                continue
            if truth.entered(row.cookie, row.state, look.dumped) is not None:
                yield look, row


# ---------------------------------------------------------------- the table
def table(verdicts: Iterable[Verdict]) -> str:
    """How often each evidence had each outcome, by state."""
    counted: Counter[tuple[int, str, Outcome]] = Counter()
    for verdict in verdicts:
        counted[verdict.row.state, verdict.evidence, verdict.outcome] += 1
    outcomes = [outcome for outcome in Outcome if any(outcome is found for _, _, found in counted)]
    lines = [f"{'STATE':<12}{'EVIDENCE':<10}" + "".join(f"{outcome:>14}" for outcome in outcomes)]
    kinds = sorted({(state, evidence) for state, evidence, _ in counted}, key=lambda kind: (state_rank(kind[0]), kind))
    for state, evidence in kinds:
        numbers = "".join(f"{counted[state, evidence, outcome] or '.':>14}" for outcome in outcomes)
        lines.append(f"{state_name(state):<12}{evidence:<10}{numbers}")
    return "\n".join(lines)
