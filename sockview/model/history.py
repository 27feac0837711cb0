"""How many sockets were in each state over the last minutes, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from sockview.model import tcp_state
from sockview.model.query import Age, StateLine

#: The series spans five minutes, whatever the refresh interval. A bin keeps its last count, so a
#: sparkline moves every ten seconds and only its newest point lives.
BIN_SECONDS: Final = 10.0
BINS: Final = 30

#: Shown even when there are none: a 0 is an answer.
ALWAYS: Final = (tcp_state.CLOSE_WAIT, tcp_state.TIME_WAIT)


class _Bin(NamedTuple):
    number: int
    """floor(clock / BIN_SECONDS)"""
    counts: Mapping[int, int]
    """The last of the bin; 0 for a state that occurred in it and went."""


class History:
    """The counts of past snapshots: add each in turn."""

    def __init__(self) -> None:
        self._bins: deque[_Bin] = deque(maxlen=BINS)
        self._last: Mapping[int, int] | None = None

    def add(self, clock: float, counts: Mapping[int, int], oldest: Mapping[int, Age]) -> tuple[StateLine, ...]:
        """Take the counts (state -> sockets) of a snapshot at `clock` and give the histogram, most urgent first.

        A state is in it while it occurs or has occurred within the series, CLOSE_WAIT and TIME_WAIT
        always. Bins without a snapshot (a long interval, a pause) hold the count that was last seen.
        A clock that went backwards is another machine's or another boot's: the series starts anew.
        """
        self._enter(int(clock // BIN_SECONDS), counts)
        last, self._last = self._last, counts
        states = set(ALWAYS).union(*(state_bin.counts for state_bin in self._bins))
        return tuple(
            StateLine(
                state=state,
                count=counts.get(state, 0),
                change=None if last is None else counts.get(state, 0) - last.get(state, 0),
                series=tuple(state_bin.counts.get(state, 0) for state_bin in self._bins),
                oldest=oldest.get(state),
            )
            for state in sorted(states, key=tcp_state.state_rank)
        )

    def _enter(self, number: int, counts: Mapping[int, int]) -> None:
        bins = self._bins
        if bins and number < bins[-1].number:
            bins.clear()
            self._last = None
        if bins and number == bins[-1].number:
            counts = {**dict.fromkeys(bins.pop().counts, 0), **counts}
        elif bins:
            held = bins[-1]
            for missing in range(max(held.number + 1, number - BINS), number):
                bins.append(_Bin(missing, held.counts))
        bins.append(_Bin(number, counts))
