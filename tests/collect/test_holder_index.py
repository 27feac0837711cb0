"""Holders from look to look."""

from __future__ import annotations

from sockview.collect.holder_index import HolderIndex
from sockview.model.owner import Holder, Process
from tests.collect.steps import finish

ONE, OTHER = Process(1, "a", "a", 1), Process(2, "b", "b", 1)


def begun(index: HolderIndex) -> HolderIndex:
    index.begin(anew=True)
    index.gain(ONE, [3, 4, 5], [7, 8, 7])
    index.gain(OTHER, [3], [8])
    assert finish(index.finish())[0] == {7, 8}
    return index


def test_holders_in_order() -> None:
    index = begun(HolderIndex())
    assert index.by_inode == {7: (Holder(ONE, 3), Holder(ONE, 5)), 8: (Holder(ONE, 4), Holder(OTHER, 3))}


def test_what_comes_and_goes_within_a_look_is_no_change() -> None:
    index = begun(HolderIndex())
    before = index.by_inode
    index.begin(anew=False)
    index.lose(1, 3, 7)
    index.gain(ONE, [3], [7])
    index.gain(ONE, [9], [9])
    index.lose(1, 9, 9)
    index.lose(5, 9, 9)
    assert index.retire(8) == before[8]
    index.gain(OTHER, [3], [8])
    index.gain(ONE, [4], [8])
    assert finish(index.finish())[0] == frozenset()
    assert index.by_inode == before and index.by_inode is not before
    assert all(index.by_inode[inode] is before[inode] for inode in before)


def test_who_held_a_socket_that_gets_another_holder() -> None:
    index = begun(HolderIndex())
    index.begin(anew=False)
    index.gain(OTHER, [9, 10], [7, 9])
    assert index.joined == {7: (Holder(ONE, 3), Holder(ONE, 5))}
    assert finish(index.finish())[0] == {7, 9}
    assert index.joined == {}


def test_begun_anew_it_is_compared_with_what_was_handed_out() -> None:
    index = begun(HolderIndex())
    before = index.by_inode
    index.begin(anew=False)
    index.retire(7)  # this look is given up
    index.begin(anew=True)
    index.gain(ONE, [3, 5], [7, 7])
    assert finish(index.finish())[0] == {8}
    assert index.by_inode == {7: before[7]} and index.by_inode[7] is before[7]


def test_many_are_compared_in_steps() -> None:
    index = HolderIndex()
    index.begin(anew=True)
    index.gain(ONE, range(9000), range(9000))
    finish(index.finish())
    index.begin(anew=False)
    for inode in range(9000):
        index.retire(inode)
    changed, steps = finish(index.finish())
    assert (len(changed), index.by_inode) == (9000, {})
    assert steps >= 3
