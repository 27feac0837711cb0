"""Counts over the last hour, in at most 60 bins whatever the refresh interval: of states, and of processes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import islice
from typing import Final, Generic, NamedTuple, TypeVar

from sockview.model.rate import change_rate
from sockview.model.recent import Recent, Sample
from sockview.model.trend import Trend

#: The most values of a series.
BINS: Final = 60
#: Seconds of a bin. When the bins are full, the series goes over to the next width; at the last it slides. Each is a
#: multiple of the one before and at most three times as long, so that a full sparkline stays one.
WIDTHS: Final = (5, 10, 20, 60)

K = TypeVar("K", bound=Hashable)


class _Counts(NamedTuple, Generic[K]):
    """What was counted at one moment."""

    of: Mapping[K, int]
    """Without those that had none."""
    whole: bool
    """False: smaller ones were left out, so who is not in it may have had some."""


class Past(Generic[K]):
    """What is known at one moment. Immutable: a later snapshot makes another. A trend is made when asked for."""

    def __init__(
        self, starts: Sequence[float], bins: Sequence[_Counts[K]], recent: Sequence[Sample[_Counts[K]]]
    ) -> None:
        """`starts`: the clock at which each of the bins starts."""
        self._starts = starts
        self._bins = [counts.of for counts in bins]
        self._clocks = [sample.clock for sample in recent]
        self._recent = [sample.value.of for sample in recent]
        self._partial = [at for at, counts in enumerate(bins) if not counts.whole]
        self._partial_recent = [at for at, sample in enumerate(recent) if not sample.value.whole]
        self._keys: frozenset[K] | None = None

    @property
    def keys(self) -> frozenset[K]:
        """Those that had any in the time that is known."""
        if self._keys is None:
            self._keys = frozenset[K]().union(*self._bins)
        return self._keys

    def trend(self, key: K) -> Trend:
        """Of one of them. It begins after the last time that the key may have been left out; empty if that is now."""
        first = _known_from(key, self._bins, self._partial)
        since = _known_from(key, self._recent, self._partial_recent)
        counts = [of.get(key, 0) for of in self._recent[since:]]
        return Trend(
            series=tuple([of.get(key, 0) for of in self._bins[first:]]),
            span=self._clocks[-1] - self._starts[first] if first < len(self._bins) else 0.0,
            rate=change_rate(list(zip(self._clocks[since:], counts, strict=True))),
        )


def _known_from(key: K, bins: Sequence[Mapping[K, int]], partial: Sequence[int]) -> int:
    """Index of the first bin from which on the key's count is known; in the `partial` ones some were left out."""
    return next((at + 1 for at in reversed(partial) if key not in bins[at]), 0)


class Series(Generic[K]):
    """Add the counts of every snapshot in turn.

    A bin keeps its last count. Bins without a snapshot (a long interval, a pause) hold what was last seen. A clock that
    went backwards is another machine's or another boot's: everything starts anew.
    """

    def __init__(self, limit: int | None = None) -> None:
        """`limit`: the most keys that a snapshot has; at most twice as many are remembered, those seen last."""
        self._limit = limit
        self._clear()

    def _clear(self) -> None:
        self._origin = self._clock = 0.0
        self._width = 0
        """Index into WIDTHS."""
        self._first = 0
        """Bins between the origin and the first that is kept."""
        self._bins: list[_Counts[K]] = []
        self._recent: Recent[_Counts[K]] = Recent()

    def add(self, clock: float, counts: Mapping[K, int], *, whole: bool = True) -> Past[K]:
        """Take the counts of a snapshot at `clock`; those that are absent have none, if it is `whole`."""
        if self._bins and clock < self._clock:
            self._clear()
        if not self._bins:
            self._origin = clock
        self._clock = clock
        self._enter(_Counts({key: count for key, count in counts.items() if count}, whole))
        width = WIDTHS[self._width]
        starts = [self._origin + (self._first + at) * width for at in range(len(self._bins))]
        return Past(starts, self._bins, self._recent.add(clock, self._bins[-1]))

    def _number(self) -> int:
        """Of the bin that it is now, counted from the origin."""
        return int((self._clock - self._origin) // WIDTHS[self._width])

    def _enter(self, counts: _Counts[K]) -> None:
        while self._number() >= BINS and self._width + 1 < len(WIDTHS):
            self._widen()
        bins = self._bins
        missing = self._number() - self._first - len(bins)
        if missing < 0:
            bins[-1] = counts
            return
        if bins:
            bins += [bins[-1]] * min(missing, BINS)
        self._bins = [*bins, counts][-BINS:]
        self._first = self._number() - len(self._bins) + 1
        self._forget()

    def _widen(self) -> None:
        """Longer bins: of those that become one, the last one's count is kept."""
        factor = WIDTHS[self._width + 1] // WIDTHS[self._width]
        last = len(self._bins) - 1
        self._bins = [self._bins[min(at + factor - 1, last)] for at in range(0, len(self._bins), factor)]
        self._width += 1

    def _forget(self) -> None:
        """Leave out those that were not seen for longest, when there are too many: many processes live shortly."""
        if self._limit is None:
            return
        seen = dict.fromkeys(key for counts in reversed(self._bins) for key in counts.of)
        if len(seen) > 2 * self._limit:
            kept = set(islice(seen, self._limit))
            self._bins = [
                counts
                if kept.issuperset(counts.of)
                else _Counts({key: count for key, count in counts.of.items() if key in kept}, whole=False)
                for counts in self._bins
            ]
