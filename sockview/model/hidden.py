"""How many sockets are held by a process into which this user may not look."""

from __future__ import annotations

from sockview.model.attribution import Attributor
from sockview.model.join import Join
from sockview.model.owner import NoOwner
from sockview.model.trace_memory import CLOSED_INTO


def count_hidden(join: Join, attributor: Attributor) -> int:
    """The sockets of which NoOwner.HIDDEN is said."""
    snapshot, holders = join.snapshot, join.snapshot.holders
    if not join.nameless or not snapshot.owners_read or not snapshot.unreadable:
        return 0
    if snapshot.privileged:
        return sum(attributor.attribution(s).no_owner is NoOwner.HIDDEN for s in join.flying.values())
    # All of them are, and there are many, but for those of which it is known who closed them.
    closing = [s for state in CLOSED_INTO for s in join.of_state(state) if s.inode and s.inode not in holders]
    return join.nameless - sum(bool(attributor.attribution(s).owners) for s in closing)
