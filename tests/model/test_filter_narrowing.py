"""Typing on at a filter: what is left to look through."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockview.model.filter import FilterError, parse_filter
from sockview.model.selection import Selection
from sockview.model.steps import finish
from tests.model.builders import make_snapshot, make_table
from tests.model.test_filter import GUNICORN, NGINX, SOCKETS, sieved

WORDS = ["n", "ngi", "cw", "cw,tw", "tw", "10.", "10.2.", "8080", ":8080", "lo", "proc:gu", "proc:gunicorn", "w", "a,b"]
TYPED = st.lists(
    st.tuples(st.sampled_from(["", "!"]), st.sampled_from(WORDS) | st.text("abegnu.012:", min_size=1, max_size=4)),
    max_size=3,
).map(lambda words: " ".join(sign + word for sign, word in words))


@settings(deadline=None, max_examples=300)
@given(TYPED, TYPED)
def test_a_filter_that_is_said_to_narrow_another_does(text: str, wider: str) -> None:
    try:
        chosen, before = parse_filter(text), parse_filter(wider)
    except FilterError:
        return
    table = make_table(make_snapshot(list(SOCKETS.values()), {GUNICORN: [SOCKETS["leak"]], NGINX: [SOCKETS["listen"]]}))
    assert chosen.narrows(chosen)
    if chosen.narrows(before):
        earlier = finish(before.sieve_steps(Selection(table, table.snapshot.sockets))).sockets
        assert set(sieved(table, text)) <= set(earlier)
        assert list(finish(chosen.sieve_steps(Selection(table, earlier))).sockets) == list(sieved(table, text))


@pytest.mark.parametrize(
    ("text", "wider", "narrows"),
    [
        ("ng", "n", True),
        ("n", "ng", False),
        ("cw", "c", False),
        ("cw ngi", "cw ng", True),
        ("cw ng", "ng", True),
        ("!n", "!ng", True),
        ("!ng", "!n", False),
        ("nginx,gun", "ng,g", True),
        ("nginx,gun", "ng", False),
        ("proc:ngi", "proc:ng", True),
        ("cmd:ngi", "proc:ng", False),
        ("anything", "", True),
        ("", "n", False),
        ("10.2.3.4", "10.", False),
    ],
)
def test_typing_on_narrows(text: str, wider: str, narrows: bool) -> None:
    assert parse_filter(text).narrows(parse_filter(wider)) is narrows


def test_long_lists_are_not_compared() -> None:
    wide = " ".join(f"name{number}" for number in range(100))
    assert not parse_filter(wide).narrows(parse_filter(wide))
