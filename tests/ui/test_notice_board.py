"""Notices stay as long as what they tell of, and no longer."""

from __future__ import annotations

from dataclasses import replace

from sockview.model.query import Summary
from sockview.ui.notice_board import NoticeBoard

SUMMARY = Summary(
    host="web",
    source="sock_diag",
    privileged=True,
    taken_at=0.0,
    total=1,
    matched=1,
    complete=True,
    warnings=(),
    hidden=0,
    interval=1.0,
    actual_interval=1.0,
    collect_seconds=0.0,
    refreshes=5,
    paused=False,
)


def test_a_trouble_stays_until_a_later_refresh() -> None:
    board = NoticeBoard()
    board.view(SUMMARY)
    board.trouble("Reading failed.")
    board.view(SUMMARY)
    assert board.notices == ["Reading failed."]
    board.view(replace(SUMMARY, refreshes=6))
    assert board.notices == []


def test_a_trouble_before_the_first_view_is_kept_until_there_is_one() -> None:
    board = NoticeBoard()
    board.trouble("Reading failed.")
    assert board.notices == ["Reading failed."]
    board.view(replace(SUMMARY, refreshes=1))
    assert board.notices == []


def test_a_lost_reader_is_said_first_and_until_the_next_view() -> None:
    board = NoticeBoard()
    board.view(replace(SUMMARY, warnings=("Incomplete.",)))
    board.reader_lost("The reader has ended.")
    assert board.notices == ["The reader has ended.", "Incomplete."]
    board.view(SUMMARY)
    assert board.notices == []


def test_hidden_owners_are_counted_with_the_remedy_that_helps() -> None:
    board = NoticeBoard()
    board.view(replace(SUMMARY, hidden=3, privileged=False))
    assert "3 sockets" in board.notices[0]
    assert "sudo" in board.notices[0]
    board.view(replace(SUMMARY, hidden=1))
    assert "sudo" not in board.notices[0]
