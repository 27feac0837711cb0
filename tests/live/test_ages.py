"""Ages of real sockets at the first look at them: the bounds hold the truth, as ss(8) tells it too."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from sockview.collect import silent_sockets
from sockview.collect.close_wait_times import WRAP_SECONDS, uptime
from sockview.collect.native import NativeSource
from sockview.model import tcp_state
from sockview.model.age import age_in_state
from sockview.model.inet_socket import InetSocket
from sockview.model.observation import Observation
from sockview.model.query import Age
from sockview.model.snapshot import Snapshot
from sockview.model.steps import finish
from tests.live.rows import seen_as, told_age
from tests.live.socket_makers import holding
from tests.live.terminal_harness import DEADLINE

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

#: Seconds between the FIN and the first look.
PASSED = 1.5
#: How far an exact age may be off: a delayed ACK (40 ms) and a slow machine.
CLOSE = 0.5
NOBODY = 65534

Ends = tuple[socket.socket, socket.socket]


@dataclass
class HalfClosed:
    """A connection whose peer has shut down its side; the server's end is in CLOSE_WAIT."""

    peer: socket.socket
    holder: socket.socket
    connected: float
    """Monotonic seconds just before the connection was made."""
    before: float
    """Just before the FIN was sent."""
    after: float

    @property
    def ports(self) -> frozenset[int]:
        return ports_of(self.peer)


def ports_of(end: socket.socket) -> frozenset[int]:
    """Of both ends: on a loaded machine one of them alone may be in use elsewhere as well."""
    return frozenset((end.getsockname()[1], end.getpeername()[1]))


def connect(host: str, stack: ExitStack) -> Ends:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        peer = stack.enter_context(socket.create_connection(listener.getsockname()[:2]))
        return peer, stack.enter_context(listener.accept()[0])


def shut_down(ends: Ends, connected: float) -> HalfClosed:
    before = time.monotonic()
    ends[0].shutdown(socket.SHUT_WR)
    return HalfClosed(*ends, connected, before, time.monotonic())


def send_before(ends: Ends) -> None:
    ends[0].send(b"request")


def probe_after(ends: Ends) -> None:
    """Keep-alive probes each second, which the peer answers."""
    ends[1].setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    ends[1].setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    ends[1].setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)


def nothing(_: Ends) -> None:
    pass


BEFORE: dict[str, tuple[str, Callable[[Ends], None]]] = {
    "plain": ("127.0.0.1", nothing),
    "IPv6": ("::1", nothing),
    "data": ("127.0.0.1", send_before),
    "keep-alive": ("127.0.0.1", probe_after),
    "the holder writes": ("127.0.0.1", nothing),
}


@pytest.fixture(scope="module")
def made() -> Iterator[dict[str, HalfClosed]]:
    """One connection of each kind, some time after its FIN."""
    with ExitStack() as stack:
        connected = time.monotonic()
        ends = {name: connect(host, stack) for name, (host, _) in BEFORE.items()}
        for name, (_, act) in BEFORE.items():
            act(ends[name])
        time.sleep(0.4)
        half = {name: shut_down(pair, connected) for name, pair in ends.items()}
        time.sleep(PASSED)
        half["the holder writes"].holder.send(b"the rest")
        time.sleep(0.1)
        yield half


def collected() -> Snapshot:
    return finish(NativeSource().collect())


def of_ports(snapshot: Snapshot, ports: frozenset[int], state: int) -> InetSocket:
    """The one socket between these ports in this state."""
    (found,) = (s for s in snapshot.sockets if ports == {s.local_port, s.remote_port} and s.state == state)
    return found


def bounds(half: HalfClosed) -> tuple[Snapshot, Age]:
    snapshot = collected()
    s = of_ports(snapshot, half.ports, tcp_state.CLOSE_WAIT)
    return snapshot, told_age(snapshot, s)


def truth(half: HalfClosed, snapshot: Snapshot) -> tuple[float, float]:
    """Seconds between the FIN and the end of the look, at least and at most."""
    end = snapshot.clock + snapshot.dump_seconds
    return end - half.after, end - half.before


@pytest.mark.parametrize("name", BEFORE)
def test_the_bounds_of_a_close_wait_hold_the_truth(made: dict[str, HalfClosed], name: str) -> None:
    snapshot, age = bounds(made[name])
    at_least, at_most = truth(made[name], snapshot)
    assert age.at_least <= at_most
    if uptime() >= WRAP_SECONDS:
        assert age.at_most is None
    else:
        since_connected = snapshot.clock + snapshot.dump_seconds - made[name].connected
        assert age.at_most is not None and at_least <= age.at_most < since_connected + CLOSE


def test_the_table_shows_the_ages_that_the_kernel_tells(made: dict[str, HalfClosed]) -> None:
    snapshot = collected()
    table = finish(Observation().add(snapshot))
    for half in made.values():
        s = of_ports(snapshot, half.ports, tcp_state.CLOSE_WAIT)
        age = table.age(s)
        told = told_age(snapshot, s)
        # Ages are counted up to the beginning of the look, the bounds up to its end.
        assert age is not None and age.at_least == pytest.approx(max(0.0, told.at_least - snapshot.dump_seconds))
        if told.at_most is not None:
            assert age.at_most == pytest.approx(max(0.0, told.at_most - snapshot.dump_seconds))


@pytest.mark.parametrize("name", ["plain", "IPv6", "data"])
def test_nothing_sent_after_the_fin_makes_the_lower_bound_tight(made: dict[str, HalfClosed], name: str) -> None:
    snapshot, age = bounds(made[name])
    assert age.at_least > truth(made[name], snapshot)[0] - CLOSE


@pytest.mark.parametrize("name", ["keep-alive", "the holder writes"])
def test_answers_of_the_peer_loosen_the_lower_bound(made: dict[str, HalfClosed], name: str) -> None:
    snapshot, age = bounds(made[name])
    assert age.at_least < truth(made[name], snapshot)[0] - CLOSE


def test_the_bounds_known_first_are_kept() -> None:
    with ExitStack() as stack:
        half = shut_down(connect("127.0.0.1", stack), time.monotonic())
        time.sleep(0.5)
        source = NativeSource()
        first = finish(source.collect())
        half.holder.send(b"more")
        time.sleep(0.1)
        second = finish(source.collect())
        cookie = of_ports(second, half.ports, tcp_state.CLOSE_WAIT).cookie
        assert second.close_wait_times[cookie] == first.close_wait_times[cookie]


@pytest.mark.skipif(shutil.which("ss") is None, reason="needs ss (iproute2)")
@pytest.mark.parametrize("name", BEFORE)
def test_ss_tells_the_same_times(made: dict[str, HalfClosed], name: str) -> None:
    half = made[name]
    (_, here), (_, there) = (end.getsockname()[:2] for end in (half.holder, half.peer))
    command = ["ss", "-tinH", "state", "close-wait", "sport", "=", f":{here}", "and", "dport", "=", f":{there}"]
    if name == "keep-alive":  # between two looks another answer may come
        half.holder.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
    asked = time.monotonic()
    shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=DEADLINE).stdout
    snapshot, age = bounds(half)
    end = snapshot.clock + snapshot.dump_seconds
    took = end - asked + CLOSE
    (last_received,), (last_ack,) = (re.findall(rf"\b{word}:(\d+)", shown) for word in ("lastrcv", "lastack"))
    assert -CLOSE < age.at_least - int(last_ack) / 1000 < took
    if age.at_most is not None:
        assert -CLOSE < age.at_most - int(last_received) / 1000 < took


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_user_without_rights_learns_the_ages_too() -> None:
    with holding("close_wait", 3) as made:
        began = time.monotonic()
        time.sleep(1.0)
        seen = seen_as(NOBODY, "netlink", made)
        passed = time.monotonic() - began
    assert len(seen.ages) == 3
    assert all(0.5 < at_least < passed + CLOSE for at_least, _ in seen.ages)


def test_an_orphaned_fin_wait2_and_a_time_wait_are_exact() -> None:
    fin_timeout = collected().limits.number("net.ipv4.tcp_fin_timeout")
    if fin_timeout is None or fin_timeout > 60:
        pytest.skip("needs tcp_fin_timeout of at most 60 s")
    with ExitStack() as stack:
        orphan, _held = connect("127.0.0.1", stack)
        early, late = connect("::1", stack)
        made = {ports_of(orphan): tcp_state.FIN_WAIT2, ports_of(early): tcp_state.TIME_WAIT}
        closed = time.monotonic()
        orphan.close()
        early.close()
        late.recv(1)
        late.close()
        time.sleep(PASSED)
        snapshot = collected()
    passed = snapshot.clock - closed
    for ports, state in made.items():
        s = of_ports(snapshot, ports, state)
        age = age_in_state(s, None, snapshot.clock, fin_timeout)
        assert s.inode == 0 and age is not None and age.exact
        assert age.at_least == pytest.approx(passed, abs=CLOSE)


def test_silent_connections_without_keep_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent_sockets, "LONG", 1.0)
    with ExitStack() as stack:
        quiet, kept, busy, spoken_to = (connect(host, stack) for host in ("127.0.0.1", "::1", "127.0.0.1", "127.0.0.1"))
        for end in kept:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        time.sleep(PASSED)
        busy[0].send(b"x")
        spoken_to[1].send(b"x")
        time.sleep(0.1)
        source = NativeSource()
        snapshot = finish(source.collect())
        silent = {s.local_port: snapshot.silent[s.cookie] for s in snapshot.sockets if s.cookie in snapshot.silent}
        ends = {end: end.getsockname()[1] for pair in (quiet, kept, busy, spoken_to) for end in pair}
        assert {port for port in silent if port in ends.values()} == {ends[end] for end in quiet}
        assert all(silent[ends[end]] == pytest.approx(PASSED + 0.1, abs=CLOSE) for end in quiet)
        quiet[0].send(b"x")
        again = finish(source.collect())
        cookies = {s.cookie for s in again.sockets if s.local_port == ends[quiet[1]]}
        assert cookies and not cookies & again.silent.keys(), "what waits to be read has come since"
