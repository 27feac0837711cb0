"""Names, spellings and urgency of states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model import tcp_state
from sockview.model.tcp_state import BY_URGENCY, normal_state, parse_state, state_name, state_rank


@pytest.mark.parametrize(
    ("spelling", "state"),
    [
        ("cw", tcp_state.CLOSE_WAIT),
        ("CLOSE-WAIT", tcp_state.CLOSE_WAIT),
        ("close_wait", tcp_state.CLOSE_WAIT),
        ("CloseWait", tcp_state.CLOSE_WAIT),
        ("tw", tcp_state.TIME_WAIT),
        ("time-wait", tcp_state.TIME_WAIT),
        ("estab", tcp_state.ESTABLISHED),
        ("ESTABLISHED", tcp_state.ESTABLISHED),
        ("FIN-WAIT-1", tcp_state.FIN_WAIT1),
        ("fin_wait2", tcp_state.FIN_WAIT2),
        ("syn-recv", tcp_state.SYN_RECV),
        ("SYN_RECEIVED", tcp_state.SYN_RECV),
        ("listening", tcp_state.LISTEN),
        ("closed", tcp_state.CLOSE),
        ("unconn", tcp_state.UNCONN),
        ("STATE_14", 14),
    ],
)
def test_every_spelling(spelling: str, state: int) -> None:
    assert parse_state(spelling) == state


@pytest.mark.parametrize(
    "text", ["", "c", "wait", "close wait x", "7", "STATE", "STATE_", "state_x", "STATE" + "1" * 5000]
)
def test_what_is_no_state(text: str) -> None:
    assert parse_state(text) is None


@given(st.integers(0, 255))
def test_a_name_leads_back_to_its_state(number: int) -> None:
    assert parse_state(state_name(normal_state(number))) == normal_state(number)


@given(st.text())
def test_any_text_is_a_state_or_none(text: str) -> None:
    assert parse_state(text) is None or isinstance(parse_state(text), int)


def test_urgency() -> None:
    assert [state_rank(state) for state in BY_URGENCY] == list(range(len(BY_URGENCY)))
    assert BY_URGENCY[:2] == (tcp_state.CLOSE_WAIT, tcp_state.TIME_WAIT)
    assert state_rank(14) < state_rank(15)
    assert state_rank(14) > state_rank(BY_URGENCY[-1])


def test_a_half_open_connection_has_one_name() -> None:
    assert state_name(normal_state(tcp_state.NEW_SYN_RECV)) == "SYN_RECV"
