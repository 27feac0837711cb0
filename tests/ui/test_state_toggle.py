"""One-key state filters are edits of the filter text."""

from __future__ import annotations

import pytest

from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, TIME_WAIT
from sockview.ui.state_toggle import only_state, toggle_state


@pytest.mark.parametrize(
    ("text", "state", "expected"),
    [
        ("", CLOSE_WAIT, "state:close_wait"),
        ("state:close_wait", CLOSE_WAIT, ""),
        ("cw", CLOSE_WAIT, ""),
        ("state:close_wait", TIME_WAIT, "state:close_wait,time_wait"),
        ("TIME-WAIT :8080", CLOSE_WAIT, "state:close_wait,time_wait :8080"),
        (':8080 proc:"my app"', CLOSE_WAIT, 'state:close_wait :8080 proc:"my app"'),
        ("!cw nginx", CLOSE_WAIT, "state:close_wait !cw nginx"),
        ("state:nonsense", ESTABLISHED, "state:established state:nonsense"),
    ],
)
def test_toggle(text: str, state: int, expected: str) -> None:
    assert toggle_state(text, state) == expected


def test_toggle_twice_gives_back_the_rest() -> None:
    assert toggle_state(toggle_state("nginx :443", TIME_WAIT), TIME_WAIT) == "nginx :443"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "state:time_wait"),
        ("tw", ""),
        ("state:close_wait,time_wait :80", "state:time_wait :80"),
        ("state:time_wait :80", ":80"),
    ],
)
def test_only(text: str, expected: str) -> None:
    assert only_state(text, TIME_WAIT) == expected
