"""The times in tcp_info: bytes in, values out, whatever the kernel's age."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.collect.tcp_info import TcpTimes, TimesBatch, parse_times
from tests.collect import messages as made

_OTHERS = [made.attribute(made.SHUTDOWN, b"\1"), made.attribute(made.CGROUP, bytes(8))]


def parse(data: bytes) -> TimesBatch:
    return parse_times(data, len(data), 1)


def message(cookie: int = 5, *, attributes: list[bytes], state: int = 8, timer: int = 0, sequence: int = 1) -> bytes:
    diag = made.inet_diag(cookie=cookie, state=state, timer=timer, attributes=attributes)
    return made.netlink(made.DIAG, diag, sequence=sequence)


def test_every_field() -> None:
    cookie = 0xABCDEF0123456789
    batch = parse(message(cookie, timer=2, attributes=[*_OTHERS, made.tcp_info(11, 22, 33)]))
    assert batch.times == [TcpTimes(cookie, state=8, timer=2, last_data_sent=11, last_data_recv=22, last_ack_recv=33)]
    assert (batch.answered, batch.damaged, batch.done) == (True, 0, False)


# tcp_info had 104 bytes in Linux 2.6, 192 in 4.9, 280 in 6.18; 60 is the last of the times.
@pytest.mark.parametrize("size", [60, 104, 192, 280, 1000])
def test_older_and_newer_kernels_tell_the_same(size: int) -> None:
    (times,) = parse(message(attributes=[made.tcp_info(1, 2, 3, size=size)])).times
    assert times[3:] == (1, 2, 3)


@pytest.mark.parametrize(
    "attributes",
    [
        [],
        _OTHERS,
        [made.tcp_info(1, 2, 3, size=59)],
        [made.attribute(made.INFO, b"")],
        [made.tcp_info(1, 2, 3)[:-4]],
        [made.attribute(999, made.tcp_info(1, 2, 3))],
        [bytes(4), made.tcp_info(1, 2, 3)],
    ],
)
def test_no_times_are_made_up(attributes: list[bytes]) -> None:
    batch = parse(message(attributes=attributes) + message(7, attributes=[made.tcp_info(4, 5, 6)]))
    assert [(times.cookie, times[3:]) for times in batch.times] == [(7, (4, 5, 6))]
    assert batch.damaged == 0


def test_the_end_errors_and_other_sequences() -> None:
    foreign = message(9, attributes=[made.tcp_info()], sequence=2)
    batch = parse(foreign + message(attributes=[made.tcp_info()]) + made.done() + message(attributes=[made.tcp_info()]))
    assert ([times.cookie for times in batch.times], batch.done, batch.error) == ([5], True, 0)
    assert parse(made.error(13)).error == 13
    assert parse(foreign) == TimesBatch()


# Two of the others have the same length as a third: that the places agree must not be taken for agreement.
_MORE = [*_OTHERS, made.attribute(made.MARK, bytes(4)), made.attribute(999, bytes(4))]


@given(st.lists(st.tuples(st.permutations(_MORE), st.integers(0, 4), st.integers(0, 4), st.booleans()), max_size=6))
def test_messages_of_one_dump_need_not_be_alike(kinds: list[tuple[list[bytes], int, int, bool]]) -> None:
    messages, expected = b"", []
    for cookie, (others, before, after, present) in enumerate(kinds):
        info = [made.tcp_info(cookie, 2, 3)] if present else [made.attribute(998, made.tcp_info())]
        messages += message(cookie, attributes=[*others[:before], *info, *others[before : before + after]])
        expected += [(cookie, 8, 0, cookie, 2, 3)] * present
    assert parse(messages + made.done()).times == expected


_SOUND = b"".join(message(n, attributes=[*_OTHERS[: n % 3], made.tcp_info(n, n, n)]) for n in range(3)) + made.done()


@given(st.binary(max_size=600))
def test_random_bytes_never_raise(data: bytes) -> None:
    assert len(parse(data).times) * 152 <= len(data)


@given(st.lists(st.binary(max_size=80), max_size=4))
def test_random_attributes_never_raise(attributes: list[bytes]) -> None:
    batch = parse(message(attributes=attributes) + made.done())
    assert len(batch.times) <= 1


@given(st.integers(0, len(_SOUND)), st.integers(0, 2000))
def test_truncation_keeps_what_is_whole(cut: int, claimed: int) -> None:
    batch = parse_times(_SOUND[:cut], claimed, 1)
    assert batch.times == parse(_SOUND).times[: len(batch.times)]


@given(st.integers(0, len(_SOUND) - 1), st.integers(0, 255))
def test_a_changed_byte_never_raises(position: int, value: int) -> None:
    changed = bytearray(_SOUND)
    changed[position] = value
    assert len(parse_times(changed, len(changed), 1).times) <= 3
