"""The census of all sockets, kept up with the changes, is the one counted anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockview.collect.census import Census
from sockview.model.inet_socket import InetSocket
from sockview.model.tcp_state import CLOSE_WAIT
from tests.collect.steps import finish
from tests.model.builders import make_socket

SOCKETS = st.lists(
    st.builds(
        make_socket,
        st.sampled_from(["ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT"]),
        cookie=st.integers(1, 30),
        inode=st.integers(0, 6),
        uid=st.sampled_from([None, 0, 33, 1000]),
    ),
    max_size=20,
    unique_by=lambda s: s.cookie,
)


@given(st.lists(SOCKETS, min_size=1, max_size=5))
def test_it_is_the_same_as_counted_anew(looks: list[list[InetSocket]]) -> None:
    census, before = Census(), list[InetSocket]()
    for sockets in looks:
        inodes = set(census.inodes)
        kept = {id(s) for s in sockets} & {id(s) for s in before}
        gone, come = finish(
            census.change([s for s in before if id(s) not in kept], [s for s in sockets if id(s) not in kept])
        )[0]
        anew = Census()
        finish(anew.start(sockets))
        assert (census.inodes, census.uids, census.close_waits) == (anew.inodes, anew.uids, anew.close_waits)
        assert census.inodes == {s.inode for s in sockets if s.inode}
        assert (gone, come) == (inodes - census.inodes, census.inodes - inodes)
        assert census.uids == {s.uid for s in sockets if s.uid is not None}
        assert census.close_waits == {s.cookie: s for s in sockets if s.state == CLOSE_WAIT}
        before = sockets


def test_an_inode_that_two_sockets_have_is_there_as_long_as_one_of_them() -> None:
    census = Census()
    one, two = make_socket("ESTABLISHED", cookie=1, inode=5), make_socket("ESTABLISHED", cookie=2, inode=5)
    assert finish(census.change([], [one, two]))[0] == (set(), {5})
    assert finish(census.change([one], []))[0] == (set(), set())
    assert finish(census.change([two], []))[0] == ({5}, set())


def test_a_large_change_is_counted_in_steps() -> None:
    many = [make_socket("ESTABLISHED", cookie=n, inode=n) for n in range(1, 25_001)]
    census = Census()
    assert finish(census.start(many))[1] == finish(census.change(many, []))[1] == 5
    assert not census.inodes
