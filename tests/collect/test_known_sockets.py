"""A dump decoded with what the one before it showed is the dump decoded from scratch."""

from __future__ import annotations

import socket
import struct
import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sockview.collect.known_sockets import COUNTDOWN_SLACK, KnownSockets
from sockview.model.inet_socket import TCP, TIMER_KEEPALIVE, TIMER_TIME_WAIT, InetSocket
from sockview.model.tcp_state import CLOSE_WAIT, ESTABLISHED, TIME_WAIT
from tests.collect import messages as made
from tests.collect.dumps import read_dump
from tests.collect.steps import finish

_FULL = (
    made.attribute(made.SHUTDOWN, b"\0"),
    made.attribute(made.MARK, bytes(4)),
    made.attribute(made.CGROUP, struct.pack("=Q", 7)),
)


@dataclass(frozen=True)
class Seen:
    """What the kernel tells of one socket."""

    cookie: int
    recv_q: int = 0
    state: int = ESTABLISHED
    timer: int = 0
    expires: int = 0

    @property
    def six(self) -> bool:
        """Some are of IPv6: a chunk of both is read in another way."""
        return self.cookie % 20 == 13

    def message(self) -> bytes:
        body = made.inet_diag(
            family=socket.AF_INET6 if self.six else socket.AF_INET,
            local=("::1" if self.six else "10.0.0.7", 8080),
            remote=("::2" if self.six else "10.0.0.8", 1000 + self.cookie % 60_000),
            cookie=self.cookie,
            inode=0 if self.state == TIME_WAIT else self.cookie,
            state=self.state,
            timer=self.timer,
            expires=self.expires,
            queues=(self.recv_q, 0),
            # A remnant tells less.
            attributes=_FULL[1:2] if self.state == TIME_WAIT else _FULL,
        )
        return made.netlink(made.DIAG, body)


def chunks(*parts: Iterable[Seen]) -> list[bytes]:
    return [*(b"".join(seen.message() for seen in part) for part in parts), made.done()]


def read(known: KnownSockets, *parts: Iterable[Seen], at: float = 0.0) -> list[InetSocket]:
    """A dump that came in these chunks, read at a moment."""
    return read_dump(known, chunks(*parts), at)[0]


def assert_told(known: KnownSockets, before: Sequence[InetSocket], after: Sequence[InetSocket]) -> None:
    """What has gone and come is what the two differ in, as objects."""
    earlier, later = {id(s) for s in before}, {id(s) for s in after}
    assert len(later) == len(after)
    assert sorted(map(id, known.gone)) == sorted(earlier - later)
    assert sorted(map(id, known.come)) == sorted(later - earlier)
    assert known.comparable


def test_what_is_unchanged_is_the_same_object() -> None:
    known = KnownSockets(TCP)
    crowd = [Seen(n, state=TIME_WAIT if n % 10 == 0 else ESTABLISHED) for n in range(1, 501)]
    before = read(known, crowd[:270], crowd[270:])
    after = read(known, crowd[:100], crowd[100:400], crowd[400:])
    assert {id(s) for s in before} == {id(s) for s in after} and len(after) == 500
    assert_told(known, before, after)


def test_what_has_changed_gone_and_come() -> None:
    known = KnownSockets(TCP)
    crowd = [Seen(n) for n in range(1, 301)]
    before = read(known, crowd)
    changed = replace(crowd[50], recv_q=9)
    after = read(known, [*crowd[:50], changed, *crowd[51:200], Seen(999), *crowd[210:]])
    assert_told(known, before, after)
    assert [s.cookie for s in known.gone] == [51, *range(201, 211)]
    assert {s.cookie: s.recv_q for s in known.come} == {51: 9, 999: 0}


def test_another_order_finds_everything_again() -> None:
    known = KnownSockets(TCP)
    crowd = [Seen(n) for n in range(1, 2001)]
    before = read(known, crowd[:1000], crowd[1000:])
    after = read(known, reversed(crowd[:700]), crowd[1500:], crowd[700:1500])
    assert_told(known, before, after)
    assert not known.come and not known.gone


def test_a_socket_that_comes_twice_is_told_of_as_it_was_seen_last() -> None:
    known = KnownSockets(TCP)
    crowd = [Seen(n) for n in range(1, 11)]
    before = read(known, crowd)
    moved = Seen(3, state=TIME_WAIT)
    after = read(known, crowd, [moved])
    assert_told(known, before, after)
    assert [s.state for s in after if s.cookie == 3] == [TIME_WAIT]
    again = read(known, [*crowd[:2], *crowd[3:]], [moved, Seen(99)], [Seen(99, recv_q=1), Seen(99, recv_q=2)])
    assert_told(known, after, again)
    assert [s.recv_q for s in again if s.cookie == 99] == [2]
    assert [s.cookie for s in known.come] == [99]


# ------------------------------------------------------------------ countdowns
def test_a_countdown_that_runs_on_is_no_change() -> None:
    known = KnownSockets(TCP)
    (before,) = read(known, [Seen(1, timer=TIMER_KEEPALIVE, expires=30_000)], at=100.0)
    (after,) = read(known, [Seen(1, timer=TIMER_KEEPALIVE, expires=19_990)], at=110.0)
    assert after is before and (after.expires_ms, after.read_at) == (30_000, 100.0)
    assert after.timer_left(110.0) == 20.0


def test_a_timer_that_was_set_anew_is_a_change() -> None:
    known = KnownSockets(TCP)
    before = read(known, [Seen(1, state=TIME_WAIT, timer=TIMER_TIME_WAIT, expires=30_000), Seen(2)], at=100.0)
    after = read(known, [Seen(1, state=TIME_WAIT, timer=TIMER_TIME_WAIT, expires=60_000), Seen(2)], at=110.0)
    assert_told(known, before, after)
    assert [(s.cookie, s.expires_ms, s.read_at) for s in known.come] == [(1, 60_000, 110.0)]
    late = int(60_000 - 5000 + COUNTDOWN_SLACK * 1000 + 1)
    again = read(known, [Seen(1, state=TIME_WAIT, timer=TIMER_TIME_WAIT, expires=late), Seen(2)], at=115.0)
    assert [s.expires_ms for s in known.come] == [late]
    assert_told(known, after, again)


def test_a_timer_that_is_due_and_held_is_no_change() -> None:
    known = KnownSockets(TCP)
    before = read(known, [Seen(1, timer=1, expires=200)], at=100.0)
    assert read(known, [Seen(1, timer=1, expires=0)], at=105.0)[0] is before[0]
    assert read(known, [Seen(1, timer=1, expires=0)], at=100.1)[0] is not before[0], "it was due in 0.1 s"


# ------------------------------------------------------------------ dumps that end early
def test_a_dump_that_broke_off_makes_the_next_one_begin_anew() -> None:
    known = KnownSockets(TCP)
    crowd = [Seen(n) for n in range(1, 301)]
    before = read(known, crowd)
    known.begin()
    after = read(known, crowd)
    assert after == before and not known.comparable
    again = read(known, crowd)
    assert_told(known, after, again)
    assert not known.come


def test_a_forgotten_dump_had_no_sockets() -> None:
    known = KnownSockets(TCP)
    known.forget()
    assert (known.comparable, list(known)) == (True, []), "there was nothing before either"
    read(known, [Seen(1)])
    known.forget()
    assert (known.comparable, list(known)) == (False, [])
    after = read(known, [Seen(1)])
    assert_told(known, [], after)


def test_the_memory_is_that_of_the_last_dump() -> None:
    def crowd(number: int) -> list[list[Seen]]:
        first = number * 1500 + 1
        return [[Seen(first + at + n) for n in range(250)] for at in range(0, 1500, 250)]

    known = KnownSockets(TCP)
    sizes = []
    tracemalloc.start()
    try:
        for number in range(12):
            read_dump(known, chunks(*crowd(number % 6)))
            sizes.append(tracemalloc.get_traced_memory()[0])
        known.begin()
        finish(known.finish())
        empty = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert max(sizes[6:]) < 1.2 * max(sizes[:6]), "all ports have been seen by then"
    # Of the last two dumps: those that have gone are told of.
    assert max(sizes) - empty < 2 * 1500 * 600


# ------------------------------------------------------------------ whatever comes
SEEN = st.builds(
    Seen,
    cookie=st.integers(1, 40),
    recv_q=st.integers(0, 2),
    state=st.sampled_from([ESTABLISHED, CLOSE_WAIT, TIME_WAIT]),
)
#: Chunks of a dump, in which a socket may come twice.
DUMPS = st.lists(st.lists(SEEN, max_size=30), max_size=4)


def from_scratch(dump: Sequence[Sequence[Seen]]) -> dict[int, InetSocket]:
    """Each socket as it was seen last; in one chunk the longer message counts as the earlier one."""
    last: dict[int, Seen] = {}
    for chunk in dump:
        last.update((seen.cookie, seen) for seen in sorted(chunk, key=lambda seen: -len(seen.message())))
    return {s.cookie: s for s in read(KnownSockets(TCP), list(last.values()))}


@settings(max_examples=200, deadline=None)
@given(st.lists(DUMPS, min_size=2, max_size=4))
def test_reuse_changes_nothing_but_the_objects(dumps: list[list[list[Seen]]]) -> None:
    known = KnownSockets(TCP)
    before: list[InetSocket] = []
    for dump in dumps:
        after = read(known, *dump)
        assert {s.cookie: s for s in after} == from_scratch(dump)
        assert_told(known, before, after)
        before = after


@settings(max_examples=100, deadline=None)
@given(
    st.sets(st.integers(0, 1500), max_size=40),
    st.sets(st.integers(0, 1500), max_size=40),
    st.lists(st.integers(1, 400), min_size=1, max_size=8),
    st.integers(0, 1500),
)
def test_of_a_crowd_only_the_changed_ones_are_new(
    gone: set[int], changed: set[int], lengths: list[int], come_at: int
) -> None:
    known = KnownSockets(TCP)
    crowd = [Seen(n + 1, state=TIME_WAIT if n % 7 == 0 else ESTABLISHED) for n in range(1500)]
    before = read(known, crowd[:400], crowd[400:1100], crowd[1100:])
    rest = [replace(s, recv_q=1) if n in changed else s for n, s in enumerate(crowd) if n not in gone]
    rest[come_at:come_at] = [Seen(5000 + n) for n in range(come_at % 5)]
    parts, at = [], 0
    for length in (*lengths, len(rest)):
        parts.append(rest[at : at + length])
        at += length
    after = read(known, *parts)
    assert_told(known, before, after)
    assert {s.cookie for s in known.gone} == {n + 1 for n in gone | changed if n < 1500}
    assert {s.cookie for s in known.come} == {n + 1 for n in changed - gone if n < 1500} | {
        5000 + n for n in range(come_at % 5)
    }
