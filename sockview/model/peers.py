"""Which processes talk to a remote end: the likely owners of the sockets to it that nobody holds any more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import itemgetter
from types import MappingProxyType
from typing import Final, NamedTuple

from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Process

#: Looks at which a process must have been the only one, before sockets are said to be its that came and were closed
#: between two looks.
LOOKS: Final = 5

RemoteEnd = tuple[int, bytes, int]
"""Protocol, remote address, remote port."""

_end_of = itemgetter(*map(InetSocket._fields.index, ("protocol", "remote_address", "remote_port")))


def end_of(s: InetSocket) -> RemoteEnd:
    """The remote end of a socket."""
    end: RemoteEnd = _end_of(s)
    return end


class Talkers(NamedTuple):
    """Who has, and had, sockets to one remote end."""

    processes: tuple[Process, ...] = ()
    """Each that holds one now, by PID."""
    past: tuple[Process, ...] = ()
    """Each other one that is known to have held or closed one in the last minute, by PID."""
    hidden: bool = False
    """One is, or was, held by a process that can't be seen."""
    in_flight: bool = False
    """One was held by nobody in sight: it may have been opened or closed at that moment."""
    since: float = -math.inf
    """Monotonic seconds: all that are held now were opened after this."""
    left: Mapping[tuple[int, int], float] = MappingProxyType({})
    """(PID, start) of those of `past` of which no socket is there any more -> monotonic seconds of the last look at
    which one was."""
    looks: int = 0
    """Looks at which it was the only one, if there is but one; no more than LOOKS are counted."""

    def only(self, *, unseen: bool) -> Process | None:
        """The one process that talks to it, if there is but one.

        `unseen`: it is asked for the sake of a socket that came and was closed between two looks. Others may have many
        that are so brief, and be passed over by a look or two.
        """
        everyone = (*self.processes, *self.past)
        if len(everyone) != 1 or self.hidden:
            return None
        enough = self.looks >= LOOKS or (bool(self.processes) and not unseen and not self.in_flight)
        return everyone[0] if enough else None


NOBODY: Final = Talkers()


class Peers:
    """The talkers of the remote ends that were asked for at one look; of any other end nothing is known. Immutable."""

    def __init__(self, talkers: Mapping[RemoteEnd, Talkers] = MappingProxyType({}), clock: float = 0.0) -> None:
        self.talkers = talkers
        """Without the ends to which nobody is known to talk."""
        self.clock = clock
        """Monotonic seconds of the look."""

    def of(self, s: InetSocket) -> Talkers:
        """Those of the remote end of `s`."""
        return self.talkers.get(end_of(s), NOBODY)
