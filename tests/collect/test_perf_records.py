"""The records of a perf ring from bytes: what they tell, and that no bytes can do harm."""

from __future__ import annotations

import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.collect.perf_records import (
    BY_EXEC,
    EXIT,
    FORK,
    Comm,
    Decoder,
    Fork,
    FormatError,
    Namespaces,
    Record,
    Sample,
    time_of,
)
from sockview.collect.tracepoint_format import parse_format
from tests.collect import perf_bytes
from tests.collect.perf_bytes import FORMAT, decoder


def decoded(data: bytes) -> tuple[list[Record], int]:
    records: list[Record] = []
    return records, decoder().decode(data, records).damaged


def test_a_sample_tells_who_took_which_socket_into_which_state() -> None:
    data = perf_bytes.sample(77, 1, 4, pid=10, tid=11, name=5, flags=0x10)
    ((found,), damaged) = decoded(data)
    assert isinstance(found, Sample) and damaged == 0
    assert (found.pid, found.tid, found.time, found.flags, found.socket) == (10, 11, 77, 0x10, 5)
    assert (found.old, found.new, found.local_port, found.remote_port) == (1, 4, 8080, 51234)
    assert (found.local4, found.remote4) == (b"\x0a\0\0\x07", b"\x0a\x02\x03\x04")
    assert found.local6[10:] == b"\xff\xff\x0a\0\0\x07"


def test_every_kind_has_its_process_and_time_in_the_same_place() -> None:
    data = (
        perf_bytes.fork(1, 20, 10, parent_tid=12)
        + perf_bytes.namespaces(2, 20, 4026531840, tid=21)
        + perf_bytes.comm(3, 20, b"x" * 15)
        + perf_bytes.comm(4, 20, b"", by_exec=False)
        + perf_bytes.sample(5, 7, 2, pid=20)
        + perf_bytes.thread_end(6, 20, 22)
    )
    records, damaged = decoded(data)
    assert [time_of(record) for record in records] == [1, 2, 3, 4, 5, 6] and damaged == 0
    assert [record.pid for record in records] == [20] * 6
    forked, moved, executed, renamed, _, ended = records
    assert isinstance(forked, Fork) and isinstance(moved, Namespaces) and isinstance(ended, Fork)
    assert isinstance(executed, Comm) and isinstance(renamed, Comm)
    assert (forked.kind, forked.tid, forked.parent_pid, forked.parent_tid) == (FORK, 20, 10, 12)
    assert (moved.tid, moved.net, ended.kind, ended.tid) == (21, 4026531840, EXIT, 22)
    assert (executed.comm, executed.misc & BY_EXEC) == (b"x" * 15, BY_EXEC)
    assert (renamed.comm, renamed.misc & BY_EXEC) == (b"", 0)


def test_a_loss_comes_with_the_time_of_the_record_before_it() -> None:
    records: list[Record] = []
    found = decoder().decode(perf_bytes.lost(9, 3) + perf_bytes.comm(10, 1, b"a") + perf_bytes.lost(12, 4), records)
    assert [(before, loss.time, loss.records) for before, loss in found.losses] == [(None, 9, 3), (10, 12, 4)]
    assert [time_of(record) for record in records] == [10]


def test_unknown_kinds_are_passed_over() -> None:
    assert decoded(perf_bytes.record(10, bytes(40)) + perf_bytes.comm(1, 1, b"a"))[1] == 0
    assert len(decoded(perf_bytes.record(99, b"") + perf_bytes.comm(1, 1, b"a"))[0]) == 1


@pytest.mark.parametrize("kind", [2, 3, 4, 7, 9, 16])
def test_a_record_that_is_too_short_is_damaged_and_the_next_one_is_read(kind: int) -> None:
    records, damaged = decoded(perf_bytes.record(kind, bytes(16)) + perf_bytes.comm(5, 1, b"a"))
    assert [time_of(record) for record in records] == [5] and damaged == 1


@pytest.mark.parametrize("size", [0, 7, 4096])
def test_a_damaged_header_ends_the_reading(size: int) -> None:
    good = perf_bytes.comm(5, 1, b"a")
    records, damaged = decoded(good + struct.pack("=IHH", 9, 0, size) + good)
    assert (len(records), damaged) == (1, 1)


@given(st.binary(max_size=600))
def test_any_bytes_are_read(data: bytes) -> None:
    records, damaged = decoded(data)
    assert len(records) + damaged <= len(data) // 8 + 1
    assert all(isinstance(time_of(record), int) for record in records)


@given(st.data())
def test_changed_bytes_among_good_ones_are_read(data: st.DataObject) -> None:
    good = bytearray(
        perf_bytes.sample(1, 7, 2) + perf_bytes.fork(2, 3, 4) + perf_bytes.sample(3, 1, 4) + perf_bytes.lost(4, 5)
    )
    for _ in range(data.draw(st.integers(1, 8))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    records, _ = decoded(bytes(good))
    assert len(records) <= 5


# ------------------------------------------------------------------ other kernels
def test_the_offsets_are_those_of_the_format_file() -> None:
    # Before Linux 5.6 the protocol was one byte; here it comes first, and a field is added.
    other = FORMAT.replace("__u16 protocol;\toffset:30;\tsize:2", "__u8 protocol;\toffset:8;\tsize:1")
    other = re.sub(r"(skaddr|state|sport|dport|family|addr\[4\]|_v6\[16\])(;\toffset:)(\d+)", _eight_later, other)
    raw = bytearray(8 + 8) + perf_bytes.sample(1, 1, 4, name=5)[8 + 20 + 8 :]
    head = struct.pack("=iiQI", 10, 10, 1, len(raw))
    records: list[Record] = []
    damaged = Decoder(parse_format(other)).decode(perf_bytes.record(9, head + bytes(raw)), records).damaged
    (found,) = records
    assert isinstance(found, Sample) and damaged == 0
    assert (found.socket, found.old, found.new, found.local_port, found.remote4) == (5, 1, 4, 8080, b"\x0a\x02\x03\x04")


def _eight_later(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{int(found[3]) + 8}"


def test_fields_may_stand_in_another_order() -> None:
    swapped = FORMAT.replace("oldstate;\toffset:16", "oldstate;\toffset:20", 1)
    swapped = swapped.replace("newstate;\toffset:20", "newstate;\toffset:16", 1)
    records: list[Record] = []
    Decoder(parse_format(swapped)).decode(perf_bytes.sample(1, 4, 1), records)
    assert [(record.old, record.new) for record in records if isinstance(record, Sample)] == [(1, 4)]


@pytest.mark.parametrize(
    ("field", "instead"),
    [("skaddr;", "sock;"), ("saddr_v6[16];\toffset:40;\tsize:16", "saddr_v6[16];\toffset:40;\tsize:8"), ("24", "23")],
)
def test_a_tracepoint_that_is_not_understood_is_refused(field: str, instead: str) -> None:
    with pytest.raises(FormatError):
        Decoder(parse_format(FORMAT.replace(field, instead, 1)))
