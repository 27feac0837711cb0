"""What the looks before knew of sockets that nobody holds any more, or that a look has passed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import nlargest
from typing import Final

from sockview.model.facts import Facts, Remembered
from sockview.model.inet_socket import InetSocket
from sockview.model.join import Join

#: How many sockets that a snapshot did not show are kept in memory.
ABSENT_LIMIT: Final = 50_000

#: A socket closed between the dump and the look at the descriptors shows an inode and no holder, once.
#: Seen so a second time it has another holder, one that can't be seen, and the memory is void.
MISSES_ALLOWED: Final = 1


class Recall:
    """Asks the memory of the look before."""

    def __init__(self, earlier: Facts, by_cookie: Mapping[int, InetSocket]) -> None:
        """`earlier` is what was known at the look before, `by_cookie` the sockets that it showed."""
        self._earlier = earlier
        self._by_cookie = by_cookie

    def recall(self, part: Sequence[InetSocket], join: Join) -> None:
        """Remember those of `part` that nobody holds now. A stand-in cookie may be another socket's: never."""
        holders, looked = join.snapshot.holders, join.snapshot.owners_read
        for s in [s for s in part if s.inode not in holders]:
            known = self._known(s.cookie) if s.cookie > 0 else None
            if known is None or (s.inode and not known.holders):
                continue
            if s.inode and looked:
                known = known._replace(missed=known.missed + 1)
                if known.missed > MISSES_ALLOWED:
                    continue
                join.missed.append(s.cookie)
            join.remembered[s.cookie] = known

    def keep_absent(self, join: Join, last: Join | None) -> None:
        """Keep the newest of the sockets that may be there although this snapshot does not show them.

        An incomplete one proves nothing. A complete one can pass over a few: the kernel counts its way along a
        chain of its hash table, from which an earlier socket may go meanwhile (inet_diag_dump_icsk,
        net/ipv4/inet_diag.c). So what was there the look before is known for one more. A cookie is never given
        to another socket; a stand-in may be. `last`: the join that this one continues.
        """
        since, traced = self._earlier.since, self._earlier.traced
        if not join.snapshot.complete:
            absent = [cookie for cookie in since if cookie not in join.by_cookie]
        elif last is not None:
            absent = [s.cookie for s in join.gone if s.cookie not in join.by_cookie and s.cookie > 0]
        else:
            absent = [cookie for cookie in self._by_cookie if cookie not in join.by_cookie and cookie > 0]
        if len(absent) > ABSENT_LIMIT:  # those that went missing last, and of these the newest
            absent = nlargest(ABSENT_LIMIT, absent, key=lambda cookie: (cookie in self._by_cookie, cookie))
        for cookie in absent:
            join.since[cookie] = since[cookie]
            known = self._known(cookie) if cookie > 0 else None
            if known is not None:
                join.remembered[cookie] = known
            if cookie in traced:
                join.traced[cookie] = traced[cookie]
        join.absent = absent

    def _known(self, cookie: int) -> Remembered | None:
        """What the look before knew of a socket: its own memory, else what it saw itself."""
        known = self._earlier.remembered.get(cookie)
        if known is not None:
            return known
        before = self._by_cookie.get(cookie)
        if before is None or not before.inode:
            return None
        holders = self._earlier.snapshot.holders.get(before.inode, ())
        return Remembered(holders, before.uid, before.cgroup_id)
