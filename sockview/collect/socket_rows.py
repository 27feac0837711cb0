"""The socket messages of a received chunk, sorted by length. No I/O.

A chunk holds some 260 messages, as a rule of one length, or of two where the remnants of closed
connections stand between the sockets. What is the same for all of them (that they are sound, where
their countdowns stand) is done by columns of the chunk, at a few nanoseconds a message.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Final, NamedTuple

from sockview.collect.inet_diag import (
    AF_NUMBERS,
    HEADER_SIZE,
    MESSAGE_SIZE,
    NLM_F_DUMP_INTR,
    NLM_F_MULTI,
    SOCK_DIAG_BY_FAMILY,
    Answer,
    Buffer,
    walk,
)

_FAMILIES: Final = {number: family for family, number in AF_NUMBERS.items()}
_HEADER: Final = struct.Struct("=IHHI")  # length, type, flags, sequence
_U32: Final = struct.Struct("=I")
#: Type and flags of every message of a dump, as the one number that a column of them is read as.
_PLAIN: Final = int.from_bytes(struct.pack("=HH", SOCK_DIAG_BY_FAMILY, NLM_F_MULTI), sys.byteorder)

#: Offsets in a message.
_FAMILY: Final = HEADER_SIZE
_TIMER: Final = HEADER_SIZE + 2
_EXPIRES: Final = HEADER_SIZE + 52


class Rows(NamedTuple):
    """Socket messages of one length, in the order in which they came."""

    family: int
    """4 or 6."""
    size: int
    """Bytes of each message."""
    block: bytes
    """The messages, each filled up to a multiple of 4 bytes, with zeros for its header and its countdown: as long as
    nothing happens to a socket, the same in every dump."""
    timers: Sequence[int]
    """The idiag_timer of each."""
    expires: list[int]
    """The countdown of each (idiag_expires), in milliseconds."""


_size_of = attrgetter("size")
#: Rows that one struct takes apart: one that takes many is much faster than many that take one.
_AT_ONCE: Final = 32


def padded(size: int) -> int:
    """Bytes that a message of `size` bytes takes."""
    return (size + 3) & ~3


def split(block: bytes, stride: int, skipped: int = 0, end: int | None = None) -> list[bytes]:
    """The rows of a block, of `stride` bytes each; of each row what stands from `skipped` on up to `end`."""
    many, one = (_parts(stride, skipped, stride if end is None else end, rows) for rows in (_AT_ONCE, 1))
    whole = len(block) // many.size * many.size
    view = memoryview(block)
    return list(chain.from_iterable(chain(many.iter_unpack(view[:whole]), one.iter_unpack(view[whole:]))))


@lru_cache(maxsize=64)
def _parts(stride: int, skipped: int, end: int, rows: int) -> struct.Struct:
    return struct.Struct("=" + f"{skipped}x{end - skipped}s{stride - end}x" * rows)


def read_rows(data: Buffer, length: int, sequence: int, answer: Answer) -> list[Rows]:
    """The sound socket messages in the first `length` bytes of `data`; what else is there is noted in `answer`.

    Messages of another sequence are ignored. The longer ones come first: a connection becomes a remnant, of which there
    is less to tell, and not the other way round. Never raises, whatever the bytes are: what makes no sense is
    counted as damaged.
    """
    length = min(length, len(data))
    rows = _plain_rows(memoryview(data)[:length], sequence)
    if rows is None:
        rows = _odd_rows(data, length, sequence, answer)
    answer.answered |= bool(rows)
    return sorted(rows, key=_size_of, reverse=True)


# ------------------------------------------------------------------ a chunk as it should be
def _plain_rows(chunk: memoryview, sequence: int) -> list[Rows] | None:
    """The rows of a chunk that is nothing but sound messages of this sequence; None: it is not."""
    blocks = _by_size(chunk)
    rows = [_columns(block, size, sequence) for size, block in blocks.items()]
    sound = [found for found in rows if found is not None]
    return sound if sound and len(sound) == len(rows) else None


def _by_size(chunk: memoryview) -> dict[int, bytearray]:
    """Length -> the messages of that length; nothing if some are not whole, or take other room than their length."""
    if len(chunk) < MESSAGE_SIZE or len(chunk) % 4:
        return {}
    words = chunk.cast("I")
    size = words[0]
    if size >= MESSAGE_SIZE and size % 4 == 0 and len(chunk) % size == 0 and _all_are(words[:: size // 4], size):
        return {size: bytearray(chunk)}
    parts: dict[int, list[memoryview]] = defaultdict(list)
    at, end = 0, len(words)
    while at < end:
        start, size = at, words[at]
        if size < MESSAGE_SIZE or size % 4:
            return {}
        step = size >> 2
        at += step
        try:
            while words[at] == size:
                at += step
        except IndexError:  # the end, or behind it
            pass
        parts[size].append(words[start:at])
    return {size: bytearray(b"".join(found)) for size, found in parts.items()} if at == end else {}


def _columns(block: bytearray, size: int, sequence: int) -> Rows | None:
    """The rows in a block of messages of `size` bytes each; None: not all of them are what is asked for."""
    families = block[_FAMILY::size]
    family = _FAMILIES.get(families[0])
    words, step, count = memoryview(block).cast("I"), size // 4, len(families)
    if (
        family is None
        or families.count(families[0]) != count
        or not _all_are(words[1::step], _PLAIN)
        or not _all_are(words[2::step], sequence)
    ):
        return None
    expires = words[_EXPIRES // 4 :: step].tolist()
    zeros = _repeated(0, count)
    for column in (0, 1, 2, 3, _EXPIRES // 4):
        words[column::step] = zeros
    return Rows(family, size, bytes(block), bytes(block[_TIMER::size]), expires)


def _all_are(column: memoryview, value: int) -> bool:
    return column == _repeated(value, len(column))


def _repeated(value: int, count: int) -> array[int]:
    return array("I", [value]) * count


# ------------------------------------------------------------------ any other chunk
def _odd_rows(data: Buffer, length: int, sequence: int, answer: Answer) -> list[Rows]:
    """The rows of a chunk in which other messages stand too, or damaged ones: message by message."""
    messages: dict[tuple[int, int], list[bytes]] = {}

    def take(at: int) -> int:
        """Add the sound socket messages from an offset; that of the first other one."""
        while at + MESSAGE_SIZE <= length:
            size, kind, flags, number = _HEADER.unpack_from(data, at)
            family = _FAMILIES.get(data[at + _FAMILY])
            if kind != SOCK_DIAG_BY_FAMILY or number != sequence or family is None:
                break
            if size < MESSAGE_SIZE or at + size > length:
                break
            messages.setdefault((family, size), []).append(bytes(data[at : at + size]))
            answer.interrupted |= bool(flags & NLM_F_DUMP_INTR)
            at += padded(size)
        return at

    walk(data, length, sequence, answer, take)
    return [_from_messages(family, size, found) for (family, size), found in messages.items()]


def _from_messages(family: int, size: int, messages: Sequence[bytes]) -> Rows:
    head, tail = bytes(HEADER_SIZE), bytes(padded(size) - size)
    bodies = [(m[HEADER_SIZE:_EXPIRES], bytes(4), m[_EXPIRES + 4 :]) for m in messages]
    return Rows(
        family,
        size,
        b"".join(part for body in bodies for part in (head, *body, tail)),
        bytes(m[_TIMER] for m in messages),
        [_U32.unpack_from(m, _EXPIRES)[0] for m in messages],
    )
