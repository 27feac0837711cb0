"""Certain PIDs are copied at once, likely ones only when asked for again."""

from __future__ import annotations

from sockview.model.query import PidQuery, Pids
from sockview.ui.pid_copy import PidCopy, PidText


def answered(
    copy: PidCopy, request: PidQuery, certain: tuple[int, ...], likely: tuple[int, ...], ownerless: int = 0
) -> PidText:
    answer = copy.answer(Pids(request.serial, certain, likely, ownerless), "y")
    assert answer is not None
    return answer


def test_certain_only_and_the_rest_is_said() -> None:
    copy = PidCopy()
    answer = answered(copy, copy.request(("1", "2")), (7306, 7310), (99,))
    assert answer.text == "7306 7310"
    assert answer.count == 2
    assert "1 likely left out" in answer.remark
    assert "y again" in answer.remark


def test_pressed_again_takes_the_likely() -> None:
    copy = PidCopy()
    answered(copy, copy.request(("1",)), (7306,), (99,))
    again = answered(copy, copy.request(("1",)), (7306,), (99,))
    assert again.text == "99 7306"
    third = answered(copy, copy.request(("1",)), (7306,), (99,))
    assert third.text == "7306"


def test_another_row_or_a_move_starts_anew() -> None:
    copy = PidCopy()
    answered(copy, copy.request(("1",)), (), (99,))
    assert answered(copy, copy.request(("2",)), (), (99,)).text == ""
    copy.forget()
    assert answered(copy, copy.request(("2",)), (), (99,)).text == ""


def test_nothing_to_copy_says_why() -> None:
    copy = PidCopy()
    assert answered(copy, copy.request(None), (), (), 5).remark == "Nothing copied: no owner is known here"
    assert answered(copy, copy.request(None), (), ()).remark == "Nothing copied: no rows here"
    hidden = copy.answer(Pids(copy.request(None).serial, (), (), 5, hidden=True), "y")
    assert hidden is not None
    assert "sudo" in hidden.remark


def test_a_late_answer_is_not_taken() -> None:
    copy = PidCopy()
    first = copy.request(("1",))
    copy.request(("2",))
    assert copy.answer(Pids(first.serial, (1,), (), 0), "y") is None
