"""The states of the process in the pane."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.model.format_text import cell_width
from sockview.model.query import Age, Detail, HeldSocket
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, LISTEN, TIME_WAIT
from sockview.model.trend import Trend
from sockview.ui.line_widget import Line
from sockview.ui.pane_trends import states_lines

DETAIL = Detail(
    key="1",
    title="",
    evidence=(),
    states=((CLOSE_WAIT, 250), (ESTABLISHED, 12), (LISTEN, 1)),
    close_waits=(HeldSocket(12, "10.0.0.7:8080", "10.2.3.4:51234", Age(724.0, None), 1),),
    close_wait_total=250,
    pid=7306,
    trends=(
        (CLOSE_WAIT, Trend(tuple(range(10, 260, 10)), 300.0, 3.0)),
        (TIME_WAIT, Trend((90,) * 10 + (0,) * 15, 300.0, 0.0)),
    ),
)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line.spans).rstrip() for line in lines]


def test_in_one_line_the_trend_stands_behind_its_state() -> None:
    assert texts(states_lines(DETAIL, 80, 1)) == [
        " CLOSE_WAIT 250 ▁▁▂▃▃▄▅▅▆▆▇█ +3/s, oldest >12m   ESTABLISHED 12   LISTEN 1"
    ]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("room", [1, 2, 3, 10])
def test_it_stays_in_its_room_and_begins_with_close_wait(width: int, room: int) -> None:
    shown = texts(states_lines(DETAIL, width, room))
    assert 1 <= len(shown) <= room
    assert all(cell_width(text) <= width for text in shown)
    assert shown[0].startswith(" CLOSE_WAIT")


def test_the_sparklines_make_room_for_the_other_states() -> None:
    both = replace(DETAIL, states=((CLOSE_WAIT, 250), (TIME_WAIT, 40), (LISTEN, 1)))
    wide, middle, narrow = (texts(states_lines(both, width, 1))[0] for width in (120, 84, 75))
    assert wide.endswith("TIME_WAIT 40 █████▁▁▁▁▁▁▁ 0/min   LISTEN 1")
    assert middle.endswith("TIME_WAIT 40 ███▁▁▁▁▁ 0/min   LISTEN 1")
    assert narrow.endswith("TIME_WAIT 40 0/min   LISTEN 1")


def test_close_wait_that_is_gone_is_still_told() -> None:
    mended = replace(DETAIL, states=((LISTEN, 1),), close_waits=(), close_wait_total=0)
    assert texts(states_lines(mended, 80, 1))[0].startswith(" CLOSE_WAIT 0 ")
    assert "TIME_WAIT" not in texts(states_lines(mended, 80, 1))[0]


def test_with_room_each_trend_has_its_line() -> None:
    close_wait, time_wait, rest = texts(states_lines(DETAIL, 80, 10))
    assert close_wait.endswith("+3/s, oldest >12m  last 5m")
    assert time_wait.endswith("0/min  last 5m")
    assert rest == " ESTABLISHED 12   LISTEN 1"


def test_growth_of_close_wait_alarms() -> None:
    tones = {span.text.strip(): span.tone for span in states_lines(DETAIL, 80, 1)[0].spans}
    assert tones["+3/s"] == "alarm"


def test_without_a_trend_there_is_none() -> None:
    plain = Detail(key="1", title="", evidence=(), states=((TIME_WAIT, 7), (LISTEN, 1)), pid=1)
    assert texts(states_lines(plain, 80, 1)) == texts(states_lines(plain, 80, 5)) == [" TIME_WAIT 7   LISTEN 1"]
    assert states_lines(Detail(key="1", title="", evidence=(), pid=1), 80, 5) == []
