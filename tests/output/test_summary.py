"""The counts by state."""

from __future__ import annotations

from sockview.output.summary import summary_text
from tests.model.builders import make_socket


def test_counts_most_urgent_first_and_aligned() -> None:
    sockets = [make_socket("ESTABLISHED")] * 1200 + [make_socket("TIME_WAIT")] * 12 + [make_socket("LISTEN")]
    assert summary_text(sockets).splitlines() == [
        "CLOSE_WAIT      0",
        "TIME_WAIT      12",
        "ESTABLISHED  1200",
        "LISTEN          1",
        "total        1213",
    ]


def test_nothing_is_an_answer() -> None:
    assert summary_text([]).splitlines() == ["CLOSE_WAIT  0", "TIME_WAIT   0", "total       0"]
