"""Links of descriptors, as they are read and parsed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sockview.collect.descriptor_links import CLOSED, UNNAMED, Numbers, list_descriptors, parse_sockets, read_links


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([], []),
        ([b"socket:[7]"], [(0, 7)]),
        ([b"socket:[7]", b"socket:[8]", b"socket:[7]"], [(0, 7), (1, 8), (2, 7)]),
        ([b"/dev/null", b"socket:[8]", UNNAMED, b"pipe:[9]"], [(1, 8)]),
        ([b"socket:[", b"socket:[]", b"socket:[x]", b"socket:[7", b"socket:[5]"], [(4, 5)]),
        ([b"/a]", b"socket:[1]"], [(1, 1)]),
        ([b"/abcdefg12]", b"socket:[1]"], [(1, 1)]),
        ([b"socket:[1]", b"/x]socket:[2]"], [(0, 1)]),
        ([b"socket:[1]", b"/socket:[2]", b"anon_inode:[eventpoll]"], [(0, 1)]),
    ],
)
def test_sockets_among_links(links: list[bytes], expected: list[tuple[int, int]]) -> None:
    fds, inodes = parse_sockets(range(len(links)), links)
    assert list(zip(fds, inodes, strict=True)) == expected


def test_links_are_read_past_those_that_are_closed(tmp_path: Path) -> None:
    for name, target in (("3", "socket:[7]"), ("5", "/x"), ("6", "é")):
        (tmp_path / name).symlink_to(target)
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        numbers = Numbers()
        assert read_links(directory, numbers.names([2, 3, 4, 5, 6, 7])) == [
            CLOSED,
            b"socket:[7]",
            CLOSED,
            b"/x",
            "é".encode(),
            CLOSED,
        ]
        assert list_descriptors(directory) == {3, 5, 6}
    finally:
        os.close(directory)
    with pytest.raises(OSError, match="Bad file"):
        read_links(directory, [b"3"])


def test_numbers_are_the_same_objects_until_they_are_too_many() -> None:
    numbers = Numbers()
    one, other = numbers.run(1000, 1010), numbers.same([1005, 1002])
    assert (one, other) == ([*range(1000, 1010)], [1002, 1005])
    assert other[1] is one[5]
    assert list(numbers.names(other)) == [b"1002", b"1005"]
    far = numbers.same([7, 2_000_000_000])
    assert far == [7, 2_000_000_000] and list(numbers.names(far)) == [b"7", b"2000000000"]
    assert numbers.run(2_000_000_000, 2_000_000_002) == [2_000_000_000, 2_000_000_001]
