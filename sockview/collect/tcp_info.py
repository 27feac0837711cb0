"""The times in tcp_info, from the bytes of a sock_diag dump with INET_DIAG_INFO. No I/O.

``struct tcp_info`` (``linux/tcp.h``) grows with every few kernels, at its end alone: the times have
stood in their places since the first one. What is shorter than up to them tells nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sockview.collect.inet_diag import (
    MESSAGE_SIZE,
    NLM_F_DUMP_INTR,
    SOCK_DIAG_BY_FAMILY,
    Answer,
    Buffer,
    walk,
)

#: Attribute of ``linux/inet_diag.h``, and the bit that asks for it.
INET_DIAG_INFO: Final = 2
ASK_FOR_INFO: Final = 1 << (INET_DIAG_INFO - 1)

# nlmsghdr; state, timer; cookie
_HEAD: Final = struct.Struct("=IHHI4xxBBx4x32x4xQ")
_ATTRIBUTE: Final = struct.Struct("=HH")
#: Offsets in ``struct tcp_info``.
_LAST_DATA_SENT: Final = 44
_LAST_DATA_RECV: Final = 52
_LAST_ACK_RECV: Final = 56
_SHORTEST: Final = _LAST_ACK_RECV + 4
# The three, from the first of them on; tcpi_last_ack_sent between them is always 0.
_TIMES: Final = f"I{_LAST_DATA_RECV - _LAST_DATA_SENT - 4}xII"


class TcpTimes(NamedTuple):
    """When something last went over one TCP socket: milliseconds before the kernel wrote its message.

    They come from 32-bit tick counters: modulo 49.7 days, and no finer than a tick (10 ms at CONFIG_HZ=100).
    """

    cookie: int
    state: int
    """A number of the kernel (``net/tcp_states.h``)."""
    timer: int
    """idiag_timer, a TIMER_ of :mod:`sockview.model.inet_socket`."""
    last_data_sent: int
    last_data_recv: int
    last_ack_recv: int


@dataclass(slots=True)
class TimesBatch(Answer):
    """What one received chunk held."""

    times: list[TcpTimes] = field(default_factory=list)


def parse_times(data: Buffer, length: int, sequence: int) -> TimesBatch:
    """The first `length` bytes of `data` as netlink messages; those of another sequence are ignored.

    A socket whose message has no tcp_info, or one too short to hold the times, is left out. Never
    raises, whatever the bytes are.
    """
    batch = TimesBatch()
    length = min(length, len(data))
    walk(data, length, sequence, batch, lambda at: _sockets(data, at, length, sequence, batch))
    return batch


def _sockets(data: Buffer, at: int, length: int, sequence: int, batch: TimesBatch) -> int:
    """Append the times from the sound socket messages from offset `at`; the offset of the first other message."""
    head, new, append, start = _HEAD.unpack_from, tuple.__new__, batch.times.append, at
    layout: struct.Struct | None = None
    headers: tuple[int, ...] = ()
    while at + MESSAGE_SIZE <= length:
        size, kind, flags, number, state, timer, cookie = head(data, at)
        if kind != SOCK_DIAG_BY_FAMILY or number != sequence or size < MESSAGE_SIZE or at + size > length:
            break
        batch.interrupted |= bool(flags & NLM_F_DUMP_INTR)
        attributes, end = at + MESSAGE_SIZE, at + size
        at += (size + 3) & ~3
        found = layout.unpack_from(data, attributes) if layout and attributes + layout.size <= end else ()
        if not found or found[:-3] != headers:
            layout = _layout(data, attributes, end)
            if layout is None:
                continue
            found = layout.unpack_from(data, attributes)
            headers = found[:-3]
        append(new(TcpTimes, (cookie, state, timer, *found[-3:])))
    batch.answered |= at > start
    return at


def _layout(data: Buffer, at: int, end: int) -> struct.Struct | None:
    """How the attributes of one message lie, up to the times in its tcp_info: their headers, then the three times.

    None: there is no tcp_info that holds them. As a rule all messages of a dump are alike, so that
    the one layout reads them all; where its headers are others, it does not.
    """
    attribute, layout = _ATTRIBUTE.unpack_from, "="
    while at + _ATTRIBUTE.size <= end:
        size, kind = attribute(data, at)
        if size < _ATTRIBUTE.size or at + size > end:
            break
        if kind == INET_DIAG_INFO:
            enough = size >= _ATTRIBUTE.size + _SHORTEST
            return struct.Struct(f"{layout}I{_LAST_DATA_SENT}x{_TIMES}") if enough else None
        padded = (size + 3) & ~3
        layout += f"I{padded - _ATTRIBUTE.size}x"
        at += padded
    return None
