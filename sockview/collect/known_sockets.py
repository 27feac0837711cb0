"""The sockets of one table of the kernel, decoded only where a dump differs from the one before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator
from itertools import chain, compress, repeat
from operator import itemgetter
from typing import Final, NamedTuple, cast

from sockview.collect.known_rows import KnownRows, Stretch
from sockview.collect.socket_rows import Rows, padded
from sockview.collect.socket_values import Decoder, cookie_half, cookie_halves
from sockview.model.inet_socket import InetSocket

#: Seconds by which the end of a countdown may seem to move while it runs on: two readings are each off by a tick of the
#: kernel (10 ms at CONFIG_HZ=100) and by the time that it takes to write a chunk.
COUNTDOWN_SLACK: Final = 0.1

#: Stretches looked through in one step.
_STRETCHES_A_STEP: Final = 50
#: Stretches filled in one step: mostly of a few new sockets each, but all may be new.
_FILLED_A_STEP: Final = 16
#: Sockets looked through in one step.
_SLICE: Final = 10_000

_Kind = tuple[int, int]
"""Family and length of a message."""
_cookie_of = itemgetter(InetSocket._fields.index("cookie"))


class _Open(NamedTuple):
    """The rows of a stretch that were not met where they were before."""

    stretch: Stretch
    expires: list[int]
    read_at: float


class KnownSockets:
    """What the last dump of one family and protocol showed. A message that is what it was gives the same value.

    For each dump: `begin`, `take` for what was received, `finish`. One that breaks off is to be forgotten, or
    begun again.
    """

    def __init__(self, protocol: int, decoder: Decoder | None = None) -> None:
        """`decoder`: may serve several tables."""
        self._protocol = protocol
        self._decoder = Decoder() if decoder is None else decoder
        self._stretches: list[Stretch] = []
        """Those of the present dump, in their order."""
        self._before: dict[_Kind, KnownRows] = {}
        """The dump before it, as far as it was not met again."""
        self._open: dict[_Kind, list[_Open]] = defaultdict(list)
        self._reading = False
        self.gone: list[InetSocket] = []
        """Values of the dump before this one that are not in this one."""
        self.come: list[InetSocket] = []
        """Values of this dump that were not in the one before."""
        self.comparable = True
        """Whether they are right: not so after a dump that broke off."""

    def __iter__(self) -> Iterator[InetSocket]:
        """The sockets of the finished dump, each once, in its order."""
        return chain.from_iterable([stretch.sockets for stretch in self._stretches])

    def begin(self) -> None:
        """Start a dump."""
        broke_off = self._reading
        if broke_off:
            self.forget()
        self.comparable, self._reading = not broke_off, True
        kinds: dict[_Kind, list[Stretch]] = defaultdict(list)
        for stretch in self._stretches:
            kinds[stretch.family, stretch.size].append(stretch)
        self._before = {kind: KnownRows(stretches) for kind, stretches in kinds.items()}
        self._stretches, self.gone, self.come = [], [], []

    def forget(self) -> None:
        """There was no dump: as if there were no sockets."""
        self.comparable = not (self._stretches or self._before)
        self._reading = False
        self._stretches, self._before, self.gone, self.come = [], {}, [], []
        self._open.clear()

    def take(self, rows: Rows, read_at: float) -> None:
        """Rows of the dump, whose countdowns the kernel wrote at `read_at` (monotonic seconds)."""
        kind, stride = (rows.family, rows.size), padded(rows.size)
        stretch = Stretch(rows.family, rows.size, stride, rows.block, [])
        self._stretches.append(stretch)
        before = self._before.get(kind)
        if before is None:
            stretch.sockets = self._decoder.decode(
                self._protocol, *kind, rows.block, rows.expires, repeat(read_at, len(rows.expires))
            )
            stretch.new = range(len(stretch.sockets))
            self.come += stretch.sockets
            return
        found, missed = before.meet(rows.block, stride)
        if any(rows.timers):
            missed += self._drop_moved(rows, found, read_at)
        if missed:
            stretch.new = missed
            self._open[kind].append(_Open(stretch, [rows.expires[number] for number in missed], read_at))
        # What is missing is put in when the dump has ended.
        stretch.sockets = cast(list[InetSocket], found)

    def _drop_moved(self, rows: Rows, found: list[InetSocket | None], read_at: float) -> list[int]:
        """Take out those whose timer was set anew since it was read: their numbers."""
        slack, expires = COUNTDOWN_SLACK, rows.expires
        suspects = [
            (number, s)
            for number in compress(range(len(found)), rows.timers)
            if (s := found[number]) is not None
            and not -slack < (s[17] or 0.0) + s[13] / 1000 - read_at - expires[number] / 1000 < slack
        ]
        moved = [(number, s) for number, s in suspects if _moved(s, expires[number], read_at)]
        for number, s in moved:
            found[number] = None
            self.gone.append(s)
        return [number for number, _ in moved]

    def finish(self) -> Generator[None, None, None]:
        """The dump has ended. In steps of a few milliseconds."""
        for kind, before in self._before.items():
            yield from before.pass_rest()
            for start in range(0, len(self._open[kind]), _FILLED_A_STEP):
                self._fill(self._open[kind][start : start + _FILLED_A_STEP], before.passed)
                yield
            self.gone += before.passed.values()
        self._before = {}
        self._open.clear()
        yield from self._drop_doubles()
        self._reading = False

    def _fill(self, opened: list[_Open], passed: dict[bytes, InetSocket]) -> None:
        """Put in the missing values: those of rows that are in another place than before, and new ones."""
        places: list[tuple[list[InetSocket], int]] = []
        rows: list[bytes] = []
        countdowns: list[int] = []
        moments: list[float] = []
        for stretch, expires, read_at in opened:
            for number, countdown in zip(stretch.new, expires, strict=True):
                row = stretch.row(number)
                s = passed.pop(row, None)
                if s is not None and not _moved(s, countdown, read_at):
                    stretch.sockets[number] = s
                    continue
                if s is not None:
                    self.gone.append(s)
                places.append((stretch.sockets, number))
                rows.append(row)
                countdowns.append(countdown)
                moments.append(read_at)
        first = opened[0].stretch
        decoded = self._decoder.decode(self._protocol, first.family, first.size, b"".join(rows), countdowns, moments)
        for (sockets, number), s in zip(places, decoded, strict=True):
            sockets[number] = s
        self.come += decoded

    def _drop_doubles(self) -> Generator[None, None, None]:
        """The kernel walks a hash table that lives on: a socket may have come twice. Its last look counts."""
        cookies: set[int] = set()
        for start in range(0, len(self.come), _SLICE):
            cookies.update(map(_cookie_of, self.come[start : start + _SLICE]))
            yield
        if len(cookies) == len(self.come):
            # One that has changed in between is new, and is still seen as it was.
            cookies.difference_update(map(_cookie_of, self.gone))
            if not (yield from self._seen_besides(cookies)):
                return
        last: dict[int, tuple[Stretch, InetSocket]] = {}
        earlier: dict[int, tuple[Stretch, InetSocket]] = {}
        for stretch in self._stretches:
            for s in [s for s in stretch.sockets if s.cookie in cookies]:
                if s.cookie in last:
                    before = last[s.cookie]
                    earlier[id(before[1])] = before
                last[s.cookie] = (stretch, s)
            yield
        for stretch, s in earlier.values():
            stretch.remove(next(number for number, other in enumerate(stretch.sockets) if other is s))
        new = {id(s) for s in self.come}
        self.gone += [s for _, s in earlier.values() if id(s) not in new]
        self.come = [s for s in self.come if id(s) not in earlier]

    def _seen_besides(self, cookies: set[int]) -> Generator[None, None, bool]:
        """Whether one of these new sockets may be among those that were known, too."""
        known = [stretch for stretch in self._stretches if len(stretch.new) < len(stretch.sockets)]
        halves = set(map(cookie_half, cookies)) if known else set[int]()
        for number, stretch in enumerate(known if halves else (), 1):
            found = cookie_halves(stretch.stride, stretch.rows)
            for new in stretch.new:
                found[new] = -1
            if not halves.isdisjoint(found):
                return True
            if number % _STRETCHES_A_STEP == 0:
                yield
        return False


def _moved(s: InetSocket, expires: int, read_at: float) -> bool:
    """Whether a countdown of `expires` ms at `read_at` is another than the one of which `s` tells.

    A timer that is due may be held at 0 for a while.
    """
    return abs(s.timer_left(read_at) - expires / 1000) >= COUNTDOWN_SLACK
