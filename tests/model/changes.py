"""Snapshots of a source that tells changes: what did not change is the same object, and the change is a true one."""

from __future__ import annotations

from dataclasses import replace

from sockview.model.snapshot import Change, Snapshot


def change_between(before: Snapshot, after: Snapshot) -> Change:
    """In what `after` differs from `before`: sockets by their identity as objects, holders by what they are."""
    earlier, later = ({id(s) for s in snapshot.sockets} for snapshot in (before, after))
    return Change(
        since=before.serial,
        gone=tuple(s for s in before.sockets if id(s) not in later),
        come=tuple(s for s in after.sockets if id(s) not in earlier),
        reheld=tuple(
            s for s in after.sockets if id(s) in earlier and before.holders.get(s.inode) != after.holders.get(s.inode)
        ),
    )


def following(before: Snapshot, after: Snapshot) -> Snapshot:
    """`after` as the source delivers it that delivered `before`, whose serial must not be 0."""
    assert before.serial, "a source that tells changes numbers its snapshots"
    known = {s: s for s in before.sockets}
    holders = {
        inode: held if before.holders.get(inode) != held else before.holders[inode]
        for inode, held in after.holders.items()
    }
    sockets = tuple(known.get(s, s) for s in after.sockets)
    told = replace(after, sockets=sockets, holders=holders, serial=before.serial + 1)
    whole = before.complete and told.complete  # else no source tells a change
    return replace(told, change=change_between(before, told) if whole else None)
