"""Bounds on the moment at which a socket came into CLOSE_WAIT."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence

import pytest

from sockview.collect import close_wait_times
from sockview.collect.close_wait_times import TICK_ERROR, WRAP_SECONDS, CloseWaitTimes
from sockview.collect.netlink import DumpError
from sockview.collect.tcp_info import TcpTimes
from sockview.model.inet_socket import InetSocket
from tests.collect.steps import finish
from tests.model.builders import make_socket

Bounds = tuple[float, float | None]


class Kernel:
    """Knows when the last data and the last ACK of each socket came, and how long an answer takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.uptime = 5000.0
        self.answer_takes = 0.0
        self.last: dict[int, tuple[float, float]] = {}
        """Cookie -> moments of the last data and the last ACK."""
        self.asked: list[tuple[list[int], int]] = []
        monkeypatch.setattr(close_wait_times, "dump_times", self.dump_times)

    def dump_times(
        self, families: Iterable[int], state: int, take: Callable[[Sequence[TcpTimes]], None]
    ) -> Generator[None, None, None]:
        self.asked.append((list(families), state))
        self.now += self.answer_takes / 2
        yield
        told = [
            TcpTimes(cookie, state, 0, 0, *(round((self.now - moment) * 1000) % 2**32 for moment in moments))
            for cookie, moments in self.last.items()
        ]
        self.now += self.answer_takes / 2
        take(told)

    def times(self) -> CloseWaitTimes:
        return CloseWaitTimes(lambda: self.now, lambda: self.uptime)

    def look(self, times: CloseWaitTimes, *cookies: int, end: float | None = None) -> dict[int, Bounds]:
        return finish(times.look([socket(cookie) for cookie in cookies], self.now if end is None else end))[0]


def socket(cookie: int) -> InetSocket:
    return make_socket("CLOSE_WAIT", cookie=cookie)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


def test_the_fin_came_between_the_last_data_and_the_last_ack(kernel: Kernel) -> None:
    kernel.last[1] = (90.0, 95.0)
    assert kernel.look(kernel.times(), 1)[1] == pytest.approx((5.0 - TICK_ERROR, 10.0 + TICK_ERROR))
    assert kernel.asked == [([4], 8)]


def test_a_slow_answer_widens_the_bounds_and_the_end_is_that_of_the_look(kernel: Kernel) -> None:
    kernel.last[1] = (95.0, 95.0)
    kernel.answer_takes = 3.0
    ((at_least, at_most),) = kernel.look(kernel.times(), 1, end=99.0).values()
    assert at_most is not None and at_least < 4.0 < at_most
    assert at_most - at_least == pytest.approx(3.0 + 2 * TICK_ERROR)


def test_bounds_are_never_negative(kernel: Kernel) -> None:
    kernel.last[1] = (100.0, 100.0)
    assert kernel.look(kernel.times(), 1)[1] == pytest.approx((0.0, TICK_ERROR))


def test_what_is_known_is_not_asked_again_and_keeps_its_bounds(kernel: Kernel) -> None:
    times = kernel.times()
    kernel.last[1] = (90.0, 95.0)
    first = kernel.look(times, 1)[1]
    kernel.now, kernel.last[1] = 110.0, (90.0, 109.0)  # an answered keep-alive probe
    assert kernel.look(times, 1)[1] == pytest.approx((first[0] + 10, (first[1] or 0) + 10))
    assert len(kernel.asked) == 1
    kernel.last[2] = (110.0, 110.0)
    assert list(kernel.look(times, 1, 2)) == [1, 2]
    assert len(kernel.asked) == 2
    assert kernel.look(times, 2) and kernel.look(times, 1, 2)[1][0] < 2, "what has gone is forgotten"
    assert len(kernel.asked) == 3


def test_without_sockets_nothing_is_asked(kernel: Kernel) -> None:
    assert (kernel.look(kernel.times()), kernel.asked) == ({}, [])


def test_only_the_sockets_of_the_look_are_told_of(kernel: Kernel) -> None:
    kernel.last = {1: (90.0, 90.0), 2: (90.0, 90.0)}
    assert list(kernel.look(kernel.times(), 2, 3)) == [2]


def test_each_family_is_asked_once(kernel: Kernel) -> None:
    six = make_socket("CLOSE_WAIT", "[::1]:80", "[::1]:999")
    finish(kernel.times().look([six, socket(1), socket(2), six], 100.0))
    assert kernel.asked == [([4, 6], 8)]


def test_a_counter_that_may_have_wrapped_is_no_upper_bound(kernel: Kernel) -> None:
    kernel.uptime = WRAP_SECONDS
    kernel.last[1] = (100.0 - WRAP_SECONDS - 50.0, 60.0)
    assert kernel.look(kernel.times(), 1)[1] == pytest.approx((40.0 - TICK_ERROR, None))
    kernel.last[2] = (0.0, 100.0 - WRAP_SECONDS - 7.0)
    assert kernel.look(kernel.times(), 2)[2] == pytest.approx((7.0 - TICK_ERROR, None))


def test_bounds_that_exclude_each_other_tell_nothing(kernel: Kernel) -> None:
    kernel.last[1] = (99.0, 90.0)
    assert kernel.look(kernel.times(), 1)[1] == (0.0, None)


def test_a_failed_look_is_made_again(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Generator[None, None, None]:
        yield
        raise DumpError("no", 1)

    times = kernel.times()
    kernel.last[1] = (90.0, 95.0)
    with monkeypatch.context() as patch:
        patch.setattr(close_wait_times, "dump_times", broken)
        with pytest.raises(DumpError):
            kernel.look(times, 1)
    assert list(kernel.look(times, 1)) == [1]


def test_many_sockets_are_looked_through_in_steps(kernel: Kernel) -> None:
    many = range(1, 25_001)
    kernel.last = dict.fromkeys(many, (90.0, 95.0))
    found, steps = finish(kernel.times().look([socket(cookie) for cookie in many], 100.0))
    assert (len(found), steps) == (25_000, 3 + 1 + 2)
