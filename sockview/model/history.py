"""How many sockets were in each state over the last hour: the histogram's lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sockview.model import tcp_state
from sockview.model.query import Age, StateLine
from sockview.model.series import Series

#: Shown even when there are none: a 0 is an answer.
ALWAYS: Final = (tcp_state.CLOSE_WAIT, tcp_state.TIME_WAIT)
#: Seconds that a state keeps its line after it was last seen, so that lines do not come and go.
KEPT_SECONDS: Final = 300.0


class History:
    """The counts of past snapshots: add each in turn."""

    def __init__(self) -> None:
        self._series: Series[int] = Series()
        self._seen: dict[int, float] = {}
        """State -> clock at which it last occurred."""

    def add(self, clock: float, counts: Mapping[int, int], oldest: Mapping[int, Age]) -> tuple[StateLine, ...]:
        """Take the counts (state -> sockets) of a snapshot at `clock` and give the histogram, most urgent first.

        A state is in it while it occurs, while its series shows that it did, and for five minutes in any case;
        CLOSE_WAIT and TIME_WAIT always.
        """
        past = self._series.add(clock, counts)
        # A clock that went backwards is another one: what was seen by the clock before is no longer known.
        self._seen = {state: seen for state, seen in self._seen.items() if 0 <= clock - seen < KEPT_SECONDS}
        self._seen.update((state, clock) for state, count in counts.items() if count)
        states = {*ALWAYS, *self._seen, *past.keys}
        return tuple(
            StateLine(state, counts.get(state, 0), past.trend(state), oldest.get(state))
            for state in sorted(states, key=tcp_state.state_rank)
        )
