"""The number of sockets in each state, as aligned text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sockview.model.inet_socket import InetSocket
from sockview.model.tcp_state import CLOSE_WAIT, TIME_WAIT, state_name, state_rank


def summary_text(sockets: Sequence[InetSocket]) -> str:
    """A line per state, most urgent first; CLOSE_WAIT and TIME_WAIT always, for a 0 is an answer.

    Numbers are plain digits, so that awk and sort understand them.
    """
    counts = Counter({CLOSE_WAIT: 0, TIME_WAIT: 0})
    counts.update(s.state for s in sockets)
    lines = [(state_name(state), str(counts[state])) for state in sorted(counts, key=state_rank)]
    lines.append(("total", str(len(sockets))))
    names = max(len(name) for name, _ in lines)
    digits = max(len(count) for _, count in lines)
    return "".join(f"{name:<{names}}  {count:>{digits}}\n" for name, count in lines)
