"""Where each row of a view is, and which row takes the place of one that is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from sockview.model.group import OwnerGroup, RemoteGroup
from sockview.model.grouping import group_identity, key_of_identity
from sockview.model.inet_socket import InetSocket
from sockview.model.sorted_sockets import SortedSockets

#: Rows around the one where a key was last, in which it is looked for first.
NEAR: Final = 1000

#: What a row is known by: the cookie of a socket, else `group_identity`.
Identity = int | str | bytes
Rows = Sequence[InetSocket] | Sequence[OwnerGroup | RemoteGroup]

_cookie: Final[Callable[[Any], Identity]] = attrgetter("cookie")
_of_group: Final[Callable[[Any], Identity]] = attrgetter("identity")


class RowOrder:
    """The identities of all rows, from the first to the last: all that has to be kept of an earlier view."""

    def __init__(self, rows: Rows, whole: SortedSockets | None = None) -> None:
        """`whole` has all sockets of the table, if the rows are those of sockets: they are found quicker then."""
        self._rows: Sequence[Any] = rows
        self._whole = whole
        self._of_sockets = bool(rows) and isinstance(rows[0], InetSocket)
        self._identity_of = _cookie if self._of_sockets else _of_group
        self._identities: list[Identity] | None = None
        self._length = len(rows)

    def __len__(self) -> int:
        return self._length

    def let_go(self, rows: bool) -> None:
        """Keep of the table no more than the rows; if they are to go too, than what they are known by."""
        self._whole = None
        if rows:
            self._all()
            self._rows = ()

    def key(self, row: int) -> str:
        """The key of a row, as the screen knows it."""
        (found,) = self._slice(row, row + 1)
        return str(found) if isinstance(found, int) else key_of_identity(found)

    def find(self, key: str, hint: int = 0) -> int | None:
        """The row of a key, looked for around row `hint` first; None when it is not there."""
        if not self._of_sockets:
            return self._find(group_identity(key), hint)
        try:
            return self._find(int(key), hint)
        except ValueError:
            return None

    def neighbour(self, key: str, now: RowOrder, hint: int = 0) -> int | None:
        """The row of `now` that takes the place of `key`: the next key that still exists, else the one before.

        None when the key is not in this order, or none of its rows exists any more. It is looked for around row `hint`.
        """
        at = self.find(key, hint)
        if at is None:
            return None
        near = max(0, at - NEAR)
        for start, end, step in ((at, at + NEAR, 1), (at + NEAR, len(self), 1), (near, at, -1), (0, near, -1)):
            row = now._first_of(self._slice(start, end)[::step], at)
            if row is not None:
                return row
        return None

    def _first_of(self, wanted: Sequence[Identity], hint: int) -> int | None:
        """The row of the first of them that there is."""
        if self._whole is not None:
            known = self._whole.table.by_cookie
            wanted = [identity for identity in wanted if identity in known]
            if self._rows is self._whole.sockets:
                wanted = wanted[:1]
        left = set(wanted).intersection(self._all()) if len(wanted) > 1 else wanted
        return next((self._find(identity, hint) for identity in wanted if identity in left), None)

    def _find(self, wanted: Identity, hint: int) -> int | None:
        if hint >= 0 and self._slice(hint, hint + 1) == [wanted]:
            return hint
        if self._whole is not None and isinstance(wanted, int):
            s = self._whole.table.by_cookie.get(wanted)
            if s is None or self._rows is self._whole.sockets:
                return None if s is None else self._whole.place_of(s)
        near = max(0, min(hint, len(self)) - NEAR)
        for start, part in ((near, self._slice(near, near + 2 * NEAR)), (0, self._all())):
            if wanted in part:
                return start + part.index(wanted)
        return None

    def _slice(self, start: int, end: int) -> list[Identity]:
        if self._identities is not None:
            return self._identities[start:end]
        return list(map(self._identity_of, self._rows[start:end]))

    def _all(self) -> list[Identity]:
        if self._identities is None:
            self._identities = list(map(self._identity_of, self._rows))
        return self._identities
