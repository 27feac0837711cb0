"""Notices stay as long as what they tell of, and no longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.ui.notice_board import ANEW_SECONDS, NoticeBoard
from tests.wire_messages import view_of

NOW = 1_767_614_400.0
SUMMARY = replace(view_of(0).summary, taken_at=NOW)


def test_a_trouble_stays_until_a_later_refresh() -> None:
    board = NoticeBoard()
    board.view(SUMMARY)
    board.trouble("Reading failed.")
    board.view(SUMMARY)
    assert board.notices(NOW) == ["Reading failed."]
    board.view(replace(SUMMARY, refreshes=SUMMARY.refreshes + 1))
    assert board.notices(NOW) == []


def test_a_trouble_before_the_first_view_is_kept_until_there_is_one() -> None:
    board = NoticeBoard()
    board.trouble("Reading failed.")
    assert board.notices(NOW) == ["Reading failed."]
    board.view(replace(SUMMARY, refreshes=1))
    assert board.notices(NOW) == []


def test_a_lost_reader_is_said_first_and_until_the_next_view() -> None:
    board = NoticeBoard()
    board.view(replace(SUMMARY, warnings=("Incomplete.",)))
    board.reader_lost("The reader has ended.")
    assert board.notices(NOW) == ["The reader has ended.", "Incomplete."]
    board.view(SUMMARY)
    (anew,) = board.notices(NOW)
    assert "started anew at 12:00:00" in anew
    assert board.notices(NOW + ANEW_SECONDS - 1) != []
    board.view(replace(SUMMARY, taken_at=NOW + ANEW_SECONDS))
    assert board.notices(NOW + ANEW_SECONDS) == []


@pytest.mark.parametrize(("interval", "late"), [(1.0, 6.0), (60.0, 250.0)])
def test_rows_that_are_older_than_they_should_be_are_said_to_be(interval: float, late: float) -> None:
    board = NoticeBoard()
    board.view(replace(SUMMARY, interval=interval, actual_interval=interval))
    assert board.notices(NOW + interval * 2) == []
    assert board.notices(NOW + late) == ["The reader does not answer: the rows are those of 12:00:00"]
    board.view(replace(SUMMARY, paused=True))
    assert board.notices(NOW + 1000) == []


def test_what_hides_the_clock_is_told_why_it_is_not_of_now() -> None:
    board = NoticeBoard()
    assert board.not_of_now(NOW) == ""
    board.view(SUMMARY)
    assert board.not_of_now(NOW + 2) == ""
    assert board.not_of_now(NOW + 60) == board.notices(NOW + 60)[0]
    board.view(replace(SUMMARY, paused=True))
    assert board.not_of_now(NOW + 60) == "paused at 12:00:00"
    board.view(SUMMARY)
    board.reader_lost("The reader has ended.")
    assert board.not_of_now(NOW) == "The reader has ended."


def test_hidden_owners_are_counted_with_the_remedy_that_helps() -> None:
    board = NoticeBoard()
    board.view(replace(SUMMARY, hidden=3, privileged=False))
    assert "3 sockets" in board.notices(NOW)[0]
    assert "sudo" in board.notices(NOW)[0]
    board.view(replace(SUMMARY, hidden=1))
    assert "sudo" not in board.notices(NOW)[0]
