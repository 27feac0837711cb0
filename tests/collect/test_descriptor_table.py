"""What is remembered of a table, against a dict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockview.collect.descriptor_links import CLOSED, Numbers
from sockview.collect.descriptor_table import PAGE, DescriptorTable, Links, by_page

LINKS = st.sampled_from([CLOSED, b"/dev/null", b"socket:[7]", b"socket:[8]", b"socket:[9]", b"pipe:[7]"])
FDS = st.sampled_from([0, 1, 2, 3, 500, PAGE - 1, PAGE, PAGE + 1, 5 * PAGE])


def pairs(links: Links) -> set[tuple[int, bytes]]:
    return set(zip(*links, strict=True))


def content(table: DescriptorTable) -> dict[int, int]:
    return {fd: inode for fds, inodes in table.sockets() for fd, inode in zip(fds, inodes, strict=True)}


@given(st.lists(st.dictionaries(FDS, LINKS, min_size=1), max_size=8))
def test_changes_are_told_and_kept(changes: list[dict[int, bytes]]) -> None:
    table, model = DescriptorTable(1), dict[int, bytes]()
    for change in changes:
        lost, gained = set(), set()
        for part in by_page(change):
            difference = table.change(part, [change[fd] for fd in part])
            lost |= pairs(difference.lost)
            gained |= pairs(difference.gained)
        moved = {fd: link for fd, link in change.items() if model.get(fd, CLOSED) != link}
        assert lost == {(fd, model[fd]) for fd in moved if fd in model}
        assert gained == {(fd, link) for fd, link in moved.items() if link}
        model = {fd: link for fd, link in (model | change).items() if link}
        assert table.count == len(model)
        assert [fd for number in table.pages() for fd in table.fds(number)] == sorted(model)
        assert content(table) == {fd: int(link[8:-1]) for fd, link in model.items() if link.startswith(b"socket:[")}
        assert set(table.loose()) == {fd for fd, link in model.items() if not link.startswith(b"socket:[")}
        for number in table.pages():
            assert table.compare(number, [model[fd] for fd in table.fds(number)]) is None


def test_a_page_compared_with_what_is_there_now() -> None:
    table = DescriptorTable(1)
    table.change([1, 2, 3], [b"socket:[7]", b"/x", b"socket:[8]"])
    difference = table.compare(0, [b"socket:[7]", CLOSED, b"socket:[9]"])
    assert difference is not None
    assert pairs(difference.lost) == {(2, b"/x"), (3, b"socket:[8]")}
    assert pairs(difference.gained) == {(3, b"socket:[9]")}
    assert content(table) == {1: 7, 3: 9}


def test_free_numbers() -> None:
    table, numbers = DescriptorTable(1), Numbers()
    assert table.free(1, numbers) == [*range(PAGE, 2 * PAGE)]
    table.change([0, 2], [b"/x", b"/y"])
    assert table.free(0, numbers)[:3] == [1, 3, 4]
    table.change([*range(PAGE)], [b"/x"] * PAGE)
    assert table.free(0, numbers) == []


def test_gaps() -> None:
    table = DescriptorTable(1)
    assert table.gaps() == [0]
    table.change([0, 1, 4], [b"/x"] * 3)
    assert table.gaps() == [2, 3, 5]
    table.change([PAGE + 2], [b"/x"])
    assert table.gaps() == [2, 3, *range(5, PAGE + 2), PAGE + 3]
    table.change([9 * PAGE], [b"/x"])
    assert len(table.gaps()) < 3 * PAGE, "not all that are far away"


def test_tables_that_are_alike() -> None:
    one, other = DescriptorTable(1), DescriptorTable(2)
    for table in (one, other):
        table.change([0, 2], [b"/x", b"socket:[7]"])
    assert one.likeness() == other.likeness()
    other.change([2], [b"socket:[8]"])
    assert one.likeness() != other.likeness()


def test_other_sockets() -> None:
    others = DescriptorTable(1).others
    for fd in (3, 4, 5):
        others.add(7, fd)
    others.add(8, 6)
    assert (set(others.fds()), others.among({7, 9}), others.among(set())) == ({3, 4, 5, 6}, {7}, set())
    assert others.drop(7, 4) and not others.drop(7, 4) and not others.drop(9, 4)
    assert others.take(7) == (3, 5) and 7 not in others and others.take(7) == ()
    assert others.drop(8, 6) and not list(others.fds())
