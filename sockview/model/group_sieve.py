"""Picks the sockets of one group."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar

from sockview.model.filter_logic import AllOf
from sockview.model.filter_lookups import by_owner
from sockview.model.filter_terms import Cost, Mask, nothing
from sockview.model.grouping import has_peer, process_identity
from sockview.model.inet_socket import packed_address
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable


def sieve_group_steps(selection: Selection, key: str) -> Generator[None, None, Selection]:
    """Those of some sockets that are in the group; none for a key of no group that there is."""
    return AllOf((_Membership(key),)).sieve_steps(selection)


@dataclass(frozen=True, slots=True)
class _Membership:
    """In the group of that key."""

    key: str
    cost: ClassVar[Cost] = Cost.OWNER

    def compile(self, table: SocketTable) -> Mask:
        table, key = table, self.key
        kind, _, rest = key.partition(":")
        if kind == "pid":
            identity = process_identity(rest)
            return by_owner(lambda process: process.identity == identity)
        if key == "remote:*":
            return lambda asked: [not has_peer(s) for s in asked.sockets]
        if kind == "remote":
            address = packed_address(rest)
            return lambda asked: [s.remote_address == address and has_peer(s) for s in asked.sockets]
        if kind == "none":
            claims_of, reason_of = table.claims, table.reason
            return lambda asked: [
                holder is None and not claims_of(s) and reason_of(s) == rest
                for s, holder in zip(asked.sockets, asked.holders, strict=True)
            ]
        return nothing
