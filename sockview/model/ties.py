"""Whether a process that is reported to have closed a socket has anything else to do with it.

The kernel reports whoever lets go of a socket last. As a rule that is its owner, but it can be one who only looked:
reading ``/proc/PID/fd`` holds every file for a moment (proc_readfd_common and proc_fd_link, ``fs/proc/fd.c``), and if
the owner closes it in that moment, the reader is the last. And a report tells addresses but no network namespace: a
process that got a descriptor from another namespace may close a socket there that has the same two ends.
So a report is believed where it agrees with what else is known, or where nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sockview.model.attribution import covers, distinct
from sockview.model.facts import Remembered
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Process
from sockview.model.snapshot import Snapshot
from sockview.model.trace_memory import Traced

#: The ancestor of everybody, and it may listen for others: to be its child ties a process to nothing.
_INIT = 1


class Ties:
    """What ties processes to the sockets of one snapshot."""

    def __init__(
        self, snapshot: Snapshot, remembered: Mapping[int, Remembered], listeners: Iterable[InetSocket]
    ) -> None:
        """`remembered` goes by cookie, `listeners` are the snapshot's LISTEN sockets."""
        self._holders = snapshot.holders
        self._remembered = remembered
        self._listeners: dict[int, list[InetSocket]] = {}
        for listener in listeners:
            self._listeners.setdefault(listener.local_port, []).append(listener)
        self._by_local_end: dict[tuple[int, int, bytes], Sequence[Process]] = {}

    def believed(self, s: InetSocket, told: Traced) -> Traced:
        """What is reported of a socket; if others are tied to it, and the closer is not, it is not certain any more."""
        closer = told.closer
        if closer is None:
            return told
        tied = self._tied(s, told.opener)
        if not tied or any(_is_same(process, closer) or _INIT < process.pid == told.parent for process in tied):
            return told
        return told._replace(closers=distinct((closer, *tied)), certain=False, disbelieved=True)

    def _tied(self, s: InetSocket, opener: Process | None) -> Sequence[Process]:
        """Those that hold it, or held it when last looked at, opened it, or listen on its local port."""
        known = self._remembered.get(s.cookie)
        holders = (*self._holders.get(s.inode, ()), *(known.holders if known else ()))
        tied = [holder.process for holder in holders]
        if opener is not None:
            tied.append(opener)
        return [*tied, *self._listening(s)] if s.local_port in self._listeners else tied

    def _listening(self, s: InetSocket) -> Sequence[Process]:
        end = (s.protocol, s.local_port, s.local_address)
        found = self._by_local_end.get(end)
        if found is None:
            listeners = [
                listener
                for listener in self._listeners[s.local_port]
                if listener.protocol == s.protocol and covers(listener, s.local_address)
            ]
            holders = [holder for listener in listeners for holder in self._holders.get(listener.inode, ())]
            found = self._by_local_end[end] = distinct(holder.process for holder in holders)
        return found


def _is_same(one: Process, other: Process) -> bool:
    """A stand-in for the start of a process that had gone before it could be looked at may be any start."""
    return one.pid == other.pid and (one.started == other.started or one.started < 0 or other.started < 0)
