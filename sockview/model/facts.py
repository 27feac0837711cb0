"""What is known of the sockets of one snapshot besides what they show themselves: by cookie, from all looks so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from sockview.model.age import Since
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Holder
from sockview.model.snapshot import Snapshot
from sockview.model.trace_memory import Traced, closed_by


class Remembered(NamedTuple):
    """What earlier snapshots told about a socket that no process is seen to hold now."""

    holders: tuple[Holder, ...]
    """Its holders when last looked at; empty if none were ever seen."""
    uid: int | None
    cgroup_id: int | None
    missed: int = 0
    """Looks that found it with an inode, but with no holder."""


@dataclass(frozen=True)
class Facts:
    """Nothing in it changes once it is made."""

    snapshot: Snapshot
    since: Mapping[int, Since] = field(default_factory=dict)
    """Cookie -> since when it is in its state; of every socket of the snapshot, and of some that it may lack."""
    remembered: Mapping[int, Remembered] = field(default_factory=dict)
    """Of sockets that nobody is seen to hold."""
    traced: Mapping[int, Traced] = field(default_factory=dict)
    """What the kernel reported of them."""
    listeners: Sequence[InetSocket] = ()
    """The snapshot's LISTEN sockets."""

    @cached_property
    def listening(self) -> frozenset[int]:
        """Local ports on which somebody listens."""
        return frozenset(listener.local_port for listener in self.listeners)

    @property
    def may_be_hidden(self) -> bool:
        """Whether processes that can't be seen have to be reckoned with. The few into which not even root may look do
        not count: of whom no holder is seen was more probably being opened or closed.
        """
        return self.snapshot.unreadable > 0 and not self.snapshot.privileged

    def counts_on(self, earlier: Facts) -> bool:
        """Whether what the sockets told by their ends at an earlier look they tell still, if they have not changed."""
        return self.listening == earlier.listening and self.may_be_hidden == earlier.may_be_hidden

    def began_in_sight(self, s: InetSocket) -> bool:
        """Whether it came into its state while sockview looked on."""
        since = self.since.get(s.cookie)
        return since is not None and since.slack is not None

    def closed_by(self, s: InetSocket) -> float:
        """Monotonic seconds at which it was closed at the latest."""
        since = self.since.get(s.cookie)
        latest = closed_by(s, self.snapshot.clock + self.snapshot.dump_seconds)
        return latest if since is None else min(latest, since.clock)
