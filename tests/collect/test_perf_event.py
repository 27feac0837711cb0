"""The ring of records: how it is read round and round, and how large it is."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.collect.perf_event import BUDGET, LARGEST, SMALLEST, online_cpus, ring_size
from tests.collect.perf_bytes import FilledRing

SIZE = 4096


@given(st.integers(0, 3 * SIZE), st.lists(st.lists(st.integers(1, 40), max_size=20), max_size=30))
def test_what_was_written_is_read_once_wherever_the_circle_begins(start: int, rounds: list[list[int]]) -> None:
    ring = FilledRing(SIZE, start * 8)
    serial = 0
    for lengths in rounds:
        written = []
        for length in lengths:
            serial += 1
            written.append(struct.pack("=Q", serial) * length)
        fits = b"".join(written)[:SIZE]
        ring.write(*(fits[at : at + 8] for at in range(0, len(fits), 8)))
        assert ring.read() == fits
        assert ring.read() == b""


def test_it_gives_the_room_back() -> None:
    ring = FilledRing(SIZE)
    for _ in range(5):
        ring.write(b"x" * 3000)
        assert ring.read() == b"x" * 3000
    assert struct.unpack_from("=QQ", ring.bytes, 1024) == (15000, 15000)


def test_a_ring_without_room_for_one_record_more_was_full() -> None:
    ring = FilledRing(SIZE)
    ring.write(b"x" * (SIZE - 512))
    ring.read()
    assert not ring.was_full
    ring.write(b"x" * (SIZE - 504))
    ring.read()
    assert ring.was_full


def test_a_damaged_head_is_a_ring_that_was_full() -> None:
    ring = FilledRing(SIZE)
    struct.pack_into("=Q", ring.bytes, 1024, 1 << 63)
    assert (ring.read(), ring.was_full) == (b"", True)
    assert ring.read() == b""


def test_rings_share_the_budget_within_their_bounds() -> None:
    assert [ring_size(cpus) for cpus in (0, 1, 4, 5, 8, 64, 65, 1024)] == [
        *(LARGEST, LARGEST, LARGEST, LARGEST // 2, LARGEST // 2),
        *(SMALLEST, SMALLEST, SMALLEST),
    ]
    assert 4 * LARGEST == 64 * SMALLEST == BUDGET


@pytest.mark.parametrize(
    ("text", "cpus"), [("0\n", [0]), ("0-3,8\n", [0, 1, 2, 3, 8]), ("2,4-5\n", [2, 4, 5]), ("\n", [])]
)
def test_only_cpus_that_are_online_are_listened_to(tmp_path: Path, text: str, cpus: list[int]) -> None:
    (tmp_path / "online").write_text(text)
    assert online_cpus(str(tmp_path / "online")) == cpus


def test_without_a_list_all_cpus_are_tried(tmp_path: Path) -> None:
    assert online_cpus(str(tmp_path / "online"))[0] == 0
