"""The words of the filter for the signs that findings speak of."""

from __future__ import annotations

import pytest

from sockview.model.filter import FilterError, parse_filter
from sockview.model.filter_signs import EVIDENCE, TIMERS
from sockview.model.inet_socket import TIMER_RETRANSMIT, TIMER_ZERO_WINDOW
from sockview.model.owner import Evidence, NoOwner
from sockview.model.selection import Selection
from sockview.model.steps import finish
from tests.model.builders import make_process, make_snapshot, make_socket, make_table

NGINX = make_process(80, "nginx")
SOCKETS = {
    "listen": make_socket("LISTEN", "0.0.0.0:80"),
    "held": make_socket("ESTABLISHED", "10.0.0.7:80", timer=TIMER_ZERO_WINDOW, retransmits=1),
    "hidden": make_socket("ESTABLISHED", "10.0.0.7:81", timer=TIMER_RETRANSMIT, retransmits=5),
    "likely": make_socket("TIME_WAIT", "10.0.0.7:80", "10.2.3.4:1", time_left=3),
    "nobody": make_socket("TIME_WAIT", "10.0.0.7:82", "10.2.3.4:1", time_left=3),
}
SILENT = {SOCKETS["held"].cookie: 9000.0}


def selected(text: str) -> set[str]:
    table = make_table(
        make_snapshot(
            list(SOCKETS.values()), {NGINX: [SOCKETS["listen"], SOCKETS["held"]]}, unreadable=3, silent=SILENT
        )
    )
    passing = finish(parse_filter(text).sieve_steps(Selection(table, table.snapshot.sockets))).sockets
    return {name for name, s in SOCKETS.items() if s in passing}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("evidence:fd", {"listen", "held"}),
        ("evidence:hidden", {"hidden"}),
        ("evidence:LISTENER", {"likely"}),
        ("evidence:orphan", {"nobody"}),
        ("evidence:fd,orphan", {"listen", "held", "nobody"}),
        ("!evidence:fd", {"hidden", "likely", "nobody"}),
        ("timer:window", {"held"}),
        ("timer:retransmit", {"hidden"}),
        ("timer:timewait", {"likely", "nobody"}),
        ("timer:keepalive", set()),
        ("tries:>=5", {"hidden"}),
        ("tries:1", {"held"}),
        ("tries:>0", {"held", "hidden"}),
        ("silent:>2h", {"held"}),
        ("silent:>3h", set()),
        ("silent:<3h", {"held"}),
    ],
)
def test_what_a_word_selects(text: str, names: set[str]) -> None:
    assert selected(text) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("evidence:maybe", "unknown evidence 'maybe', write one of fd, traced, "),
        ("timer:on", "unknown timer 'on', write one of retransmit, "),
        ("tries:many", "tries: needs a number, such as tries:>=3"),
        ("tries:>=3k", "tries: needs a number, such as tries:>=3"),
        ("silent:2h", "silent: needs a comparison"),
        ("evidence:", "evidence: needs fd, traced, seen, listener or peer"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(FilterError, match="^" + message):
        parse_filter(text)


@pytest.mark.parametrize("word", [*EVIDENCE])
def test_every_word_of_the_evidence_is_understood(word: str) -> None:
    assert parse_filter(f"evidence:{word}").asks_owners
    assert word in {*Evidence, *NoOwner}


@pytest.mark.parametrize("word", [*TIMERS])
def test_every_timer_is_understood(word: str) -> None:
    assert not parse_filter(f"timer:{word}").asks_owners
