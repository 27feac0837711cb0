"""The process pane as lines: what is said, and what is left out where there is little room."""

from __future__ import annotations

import pytest

from sockview.model.query import Age, Detail, HeldSocket
from sockview.model.tcp_state import CLOSE_WAIT, LISTEN
from sockview.ui.line_widget import Line
from sockview.ui.pane_lines import pane_lines

NOW = 1_767_614_400.0
HELD = HeldSocket(12, "10.0.0.7:8080", "10.2.3.4:51234", Age(724.0, None), 1)
DETAIL = Detail(
    key="1",
    title="tcp CLOSE_WAIT 10.0.0.7:8080 - 10.2.3.4:51234",
    evidence=("7306 gunicorn holds fd 12 of this socket now.",),
    states=((CLOSE_WAIT, 250), (LISTEN, 1)),
    close_waits=(HELD,),
    close_wait_total=250,
    pid=7306,
    name="gunicorn",
    command="gunicorn: worker [app]",
    user="www-data",
    started_at=NOW - 90,
    descriptors=12,
    descriptor_limit=None,
)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line.spans).rstrip() for line in lines]


def test_a_low_pane_says_the_most_telling() -> None:
    shown = texts(pane_lines(DETAIL, NOW, 80, 5))
    assert shown[0].startswith("── 7306 gunicorn ── www-data ──")
    assert shown[1:] == [
        " gunicorn: worker [app]",
        " up 1m30s  fds 12 of no limit",
        " CLOSE_WAIT 250, oldest >12m   LISTEN 1",
        " 7306 gunicorn holds fd 12 of this socket now.",
    ]


@pytest.mark.parametrize(
    ("recv_q", "said"),
    [(0, "end read, not closed"), (1, "end not read"), (4, "3B not read"), (None, "")],
)
def test_a_close_wait_says_what_the_process_has_read(recv_q: int | None, said: str) -> None:
    held = HeldSocket(12, HELD.local, HELD.remote, HELD.age, recv_q)
    detail = Detail(key="1", title="", evidence=(), pid=1, close_waits=(held,), close_wait_total=1)
    assert texts(pane_lines(detail, NOW, 80, 10))[-1].endswith(f"← 10.2.3.4:51234  {said}".rstrip())


def test_a_likely_owner_is_marked_in_the_title() -> None:
    likely = Detail(key="1", title="", evidence=(), pid=7310, name="celery", certain=False)
    assert texts(pane_lines(likely, NOW, 80, 5))[0].startswith("── ~7310 celery ── likely ──")


def test_nothing_there_and_on_its_way() -> None:
    assert "no row" in texts(pane_lines(None, NOW, 80, 5))[0]
    waiting = texts(pane_lines(None, NOW, 80, 5, "7306 gunicorn"))
    assert "7306 gunicorn" in waiting[0]
    assert waiting[1] == " reading ..."


@pytest.mark.parametrize("height", [1, 3, 5, 8, 20])
@pytest.mark.parametrize("width", [12, 40, 80, 200])
def test_never_more_than_its_room(width: int, height: int) -> None:
    shown = texts(pane_lines(DETAIL, NOW, width, height))
    assert len(shown) <= height
    assert all(len(text) <= width for text in shown)
