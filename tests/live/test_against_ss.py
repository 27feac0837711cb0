"""Real sockets on loopback: sockview shows what ss(8) shows, with every right and with none."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import pytest

from sockview.collect.sources import open_source
from sockview.model import tcp_state
from sockview.model.inet_socket import TIMER_TIME_WAIT, InetSocket
from sockview.model.snapshot import Snapshot
from sockview.settings import SourceKind
from tests.collect.steps import finish
from tests.live.rows import RowSeen, extras_from_snapshot, extras_from_ss, from_snapshot, from_ss, seen_as
from tests.live.socket_makers import Family, Kind, Sockets, holding

Value = TypeVar("Value")
NOBODY = 65534

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("ss") is None, reason="needs Linux and ss (iproute2)"
)
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")


def collected(kind: SourceKind = "netlink") -> Snapshot:
    return finish(open_source(kind).collect())[0]


def own_sockets(made: Sockets) -> list[InetSocket]:
    return [s for s in collected().sockets if made.owns(s.netid, s.local_port, s.remote_port)]


def equal_soon(left: Callable[[], Value], right: Callable[[], Value]) -> Value:
    """Two looks cannot be at the same instant: looked again until they agree, or the test fails."""
    deadline = time.monotonic() + 20
    while True:
        one, other = left(), right()
        if one == other or time.monotonic() > deadline:
            assert one == other
            return one
        time.sleep(0.05)


def states(rows: list[RowSeen]) -> Counter[int]:
    return Counter(row.state for row in rows)


EXPECTED: dict[Kind, Counter[int]] = {
    "close_wait": Counter({tcp_state.LISTEN: 1, tcp_state.CLOSE_WAIT: 3, tcp_state.FIN_WAIT2: 3}),
    "established": Counter({tcp_state.LISTEN: 1, tcp_state.ESTABLISHED: 6}),
    "time_wait": Counter({tcp_state.LISTEN: 1, tcp_state.TIME_WAIT: 3}),
    "server_time_wait": Counter({tcp_state.LISTEN: 1, tcp_state.TIME_WAIT: 3}),
    "listen": Counter({tcp_state.LISTEN: 3}),
    "udp": Counter({tcp_state.UNCONN: 3}),
    "connected_udp": Counter({tcp_state.UNCONN: 1, tcp_state.ESTABLISHED: 3}),
    "prefork": Counter({tcp_state.LISTEN: 1}),
}
FAMILIES: tuple[Family, ...] = ("v4", "v6", "mapped")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", EXPECTED)
def test_rows_states_and_holders_equal_those_of_ss(kind: Kind, family: Family) -> None:
    with holding(kind, 3, family=family) as made:
        rows = equal_soon(lambda: from_snapshot(collected(), made), lambda: from_ss(made))
        assert states(rows) == EXPECTED[kind]
        certain = [row for row in rows if row.state not in (tcp_state.TIME_WAIT, tcp_state.FIN_WAIT2)]
        assert {pid for row in certain for pid, _ in row.holders} == set(made.pids)
        assert all(row.holders for row in certain)


def test_inodes_cookies_and_queues_equal_those_of_ss() -> None:
    with holding("close_wait", 3) as made:
        both = equal_soon(lambda: extras_from_snapshot(collected(), made), lambda: extras_from_ss(made))
        assert len({extra.cookie for extra in both}) == len(both) == 7


def test_every_worker_that_shares_a_listener_is_a_holder() -> None:
    with holding("prefork", 4) as made:
        (row,) = equal_soon(lambda: from_snapshot(collected(), made), lambda: from_ss(made))
        assert [pid for pid, _ in row.holders] == list(made.pids)
        assert len(made.pids) == 5


def test_a_growing_leak_is_followed() -> None:
    with holding("close_wait", 1) as made:
        for change, count, expected in ((made.add, 4, 5), (made.drop, 2, 3)):
            change(count)
            rows = equal_soon(lambda: from_snapshot(collected(), made), lambda: from_ss(made))
            assert states(rows)[tcp_state.CLOSE_WAIT] == expected


def test_the_cookie_and_the_timer_of_a_time_wait() -> None:
    with holding("established", 1) as made:
        mine = own_sockets(made)
        before = {s.cookie for s in mine if s.remote_port == made.port}
        made.drop(1)
        after = [s for s in own_sockets(made) if s.inode == 0]
        for remnant in (s for s in after if s.remote_port == made.port):
            assert {remnant.cookie} == before
        for remnant in (s for s in after if s.state == tcp_state.TIME_WAIT):
            assert remnant.timer == TIMER_TIME_WAIT and 0 < remnant.expires_ms <= 60_000
            assert remnant.uid is None
        assert after


def test_names_are_those_of_the_process() -> None:
    with holding("listen", name="evil\x1b[2J\n", arguments=("--app", "\u202ex")) as made:
        snapshot = collected()
        mine = [s for s in snapshot.sockets if s.local_port == made.port and s.state == tcp_state.LISTEN]
        process = snapshot.holders[mine[0].inode][0].process
        assert process.pid == made.pid
        assert process.name == "evil\\x1b[2J\\n"
        assert process.command.endswith("--app \\u202ex")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", [kind for kind in EXPECTED if kind != "prefork"])
def test_the_portable_source_agrees_with_the_native_one(kind: Kind, family: Family) -> None:
    with holding(kind, 3, family=family) as made:
        rows = equal_soon(lambda: from_snapshot(collected("psutil"), made), lambda: from_snapshot(collected(), made))
        assert states(rows) == EXPECTED[kind]


def test_the_portable_source_shows_one_holder_of_a_shared_listener() -> None:
    with holding("prefork", 2) as made:
        (row,) = from_snapshot(collected("psutil"), made)
        assert {pid for pid, _ in row.holders} <= set(made.pids) and len(row.holders) == 1


@as_root
@pytest.mark.parametrize("source", ["netlink", "psutil"])
@pytest.mark.parametrize("kind", ["close_wait", "time_wait", "connected_udp"])
def test_a_user_without_rights_sees_all_sockets_but_not_their_owners(kind: Kind, source: SourceKind) -> None:
    with holding(kind, 3) as made:
        rows = equal_soon(lambda: seen_as(NOBODY, source, made).rows, lambda: from_ss(made, user=NOBODY))
        assert states(rows) == EXPECTED[kind]
        assert not any(row.holders for row in rows)
        seen = seen_as(NOBODY, source, made)
        assert seen.unreadable > 0 and not seen.privileged
        assert seen.uids == ([0] if source == "netlink" else [])


@as_root
@pytest.mark.parametrize("source", ["netlink", "psutil"])
def test_a_user_without_rights_sees_what_is_theirs(source: SourceKind) -> None:
    with holding("close_wait", 3, user=NOBODY) as made:
        rows = equal_soon(lambda: seen_as(NOBODY, source, made).rows, lambda: from_ss(made, user=NOBODY))
        held = [row for row in rows if row.state != tcp_state.FIN_WAIT2]
        assert len(held) == 4
        assert {pid for row in held for pid, _ in row.holders} == {made.pid}
        assert seen_as(NOBODY, source, made).uids == [NOBODY]
