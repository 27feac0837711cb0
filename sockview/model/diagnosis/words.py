"""What the rules share in saying who, where and how many."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from sockview.model.format_text import DAY, HOUR, MINUTE, shorten
from sockview.model.inet_socket import address_text, endpoint_text
from sockview.model.owner import Process

#: What has an order: ports, addresses, ends.
Ordered = TypeVar("Ordered", int, bytes, tuple[bytes, int])

#: Cells of a process name in a title: the number behind it must not be cut.
NAME_CELLS: Final = 18
#: Parts of a list that are written out.
LISTED: Final = 3


def name_text(process: Process) -> str:
    """``gunicorn 7306``, the name cut so that a title has room for more."""
    return f"{shorten(process.name, NAME_CELLS)} {process.pid}"


def counted(number: int, one: str, many: str = "") -> str:
    """``1 peer``, ``1,200 peers``"""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listing(parts: Sequence[str], most: int = LISTED, total: int | None = None) -> str:
    """``a, b, c and 5 more``. `total`: how many there are, where `parts` are the first ones only."""
    number = len(parts) if total is None else total
    if number > min(most, len(parts)):
        return f"{', '.join(parts[:most])} and {number - min(most, len(parts)):,} more"
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def about(seconds: float) -> str:
    """``~40 s``, ``~7 min``, ``~5 h``, ``~3 d``"""
    if seconds < 2 * MINUTE:
        return f"~{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"~{seconds / MINUTE:.0f} min"
    return f"~{seconds / HOUR:.0f} h" if seconds < 2 * DAY else f"~{seconds / DAY:.0f} d"


def most_common(counts: Counter[Ordered], most: int) -> list[tuple[Ordered, int]]:
    """The most frequent ones, equally frequent ones in their own order: however they were counted, the same ones."""
    least = min(heapq.nlargest(most, counts.values()), default=0)
    more = sorted([(-number, one) for one, number in counts.items() if number > least])
    alike = heapq.nsmallest(most - len(more), [one for one, number in counts.items() if number == least])
    return [(one, -number) for number, one in more] + [(one, least) for one in alike]


def addresses_text(counts: Counter[bytes]) -> str:
    """``10.2.3.4 alone``, or ``12 addresses: 10.2.3.4 (180), 10.2.3.9 (70), ...``"""
    if len(counts) == 1:
        return f"{address_text(*counts)} alone"
    parts = [f"{address_text(address)} ({number:,})" for address, number in most_common(counts, LISTED)]
    return f"{counted(len(counts), 'address', 'addresses')}: {listing(parts, total=len(counts))}"


def address_word(key: str, address: bytes, port: int | None = None) -> str:
    """A word of the filter language: ``laddr:10.0.0.7``, ``raddr:[::1]:443``."""
    if port is not None:
        return f"{key}:{endpoint_text(address, port)}"
    text = address_text(address)
    return f"{key}:[{text}]" if len(address) == 16 else f"{key}:{text}"


def pids_word(processes: Iterable[Process]) -> str:
    """``pid:7306,7307``: sockets that any of them owns."""
    return "pid:" + ",".join(str(pid) for pid in sorted({process.pid for process in processes}))
