"""The driver's output says when the terminal has taken it."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import pytest

from sockview.ui.paced_driver import CountedOutput


class SlowStream(io.StringIO):
    """Takes what is flushed when it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go = threading.Event()

    def flush(self) -> None:
        self.may_go.wait(timeout=30)


class Line:
    """An output whose writing thread is played step by step."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.told = 0
        self.output = CountedOutput(self.stream, self._tell)

    def _tell(self) -> None:
        self.told += 1


@pytest.fixture
def line() -> Iterator[Line]:
    yield Line()


def test_it_is_out_when_all_that_was_given_is_written_and_flushed(line: Line) -> None:
    assert line.output.is_out()
    line.output.expect()
    assert not line.output.is_out()
    line.output.write("frame")
    assert not line.output.is_out()
    line.output.flush()
    assert line.output.is_out()
    assert line.stream.getvalue() == "frame"


def test_who_has_found_it_busy_is_told_once(line: Line) -> None:
    line.output.expect()
    assert not line.output.is_out()
    line.output.write("frame")
    line.output.flush()
    line.output.flush()
    assert line.told == 1


def test_nobody_is_told_who_does_not_wait(line: Line) -> None:
    for _ in range(3):
        line.output.expect()
        line.output.write("frame")
        line.output.flush()
        assert line.output.is_out()
    assert line.told == 0


def test_what_is_given_during_a_flush_is_not_out_with_it(line: Line) -> None:
    line.output.expect()
    line.output.write("one")
    line.output.expect()
    assert not line.output.is_out()
    line.output.flush()
    assert (line.output.is_out(), line.told) == (False, 0)
    line.output.write("two")
    line.output.flush()
    assert (line.output.is_out(), line.told) == (True, 1)


def test_a_terminal_that_takes_nothing_is_waited_for_in_the_writing_thread_alone() -> None:
    stream, told = SlowStream(), threading.Event()
    output = CountedOutput(stream, told.set)
    output.expect()

    def write() -> None:
        output.write("frame")
        output.flush()

    writer = threading.Thread(target=write)
    writer.start()
    assert not output.is_out()
    stream.may_go.set()
    assert told.wait(timeout=30)
    writer.join(timeout=30)
    assert output.is_out()
