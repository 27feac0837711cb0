"""Connections over which nothing has gone for long."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence

import pytest

from sockview.collect import silent_sockets
from sockview.collect.netlink import DumpError
from sockview.collect.silent_sockets import INTERVAL, LONG, SilentSockets
from sockview.collect.tcp_info import TcpTimes
from sockview.model.inet_socket import TIMER_KEEPALIVE, TIMER_RETRANSMIT, InetSocket
from sockview.model.snapshot import Change
from tests.collect.steps import finish
from tests.model.builders import make_socket

HOUR = 3_600_000


class Kernel:
    """Tells the times of its sockets, and counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 10.0
        self.told: list[TcpTimes] = []
        self.asked: list[list[int]] = []
        monkeypatch.setattr(silent_sockets, "dump_times", self.dump_times)

    def dump_times(
        self, families: Iterable[int], state: int, take: Callable[[Sequence[TcpTimes]], None]
    ) -> Generator[None, None, None]:
        assert state == 1
        self.asked.append(list(families))
        yield
        take(self.told)

    def tell(self, cookie: int, sent: int = HOUR, received: int = HOUR, acked: int = HOUR, timer: int = 0) -> None:
        self.told.append(TcpTimes(cookie, 1, timer, sent, received, acked))

    def look(self, silent: SilentSockets, *sockets: InetSocket) -> dict[int, float]:
        return dict(finish(silent.look(sockets, None))[0])


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


@pytest.fixture
def silent(kernel: Kernel) -> SilentSockets:
    return SilentSockets(lambda: kernel.now)


def connection(cookie: int, timer: int = 0, recv_q: int = 0) -> InetSocket:
    return make_socket("ESTABLISHED", cookie=cookie, timer=timer, recv_q=recv_q)


def test_silence_is_the_least_of_the_three(kernel: Kernel, silent: SilentSockets) -> None:
    kernel.tell(1, 3 * HOUR, 2 * HOUR, 4 * HOUR)
    kernel.tell(2, received=HOUR - 1)
    kernel.tell(3, sent=HOUR - 1)
    kernel.tell(4, acked=HOUR - 1)
    kernel.tell(5)
    found = kernel.look(silent, *(connection(cookie) for cookie in range(1, 6)))
    assert found == {1: 2 * LONG, 5: LONG}


def test_it_can_leave_out_the_first_time(kernel: Kernel) -> None:
    silent = SilentSockets(lambda: kernel.now, at_once=False)
    kernel.tell(1)
    assert kernel.look(silent, connection(1)) == {} and kernel.asked == []
    assert kernel.look(silent, connection(1)) == {1: LONG}


def test_only_sockets_without_any_timer_are_told_of(kernel: Kernel, silent: SilentSockets) -> None:
    kernel.tell(1, timer=TIMER_KEEPALIVE)
    kernel.tell(2, timer=TIMER_RETRANSMIT)
    kernel.tell(3)
    sockets = [connection(1, TIMER_KEEPALIVE), connection(2, TIMER_RETRANSMIT), connection(3, TIMER_KEEPALIVE)]
    assert kernel.look(silent, *sockets, connection(9)) == {}


def test_only_sockets_of_the_snapshot_are_told_of(kernel: Kernel, silent: SilentSockets) -> None:
    kernel.tell(1)
    kernel.tell(2)
    assert kernel.look(silent, connection(1), make_socket("CLOSE_WAIT", cookie=2)) == {1: LONG}


def test_the_kernel_is_asked_once_a_minute(kernel: Kernel, silent: SilentSockets) -> None:
    kernel.tell(1)
    sockets = [connection(1), make_socket("ESTABLISHED", "[::1]:80", "[::1]:9")]
    for later, count in ((0, 1), (1, 1), (INTERVAL - 2, 1), (1, 2), (1, 2)):
        kernel.now += later
        assert kernel.look(silent, *sockets) == {1: LONG}
        assert kernel.asked == [[4, 6]] * count


def test_where_nothing_can_be_silent_nobody_is_asked(kernel: Kernel, silent: SilentSockets) -> None:
    assert kernel.look(silent, connection(1, TIMER_KEEPALIVE), make_socket("LISTEN")) == {}
    assert kernel.asked == [[]]


def test_what_has_moved_or_gone_since_is_dropped(kernel: Kernel, silent: SilentSockets) -> None:
    for cookie in (1, 2, 3):
        kernel.tell(cookie)
    assert list(kernel.look(silent, connection(1, recv_q=5), connection(2), connection(3))) == [1, 2, 3]
    assert list(kernel.look(silent, connection(1, recv_q=5), connection(2, recv_q=1))) == [1]
    assert list(kernel.look(silent, connection(1, recv_q=5), connection(2), connection(3))) == [1]


def test_with_the_change_known_only_what_it_names_is_looked_at(kernel: Kernel, silent: SilentSockets) -> None:
    for cookie in range(1, 7):
        kernel.tell(cookie)
    before = [connection(cookie) for cookie in range(1, 7)]
    first = finish(silent.look(before, None))[0]
    moved, other_inode, started = connection(2, recv_q=1), before[2]._replace(inode=9), connection(4, TIMER_KEEPALIVE)
    change = Change(1, gone=before[1:5], come=[moved, other_inode, started, connection(99)])
    after = [before[0], moved, other_inode, started, before[5], connection(99)]
    second = finish(silent.look(after, change))[0]
    assert (sorted(first), sorted(second)) == ([1, 2, 3, 4, 5, 6], [1, 3, 6])
    nothing = Change(2, gone=[connection(99)], come=[])
    assert finish(silent.look(after[:-1], nothing))[0] is second
    assert kernel.look(silent, *after[:-1]) == dict(second)


def test_the_most_silent_are_kept(kernel: Kernel, silent: SilentSockets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent_sockets, "MOST", 2)
    for cookie in range(9):
        kernel.tell(cookie, *[(1 + cookie * 4 % 9) * HOUR] * 3)
    assert kernel.look(silent, *(connection(cookie) for cookie in range(9))) == {2: 9 * LONG, 4: 8 * LONG}


def test_a_failed_look_is_made_again(kernel: Kernel, silent: SilentSockets, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Generator[None, None, None]:
        yield
        raise DumpError("no", 1)

    kernel.tell(1)
    with monkeypatch.context() as patch:
        patch.setattr(silent_sockets, "dump_times", broken)
        with pytest.raises(DumpError):
            kernel.look(silent, connection(1))
    assert kernel.look(silent, connection(1)) == {1: LONG}
