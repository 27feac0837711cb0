"""Some sockets of a table and who owns them: the same, whatever was known before."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sockview.model.owner import Process
from sockview.model.selection import Selection
from tests.model.builders import busy_snapshot, make_socket, make_table

ORPHAN = make_socket("LAST_ACK", "10.0.0.7:9", cookie=9)
LATER = busy_snapshot(200, clock=101.0, offset=20)
TABLE = make_table(busy_snapshot(200), replace(LATER, sockets=(*LATER.sockets, ORPHAN)))
SOCKETS = TABLE.snapshot.sockets


def owners_of(selection: Selection) -> list[set[tuple[int, int]]]:
    return [
        {owners.identity} if isinstance(owners, Process) else {claim.process.identity for claim in owners}
        for owners in selection.owners
    ]


def test_the_owners_are_those_of_the_attribution() -> None:
    expected = [{owner.process.identity for owner in TABLE.attribution(s).owners} for s in SOCKETS]
    assert owners_of(Selection(TABLE, SOCKETS)) == expected
    assert any(len(found) == 1 for found in expected) and not all(expected)


@given(
    mask=st.lists(st.booleans(), min_size=len(SOCKETS), max_size=len(SOCKETS)),
    size=st.integers(1, 300),
    asked=st.sets(st.integers(0, 300)),
    known=st.booleans(),
)
def test_in_parts_or_whole_it_is_the_same(mask: list[bool], size: int, asked: set[int], known: bool) -> None:
    """Parts that were asked for their owners keep them."""
    whole = Selection(TABLE, SOCKETS, TABLE.sole_holders(SOCKETS) if known else None)
    parts = list(whole.parts(size))
    assert max(map(len, parts)) <= size
    for number, part in enumerate(parts):
        if number in asked:
            assert len(part.owners) == len(part)
    joined = Selection.joined(TABLE, parts)
    picked = joined.where(mask)
    expected = Selection(TABLE, [s for s, wanted in zip(SOCKETS, mask, strict=True) if wanted])
    assert list(joined.sockets) == list(SOCKETS)
    assert (list(picked.sockets), list(picked.holders)) == (list(expected.sockets), list(expected.holders))
    assert owners_of(picked) == owners_of(expected)


def test_none() -> None:
    nothing = Selection.joined(TABLE, [])
    assert (len(nothing), list(nothing.owners), list(nothing.parts(5))) == (0, [], [])
