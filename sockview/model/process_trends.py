"""How many CLOSE_WAIT and TIME_WAIT sockets each process had over the last hour, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from heapq import nlargest
from typing import Final

from sockview.model import tcp_state
from sockview.model.inet_socket import TIME_WAIT_SECONDS
from sockview.model.series import Past, Series
from sockview.model.socket_table import TrendLookup
from sockview.model.trend import Trend

#: The states whose counts are kept for each process.
STATES: Final = (tcp_state.CLOSE_WAIT, tcp_state.TIME_WAIT)
#: The most processes at a time, those with the most sockets in the state; at most twice as many are remembered.
MOST_PROCESSES: Final = 500

Identity = tuple[int, int]
"""(PID, start) of a process."""


class ProcessTrends:
    """Add the counts of every snapshot in turn.

    A process that was not there before had none, so a sudden leak shows as growth. One that had none for an hour is
    forgotten. Of the TIME_WAITs that are older than the first snapshot nobody knows who left them: their processes
    seem to have ever more, until the last of these is over. So TIME_WAIT counts from then on.
    """

    def __init__(self) -> None:
        self._clock = self._first = math.inf
        self._series: dict[int, Series[Identity]] = {state: Series(MOST_PROCESSES) for state in STATES}
        self._before: dict[int, dict[Identity, Identity]] = {state: {} for state in STATES}
        """State -> those that the last snapshot had, to keep one object of each and not one a snapshot."""

    def add(self, clock: float, counts: Mapping[Identity, Mapping[int, int]]) -> TrendLookup:
        """`counts`: (PID, start) -> state -> sockets. What the lookup answers does not change with later snapshots."""
        if clock < self._clock:
            self._first = clock
        self._clock = clock
        states = STATES if clock - self._first >= TIME_WAIT_SECONDS else (tcp_state.CLOSE_WAIT,)
        past = {state: self._add(clock, state, counts) for state in states}

        def lookup(identity: Identity, state: int) -> Trend | None:
            known = past.get(state)
            if known is None or identity not in known.keys:
                return None
            trend = known.trend(identity)
            return trend if trend.series else None

        return lookup

    def _add(self, clock: float, state: int, counts: Mapping[Identity, Mapping[int, int]]) -> Past[Identity]:
        before = self._before[state]
        found = {before.get(identity, identity): count for identity, of in counts.items() if (count := of.get(state))}
        whole = len(found) <= MOST_PROCESSES
        if not whole:  # of equal ones those that were in it before, so that they do not take turns
            found = dict(nlargest(MOST_PROCESSES, found.items(), key=lambda item: (item[1], item[0] in before)))
        self._before[state] = {identity: identity for identity in found}
        return self._series[state].add(clock, found, whole=whole)
