"""The order of groups: total, the same whatever order they come in."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sockview.model.columns import PROCESS_COLUMNS, REMOTE_COLUMNS
from sockview.model.group import OwnerGroup, RemoteGroup
from sockview.model.group_order import order_group_steps
from sockview.model.inet_socket import packed_address
from sockview.model.owner import NoOwner
from sockview.model.query import Age, GroupRow
from sockview.model.steps import finish
from sockview.model.trend import Trend
from tests.model.builders import make_process, make_socket


def order_groups(groups: Sequence[OwnerGroup | RemoteGroup], column: str, reverse: bool = False) -> list[GroupRow]:
    """All steps at once, as rows."""
    return [group.row() for group in finish(order_group_steps(groups, column, reverse))]


def owned(
    name: str,
    pid: int | None = None,
    close_wait: int = 0,
    oldest: float | None = None,
    user: str = "",
    trend: Trend | None = None,
) -> OwnerGroup:
    """The group of a process; without a PID, one without an owner."""
    group = OwnerGroup(NoOwner(name) if pid is None else make_process(pid, name))
    group.close_wait, group.established, group.user, group.trend = close_wait, 1, user, trend
    group.oldest = None if oldest is None else Age(oldest, None)
    return group


def remote(address: str, ports: Sequence[int] = (80,)) -> RemoteGroup:
    """The group of an address; an empty one: without a peer."""
    packed = packed_address(address) or b""
    return RemoteGroup(packed, [make_socket(remote=f"10.1.1.1:{port}") for port in ports])


GROUPS = [
    owned("beta", 30, close_wait=2, oldest=10, user="root"),
    owned("Alpha", 200, close_wait=2, oldest=99, user="www-data"),
    owned("alpha", 4, close_wait=7),
    owned("hidden"),
]


def names(rows: Sequence[GroupRow]) -> list[str]:
    return [f"{row.name} {row.pid}" for row in rows]


def test_groups_have_the_largest_leak_on_top() -> None:
    assert names(order_groups(GROUPS, "close_wait")) == ["alpha 4", "Alpha 200", "beta 30", "(hidden) None"]
    assert names(order_groups(GROUPS, "close_wait", reverse=True)) == [
        "(hidden) None",
        "Alpha 200",
        "beta 30",
        "alpha 4",
    ]
    assert order_groups(GROUPS, "no such") == order_groups(GROUPS, "close_wait")


def test_groups_by_other_columns() -> None:
    assert names(order_groups(GROUPS, "pid")) == ["alpha 4", "beta 30", "Alpha 200", "(hidden) None"]
    assert names(order_groups(GROUPS, "pid", reverse=True)) == ["Alpha 200", "beta 30", "alpha 4", "(hidden) None"]
    assert names(order_groups(GROUPS, "process")) == ["Alpha 200", "alpha 4", "beta 30", "(hidden) None"]
    assert names(order_groups(GROUPS, "oldest"))[:2] == ["Alpha 200", "beta 30"]
    assert names(order_groups(GROUPS, "oldest", reverse=True))[:2] == ["beta 30", "Alpha 200"]
    assert names(order_groups(GROUPS, "user"))[:2] == ["beta 30", "Alpha 200"]


def test_the_fastest_growth_is_on_top() -> None:
    groups = [
        owned("slow", 1, trend=Trend((0, 90), 300.0, 0.05)),
        owned("never", 2),
        owned("falls", 3, trend=Trend((9, 3), 300.0, -2.0)),
        owned("new", 4, trend=Trend((3,), 0.0, None)),
        owned("fast", 5, trend=Trend((0, 5), 300.0, 2.0)),
    ]
    assert [row.name for row in order_groups(groups, "rate")] == ["fast", "slow", "falls", "never", "new"]
    assert [row.name for row in order_groups(groups, "rate", reverse=True)][:3] == ["falls", "slow", "fast"]
    assert [row.name for row in order_groups(groups, "trend")] == ["slow", "fast", "new", "falls", "never"]


def test_remotes_are_in_numeric_order() -> None:
    remotes = [remote(address) for address in ("10.0.0.10", "", "::1", "9.9.9.9", "10.0.0.9")]
    ordered = ["9.9.9.9", "10.0.0.9", "10.0.0.10", "::1", "(no peer)"]
    assert [row.name for row in order_groups(remotes, "remote")] == ordered
    assert [row.name for row in order_groups(remotes, "close_wait")] == ordered


def test_ports_are_in_numeric_order_single_ones_first() -> None:
    remotes = [remote("10.0.0.1", ports) for ports in (range(1, 1201), (8080,), (443, 443), (1, 2))] + [remote("")]
    shown = ["443", "8080", "2 ports", "1,200 ports", ""]
    assert [row.ports for row in order_groups(remotes, "ports")] == shown
    assert [row.ports for row in order_groups(remotes, "ports", reverse=True)] == [*shown[3::-1], ""]


def _owned(
    pid: int | None, name: str, reason: NoOwner, counts: tuple[int, int, int, int], oldest: Age | None, user: str
) -> OwnerGroup:
    group = OwnerGroup(reason if pid is None else make_process(pid, name))
    group.close_wait, group.time_wait, group.established, group.other = counts
    group.oldest, group.user = oldest, user
    group.trend = Trend((1, counts[0]), 5.0, counts[1] - 1.5) if counts[2] else None
    return group


COUNTS = st.tuples(*[st.integers(0, 2)] * 4)
OWNED = st.builds(
    _owned,
    pid=st.none() | st.integers(1, 5),
    name=st.sampled_from(["a", "A", "10.0.0.1", "\udce4", ""]),
    reason=st.sampled_from(NoOwner),
    counts=COUNTS,
    oldest=st.none() | st.builds(Age, st.floats(0, 3), st.none()),
    user=st.sampled_from(["", "root"]),
)
REMOTES = st.builds(
    remote, st.sampled_from(["", "::1", "10.0.0.1", "10.0.0.2", "9.0.0.1"]), st.lists(st.integers(1, 5), min_size=1)
)


@given(
    groups=st.lists(OWNED, max_size=10, unique_by=lambda group: group.identity)
    | st.lists(REMOTES, max_size=10, unique_by=lambda group: group.identity),
    column=st.sampled_from([column.key for column in (*PROCESS_COLUMNS, *REMOTE_COLUMNS)]),
    reverse=st.booleans(),
    seed=st.randoms(use_true_random=False),
)
def test_the_order_of_groups_is_total(
    groups: Sequence[OwnerGroup | RemoteGroup], column: str, reverse: bool, seed: random.Random
) -> None:
    result = order_groups(groups, column, reverse)
    mixed = list(groups)
    seed.shuffle(mixed)
    assert order_groups(mixed, column, reverse) == result
    assert len(result) == len(groups)
