"""Counting and gathering sockets by what they have in common, in steps of a few milliseconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple, TypeVar

from sockview.model.age import oldest
from sockview.model.diagnosis.words import addresses_text
from sockview.model.format_text import MINUTE
from sockview.model.inet_socket import InetSocket
from sockview.model.query import Age
from sockview.model.socket_table import SocketTable

K = TypeVar("K")

#: Sockets looked at between two yields: about 2 ms.
STEP: Final = 2500


def count_by(sockets: Sequence[InetSocket], key: Callable[[InetSocket], K | None]) -> Generator[None, None, Counter[K]]:
    """How many there are of each key; None: the socket does not count.

    Cheaper than to gather them, where most keys are of no interest.
    """
    counts: Counter[K] = Counter()
    for start in range(0, len(sockets), STEP):
        keys = map(key, sockets[start : start + STEP])
        counts.update([found for found in keys if found is not None])
        yield
    return counts


def gather(
    sockets: Sequence[InetSocket], key: Callable[[InetSocket], K | None], wanted: Collection[K]
) -> Generator[None, None, dict[K, list[InetSocket]]]:
    """The sockets of each wanted key, in the order of `wanted`; a key without any has an empty list."""
    found: dict[K | None, list[InetSocket]] = {one: [] for one in wanted}
    for start in range(0, len(sockets) if found else 0, STEP):
        for s in sockets[start : start + STEP]:
            of_key = found.get(key(s))
            if of_key is not None:
                of_key.append(s)
        yield
    return {one: found[one] for one in wanted}


class Ages(NamedTuple):
    """Of a number of sockets; those of which no age is known do not count."""

    old: int
    """How many are at least as old as was asked, for certain."""
    eldest: Age | None
    minutes: Counter[int]
    """Whole minutes of age, as far as that is certain -> sockets."""


def ages_of(table: SocketTable, sockets: Sequence[InetSocket], seconds: float = 0.0) -> Generator[None, None, Ages]:
    """Their ages; those of at least so many seconds are counted as old."""
    old, eldest = 0, None
    minutes: Counter[int] = Counter()
    for start in range(0, len(sockets), STEP):
        ages = [age for s in sockets[start : start + STEP] if (age := table.age(s)) is not None]
        old += sum([age.at_least >= seconds for age in ages])
        eldest = oldest((eldest, *ages))
        minutes.update([int(age.at_least // MINUTE) for age in ages])
        yield
    return Ages(old, eldest, minutes)


def remotes_of(sockets: Sequence[InetSocket]) -> Generator[None, None, str]:
    """The addresses of the peers, as `addresses_text` writes them."""
    return addresses_text((yield from count_by(sockets, attrgetter("remote_address"))))
