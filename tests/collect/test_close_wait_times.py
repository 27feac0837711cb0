"""Bounds on the moment at which a socket came into CLOSE_WAIT."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

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
        self.state = 8
        """What state sockets are in that are asked for one by one."""
        self.last: dict[int, tuple[float, float]] = {}
        """Cookie -> moments of the last data and the last ACK."""
        self.asked: list[tuple[list[int], int]] = []
        self.ones: list[int] = []
        """How many sockets were asked for one by one, each time."""
        monkeypatch.setattr(close_wait_times, "dump_times", self.dump_times)
        monkeypatch.setattr(close_wait_times, "ask_times", self.ask_times)

    def dump_times(
        self, families: Iterable[int], state: int, take: Callable[[Sequence[TcpTimes]], None]
    ) -> Generator[None, None, None]:
        self.asked.append((list(families), state))
        yield from self.answer(self.last, state, take)

    def ask_times(
        self, sockets: Sequence[InetSocket], take: Callable[[Sequence[TcpTimes]], None]
    ) -> Generator[None, None, None]:
        self.ones.append(len(sockets))
        cookies = [s.cookie for s in sockets if s.cookie in self.last]
        yield from self.answer(cookies, self.state, take)

    def answer(
        self, cookies: Iterable[int], state: int, take: Callable[[Sequence[TcpTimes]], None]
    ) -> Generator[None, None, None]:
        self.now += self.answer_takes / 2
        yield
        told = [
            TcpTimes(cookie, state, 0, 0, *(round((self.now - moment) * 1000) % 2**32 for moment in self.last[cookie]))
            for cookie in cookies
        ]
        self.now += self.answer_takes / 2
        take(told)

    def times(self) -> CloseWaitTimes:
        return CloseWaitTimes(lambda: self.now, lambda: self.uptime)

    def look(self, times: CloseWaitTimes, *cookies: int) -> Mapping[int, Bounds]:
        return finish(times.look({cookie: socket(cookie) for cookie in cookies}))[0]


def socket(cookie: int) -> InetSocket:
    return make_socket("CLOSE_WAIT", cookie=cookie)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


def test_the_fin_came_between_the_last_data_and_the_last_ack(kernel: Kernel) -> None:
    kernel.last[1] = (90.0, 95.0)
    assert kernel.look(kernel.times(), 1)[1] == pytest.approx((95.0 + TICK_ERROR, 90.0 - TICK_ERROR))


def test_a_slow_answer_widens_the_bounds(kernel: Kernel) -> None:
    kernel.last[1] = (95.0, 95.0)
    kernel.answer_takes = 3.0
    ((latest, earliest),) = kernel.look(kernel.times(), 1).values()
    assert earliest is not None and earliest < 95.0 < latest
    assert latest - earliest == pytest.approx(3.0 + 2 * TICK_ERROR)


def test_what_is_known_is_not_asked_again_and_keeps_its_bounds(kernel: Kernel) -> None:
    times = kernel.times()
    kernel.last[1] = (90.0, 95.0)
    first = kernel.look(times, 1)
    kernel.now, kernel.last[1] = 110.0, (90.0, 109.0)  # an answered keep-alive probe
    assert kernel.look(times, 1) is first
    assert kernel.ones == [1]
    kernel.last[2] = (110.0, 110.0)
    second = kernel.look(times, 1, 2)
    assert (list(first), list(second), second[1]) == ([1], [1, 2], first[1]), "what was told is not changed"
    assert list(kernel.look(times, 2)) == [2]
    assert kernel.look(times, 1, 2)[1][0] > 108, "what has gone is forgotten"
    assert (kernel.ones, kernel.asked) == ([1, 1, 1], [])


def test_without_sockets_nothing_is_asked(kernel: Kernel) -> None:
    assert (kernel.look(kernel.times()), kernel.asked, kernel.ones) == ({}, [], [])


def test_only_the_sockets_of_the_look_are_told_of(kernel: Kernel) -> None:
    kernel.last = {1: (90.0, 90.0), 2: (90.0, 90.0)}
    assert list(kernel.look(kernel.times(), 2, 3)) == [2]


def test_many_are_asked_for_in_one_dump_of_each_family(kernel: Kernel) -> None:
    many = range(1, 2001)
    six = make_socket("CLOSE_WAIT", "[::1]:80", "[::1]:999", cookie=5000)
    kernel.last = dict.fromkeys((*many, 9999), (90.0, 95.0))
    times = kernel.times()
    found = finish(times.look({**{cookie: socket(cookie) for cookie in many}, six.cookie: six}))[0]
    assert (sorted(found), kernel.asked, kernel.ones) == ([*many], [([4, 6], 8)], [])
    kernel.last[7777] = (90.0, 95.0)
    assert len(kernel.look(times, *many, 7777)) == 2001
    assert (len(kernel.asked), kernel.ones) == (1, [1]), "a few more are asked for one by one"


def test_one_that_has_left_the_state_meanwhile_is_not_told_of(kernel: Kernel) -> None:
    kernel.last[1] = (90.0, 95.0)
    kernel.state = 9
    assert kernel.look(kernel.times(), 1) == {}


def test_a_counter_that_may_have_wrapped_is_no_upper_bound(kernel: Kernel) -> None:
    kernel.uptime = WRAP_SECONDS
    kernel.last[1] = (100.0 - WRAP_SECONDS - 50.0, 60.0)
    assert kernel.look(kernel.times(), 1)[1] == pytest.approx((60.0 + TICK_ERROR, None))
    kernel.last[2] = (0.0, 100.0 - WRAP_SECONDS - 7.0)
    assert kernel.look(kernel.times(), 2)[2] == pytest.approx((93.0 + TICK_ERROR, None))


def test_bounds_that_exclude_each_other_tell_nothing(kernel: Kernel) -> None:
    kernel.last[1] = (99.0, 90.0)
    assert kernel.look(kernel.times(), 1)[1] == (100.0, None)


def test_a_failed_look_is_made_again(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Generator[None, None, None]:
        yield
        raise DumpError("no", 1)

    times = kernel.times()
    kernel.last[1] = (90.0, 95.0)
    with monkeypatch.context() as patch:
        patch.setattr(close_wait_times, "ask_times", broken)
        with pytest.raises(DumpError):
            kernel.look(times, 1)
    assert list(kernel.look(times, 1)) == [1]
