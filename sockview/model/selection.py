"""Some sockets of a table, in some order, each with the process that alone holds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, compress
from typing import TypeVar

from sockview.model.attribution import Claim
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Process
from sockview.model.socket_table import SocketTable

T = TypeVar("T")

#: The process that alone holds a socket, as nearly every one is held; else each that owns it, by PID.
Owners = Process | tuple[Claim, ...]


class Selection:
    """A value. Who holds or owns each socket is looked up when it is asked for, unless it is known."""

    __slots__ = ("_holders", "_owners", "sockets", "table")

    def __init__(
        self,
        table: SocketTable,
        sockets: Sequence[InetSocket],
        holders: Sequence[Process | None] | None = None,
        owners: Sequence[Owners] | None = None,
    ) -> None:
        self.table = table
        self.sockets = sockets
        self._holders = holders
        self._owners = owners

    def __len__(self) -> int:
        return len(self.sockets)

    @property
    def holders(self) -> Sequence[Process | None]:
        """`SocketTable.sole_holders` of the sockets."""
        if self._holders is None:
            self._holders = self.table.sole_holders(self.sockets)
        return self._holders

    @property
    def owners(self) -> Sequence[Owners]:
        """Of each socket its only holder, else everybody who owns it."""
        if self._owners is None:
            claims = self.table.claims
            self._owners = [
                tuple(claims(s)) if holder is None else holder
                for s, holder in zip(self.sockets, self.holders, strict=True)
            ]
        return self._owners

    def parts(self, size: int) -> Iterator[Selection]:
        """The same in slices of at most `size`."""
        holders, owners = self._holders, self._owners
        for start in range(0, len(self.sockets), size):
            part = slice(start, start + size)
            yield Selection(
                self.table,
                self.sockets[part],
                None if holders is None else holders[part],
                None if owners is None else owners[part],
            )

    def where(self, mask: Sequence[bool]) -> Selection:
        """Those for which the mask, which has an answer for each, is true."""
        return Selection(
            self.table,
            list(compress(self.sockets, mask)),
            None if self._holders is None else list(compress(self._holders, mask)),
            None if self._owners is None else list(compress(self._owners, mask)),
        )

    @classmethod
    def joined(cls, table: SocketTable, selections: Sequence[Selection]) -> Selection:
        """One of several, in their order."""
        return cls(
            table,
            list(chain.from_iterable([one.sockets for one in selections])),
            _joined([one._holders for one in selections]),
            _joined([one._owners for one in selections]),
        )


def _joined(lists: Sequence[Sequence[T] | None]) -> list[T] | None:
    """None where one of them is."""
    known = [one for one in lists if one is not None]
    return list(chain.from_iterable(known)) if len(known) == len(lists) else None
