"""The process pane as lines: what is said, and what is left out where there is little room."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.model.finding import Finding
from sockview.model.query import Age, Detail, HeldSocket
from sockview.model.tcp_state import CLOSE_WAIT, LISTEN
from sockview.ui.line_widget import Line
from sockview.ui.pane_lines import pane_lines

NOW = 1_767_614_400.0
HELD = HeldSocket(12, "10.0.0.7:8080", "10.2.3.4:51234", Age(724.0, None), 1)
ENDS = "10.0.0.7:8080 ← 10.2.3.4:51234"
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

LEAK = Finding(
    kind="close-wait-leak",
    urgency="critical",
    title="gunicorn 7306 leaks CLOSE_WAIT: 250, +3/s, oldest 12m",
    facts=("The peer has closed.",),
    remedies=("Close it.", "Restart it."),
    group="pid:7306:4200",
)
SHARED = Finding(kind="shared-port", urgency="warning", title="celery 9 and gunicorn 7306 share a port")
LEAKING = replace(DETAIL, findings=(LEAK, SHARED))


def texts(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line.spans).rstrip() for line in lines]


def test_a_low_pane_says_the_most_telling() -> None:
    shown = texts(pane_lines(DETAIL, NOW, 80, 5))
    assert shown[0].startswith("── 7306 gunicorn ── www-data ──")
    assert shown[1:] == [
        " CLOSE_WAIT 250, oldest >12m   LISTEN 1",
        " gunicorn: worker [app]",
        " up 1m30s  fds 12 of no limit",
        " 7306 gunicorn holds fd 12 of this socket now.",
    ]


def test_a_process_row_is_named_once() -> None:
    (title, *_) = texts(pane_lines(replace(DETAIL, title="7306 gunicorn"), NOW, 80, 10))
    assert title.count("gunicorn") == 1
    (title, *_) = texts(pane_lines(DETAIL, NOW, 120, 10))
    assert DETAIL.title in title


def test_what_is_wrong_comes_first_and_the_evidence_makes_room() -> None:
    shown = texts(pane_lines(LEAKING, NOW, 80, 5))
    assert shown[1:] == [
        " !! leaks CLOSE_WAIT: 250, +3/s, oldest 12m  +1",
        " CLOSE_WAIT 250, oldest >12m   LISTEN 1",
        " gunicorn: worker [app]",
        " up 1m30s  fds 12 of no limit",
    ]


def test_how_a_likely_owner_is_known_does_not_make_room() -> None:
    evidence = ("7306 gunicorn is the only process listening on the local port.", "Likely, not certain.")
    shown = texts(pane_lines(replace(LEAKING, certain=False, evidence=evidence), NOW, 80, 5))
    assert shown[2:] == [
        " CLOSE_WAIT 250, oldest >12m   LISTEN 1",
        " gunicorn: worker [app]",
        " 7306 gunicorn is the only process listening on the local port. Likely, not …",
    ]


def test_with_some_room_the_best_remedy_is_told() -> None:
    shown = texts(pane_lines(LEAKING, NOW, 80, 10))
    assert shown[1:4] == [
        " !! leaks CLOSE_WAIT: 250, +3/s, oldest 12m",
        " ! celery 9 and gunicorn 7306 share a port",
        " → Close it.",
    ]
    assert shown[-1].startswith("  fd 12")


def test_with_room_to_read_there_are_facts_remedies_and_descriptors() -> None:
    shown = texts(pane_lines(LEAKING, NOW, 80, 24))
    assert shown[3:6] == ["    - The peer has closed.", "    → Close it.", "    → Restart it."]
    assert shown[-2:] == [" CLOSE_WAIT, oldest first, 1 of 250", f"  fd 12      >12m  {ENDS}  end not read"]


def test_a_long_finding_leaves_room_for_the_descriptors() -> None:
    long = replace(LEAK, facts=("The first.", *("word " * 300 for _ in range(9))))
    shown = texts(pane_lines(replace(LEAKING, findings=(long,)), NOW, 80, 15))
    assert len(shown) <= 15
    assert "    - The first." in shown
    assert "    → Close it." in shown
    assert shown[-1].startswith("  fd 12")


def test_where_one_alone_has_room_it_is_what_to_do() -> None:
    long = replace(LEAK, facts=("fact " * 30,), remedies=("remedy " * 30,))
    shown = "\n".join(texts(pane_lines(replace(LEAKING, findings=(long,)), NOW, 80, 14)))
    assert "remedy" in shown and "fact" not in shown


def test_a_finding_about_several_processes_keeps_its_words() -> None:
    several = replace(LEAK, title="gunicorn 7306 and 3 more leak CLOSE_WAIT: 900")
    assert texts(pane_lines(replace(LEAKING, findings=(several,)), NOW, 80, 5))[1] == f" !! {several.title}"


def test_what_has_no_owner_may_have_a_finding() -> None:
    orphans = Detail(key="none:orphan", title="(orphans)", evidence=("No process holds them.",), findings=(LEAK,))
    assert texts(pane_lines(orphans, NOW, 80, 5))[1:] == [
        " !! gunicorn 7306 leaks CLOSE_WAIT: 250, +3/s, oldest 12m",
        " No process holds them.",
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
    for detail in (DETAIL, LEAKING):
        shown = texts(pane_lines(detail, NOW, width, height))
        assert len(shown) <= height
        assert all(len(text) <= width for text in shown)
