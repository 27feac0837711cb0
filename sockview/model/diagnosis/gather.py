"""Counting and gathering sockets in steps of a few milliseconds, with as little as can be done for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Sequence
from operator import attrgetter
from typing import Final, TypeVar

from sockview.model.diagnosis.words import addresses_text
from sockview.model.inet_socket import InetSocket
from sockview.model.steps import parts

K = TypeVar("K")

#: Sockets looked at between two yields: about 2 ms.
STEP: Final = 10_000


def chosen(
    sockets: Sequence[InetSocket], choose: Callable[[Sequence[InetSocket]], list[InetSocket]]
) -> Generator[None, None, list[InetSocket]]:
    """Those that `choose` takes out of a part at a time."""
    found: list[InetSocket] = []
    for part in parts(sockets, STEP):
        found += choose(part)
        yield
    return found


def count_by(sockets: Sequence[InetSocket], key: Callable[[InetSocket], K]) -> Generator[None, None, Counter[K]]:
    """How many there are of each key; an `attrgetter` is the quickest of keys.

    Cheaper than to gather them, where most keys are of no interest.
    """
    counts: Counter[K] = Counter()
    for part in parts(sockets, STEP):
        counts.update(map(key, part))
        yield
    return counts


def gather(
    sockets: Sequence[InetSocket], key: Callable[[InetSocket], K], wanted: Collection[K]
) -> Generator[None, None, dict[K, list[InetSocket]]]:
    """The sockets of each wanted key, in the order of `wanted`; a key without any has an empty list."""
    found: dict[K, list[InetSocket]] = {one: [] for one in wanted}
    for part in parts(sockets if found else (), STEP):
        for s, lists in zip(part, map(found.get, map(key, part)), strict=True):
            if lists is not None:
                lists.append(s)
        yield
    return found


def remotes_of(sockets: Sequence[InetSocket]) -> Generator[None, None, str]:
    """The addresses of the peers, as `addresses_text` writes them."""
    return addresses_text((yield from count_by(sockets, attrgetter("remote_address"))))
