"""Meets again in a dump what the one before it held, at almost no cost where the two are alike. No I/O.

The kernel walks its hash table in the same order each time, so nearly all of a dump is what came
before, in the same order: long stretches are compared in one go. Where the two differ they are
aligned anew. A row that is passed over by that is kept: it may still come in another place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, count, islice
from operator import ne
from typing import Final

from sockview.collect.socket_rows import split
from sockview.model.inet_socket import InetSocket

#: So many rows that have come, gone or changed in one place are looked for without looking through all.
_NEAR: Final = 3
#: Rows compared one by one in one go.
_WINDOW: Final = 64
#: Stretches left behind in one step.
_STRETCHES_A_STEP: Final = 10


@dataclass(slots=True)
class Stretch:
    """Rows of one length that came in one chunk (see `Rows`)."""

    family: int
    size: int
    """Bytes of a message."""
    stride: int
    """Bytes of a row."""
    rows: bytes
    sockets: list[InetSocket]
    """The value of each."""
    new: Sequence[int] = ()
    """The numbers of the rows whose values were not known before."""

    def row(self, number: int) -> bytes:
        """The bytes of one row; empty behind the last."""
        return self.rows[number * self.stride : (number + 1) * self.stride]

    def remove(self, number: int) -> InetSocket:
        """Take out a row; its value."""
        at = number * self.stride
        self.rows = self.rows[:at] + self.rows[at + self.stride :]
        return self.sockets.pop(number)


class KnownRows:
    """The rows of one length that the last dump had."""

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        self._stretches = deque(stretches)
        """What has not been passed yet, the first of them from `_at` on."""
        self._at = 0
        self._rows: list[bytes] | None = None
        """Those of the first stretch, once they have been needed one by one."""
        self.passed: dict[bytes, InetSocket] = {}
        """Row -> value of those that were passed over."""

    def meet(self, block: bytes, stride: int) -> tuple[list[InetSocket | None], list[int]]:
        """The value of each row in a block of rows, None where it was not met; the numbers of these."""
        found: list[InetSocket | None] = []
        missed: list[int] = []
        rows: list[bytes] = []
        at, end = 0, len(block) // stride
        while at < end and self._stretches:
            alike = self._all_alike(block, at, end)
            if alike:
                found += self._stretches[0].sockets[self._at : self._at + alike]
                self._move(alike)
                at += alike
            else:
                rows = rows or split(block, stride)
                at = self._meet_singly(rows, at, found, missed)
        missed += range(at, end)
        return found + [None] * (end - at), missed

    def _meet_singly(self, rows: Sequence[bytes], at: int, found: list[InetSocket | None], missed: list[int]) -> int:
        """Go on from the row at `at` to the end of the rows or that of the first stretch; the row reached."""
        old, sockets, start = self._first_rows(), self._stretches[0].sockets, self._at
        end, old_end = len(rows), len(old)
        while at < end and start < old_end:
            if rows[at] == old[start]:
                differs = map(ne, rows[at : at + _WINDOW], old[start : start + _WINDOW])
                alike = next(compress(count(), differs), min(_WINDOW, end - at, old_end - start))
                found += sockets[start : start + alike]
                at += alike
                start += alike
            elif start + 1 < old_end and old[start + 1] == rows[at]:  # one has gone
                self.passed[old[start]] = sockets[start]
                start += 1
            elif at + 1 < end and rows[at + 1] == old[start]:  # one has come
                found.append(None)
                missed.append(at)
                at += 1
            else:
                self._at = start
                unknown = self._align(rows, at)
                found += [None] * unknown
                missed += range(at, at + unknown)
                at += unknown
                if self._rows is not old:
                    return at
                start = self._at
        self._move(start - self._at)
        return at

    def pass_rest(self) -> Generator[None, None, None]:
        """No row will come any more. In small steps."""
        for number in range(1, len(self._stretches) + 1):
            self._pass(len(self._stretches[0].sockets) - self._at)
            if number % _STRETCHES_A_STEP == 0:
                yield

    def _all_alike(self, block: bytes, at: int, end: int) -> int:
        """How many rows both the block from `at` on and the first stretch have, if these are alike; else 0."""
        old = self._stretches[0]
        stride = old.stride
        both = min(end - at, len(old.sockets) - self._at)
        here, there = at * stride, self._at * stride
        return both if block[here : here + both * stride] == old.rows[there : there + both * stride] else 0

    def _first_rows(self) -> list[bytes]:
        if self._rows is None:
            self._rows = split(self._stretches[0].rows, self._stretches[0].stride)
        return self._rows

    def _move(self, rows: int) -> None:
        self._at += rows
        if self._at == len(self._stretches[0].sockets):
            self._stretches.popleft()
            self._at, self._rows = 0, None

    def _pass(self, rows: int) -> None:
        """Leave rows of the first stretch behind."""
        end = self._at + rows
        self.passed.update(
            zip(self._first_rows()[self._at : end], self._stretches[0].sockets[self._at : end], strict=True)
        )
        self._move(rows)

    def _align(self, rows: Sequence[bytes], at: int) -> int:
        """The row at `at` is not the next: move to where both go on alike. How many rows are unknown before that."""
        if at + 1 == len(rows):
            return 1
        old, new = self._first_rows()[self._at : self._at + _NEAR + 1], rows[at : at + _NEAR + 1]
        for near in range(1, _NEAR + 1):
            old_row, new_row = (some[near] if near < len(some) else None for some in (old, new))
            if old_row == new_row and old_row:  # changed where they are
                self._pass(near)
                return near
            if old_row == new[0]:  # gone
                self._pass(near)
                return 0
            if new_row == old[0]:  # come
                return near
        return self._align_far(rows, at)

    def _align_far(self, rows: Sequence[bytes], at: int) -> int:
        """The same for all that is left of the block, within two stretches of what was."""
        places: dict[bytes, tuple[int, int]] = {}
        for ahead, old in enumerate(islice(self._stretches, 2)):
            for number, row in enumerate(split(old.rows, old.stride)):
                if ahead or number >= self._at:
                    places[row] = (ahead, number)
        for new in range(at, len(rows)):
            ahead, number = places.get(rows[new], (0, -1))
            if number >= 0:
                if ahead:
                    self._pass(len(self._stretches[0].sockets) - self._at)
                self._pass(number - self._at)
                return new - at
        return len(rows) - at
