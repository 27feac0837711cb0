"""The bytes of sock_diag: a dump request out, the kernel's messages in. No I/O.

Layouts are those of ``linux/netlink.h`` (``struct nlmsghdr``), ``linux/sock_diag.h`` and
``linux/inet_diag.h`` (``struct inet_diag_req_v2``, ``struct inet_diag_msg``): host byte order, but
ports and addresses in network order. States, attributes and message types that are not known here
are kept or skipped, never refused: newer kernels send newer ones.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sockview.model.inet_socket import UDP, InetSocket, fold_mapped
from sockview.model.tcp_state import BOUND_INACTIVE, CLOSE, UNCONN, normal_state

#: Message types (``linux/netlink.h``, ``linux/sock_diag.h``).
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
SOCK_DIAG_BY_FAMILY: Final = 20

NLM_F_DUMP_INTR: Final = 0x10
_NLM_F_REQUEST: Final = 0x1
_NLM_F_DUMP: Final = 0x300

#: Attributes (``linux/inet_diag.h``).
_INET_DIAG_SHUTDOWN: Final = 8
_INET_DIAG_MARK: Final = 15
_INET_DIAG_CGROUP_ID: Final = 21

#: Every state, known or not, as ``ss -a`` asks for. Left out are bound sockets that neither listen nor
#: connect: the kernel (6.8 and later) reports them with the state CLOSE and no other tool lists them.
ALL_STATES: Final = 0xFFFFFFFF & ~(1 << BOUND_INACTIVE)

#: ``linux/socket.h``: Linux's numbers, whatever system reads a recorded dump.
_AF_INET: Final = 2
_AF_INET6: Final = 10
_ADDRESS_FAMILY: Final[dict[int, int]] = {4: _AF_INET, 6: _AF_INET6}

_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port id
_REQUEST: Final = struct.Struct("=IHHIIBBBxI40x8s")
_NO_COOKIE: Final = b"\xff" * 8  # INET_DIAG_NOCOOKIE twice

# nlmsghdr; family, state, timer, retransmits; ports byte by byte; addresses;
# interface, cookie, expires, recv-q, send-q, uid, inode
_MESSAGE: Final = struct.Struct("=IHHI4xBBBBBBBB16s16sIQIIIII")
#: Bytes of a socket message before its attributes.
MESSAGE_SIZE: Final = _MESSAGE.size
# The same with the 28 bytes behind it: as a rule three attributes, the third of them the cgroup id.
_FULL: Final = struct.Struct(_MESSAGE.format + "I4xI4xIQ")
_ATTRIBUTE: Final = struct.Struct("=HH")
_U64: Final = struct.Struct("=Q")
_I32: Final = struct.Struct("=i")


def _header_number(length: int, kind: int) -> int:
    """An attribute's four header bytes as the one number that `_FULL` reads them as."""
    return int.from_bytes(_ATTRIBUTE.pack(length, kind), sys.byteorder)


_SHUTDOWN_HEADER: Final = _header_number(5, _INET_DIAG_SHUTDOWN)
_MARK_HEADER: Final = _header_number(8, _INET_DIAG_MARK)
_CGROUP_HEADER: Final = _header_number(12, _INET_DIAG_CGROUP_ID)

_TCP_STATES: Final = tuple(normal_state(number) for number in range(256))
# A UDP socket has no TCP state: the kernel says CLOSE for one that is not connected (ss: UNCONN).
_UDP_STATES: Final = tuple(UNCONN if number == CLOSE else number for number in range(256))

Buffer = bytes | bytearray | memoryview
"""What received bytes may lie in."""


def dump_request(family: int, protocol: int, sequence: int, states: int = ALL_STATES, extensions: int = 0) -> bytes:
    """A SOCK_DIAG_BY_FAMILY dump request.

    `family` is 4 or 6, `protocol` an IP protocol number, `states` a mask with a bit for each state
    number, `extensions` a mask with the bit ``1 << (attribute - 1)`` for each attribute wanted.
    """
    kind, flags = SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST | _NLM_F_DUMP
    af = _ADDRESS_FAMILY[family]
    return _REQUEST.pack(_REQUEST.size, kind, flags, sequence, 0, af, protocol, extensions, states, _NO_COOKIE)


@dataclass(slots=True)
class Answer:
    """How the kernel answered, in one received chunk or in all of them."""

    answered: bool = False
    """At least one message answered the request."""
    done: bool = False
    """The dump has ended."""
    error: int = 0
    """A positive errno with which the kernel ended the dump; 0: none."""
    interrupted: bool = False
    """The table changed during the dump (NLM_F_DUMP_INTR): rows may be missing or double."""
    damaged: int = 0
    """Messages that are not what the kernel's headers say."""


@dataclass(slots=True)
class Batch(Answer):
    """What one received chunk held."""

    sockets: list[InetSocket] = field(default_factory=list)


def parse_chunk(data: Buffer, length: int, sequence: int, protocol: int) -> Batch:
    """The first `length` bytes of `data` as netlink messages; those of another sequence are ignored.

    Never raises, whatever the bytes are: what makes no sense is counted as damaged.
    """
    batch = Batch()
    length = min(length, len(data))
    walk(data, length, sequence, batch, lambda at: _sockets(data, at, length, sequence, protocol, batch))
    return batch


def walk(data: Buffer, length: int, sequence: int, answer: Answer, sockets: Callable[[int], int]) -> None:
    """Go over the messages in the first `length` bytes of `data`, which has as many, to the end of the dump.

    `sockets` reads the sound socket messages from an offset and returns that of the first other
    message; what that one says is noted in `answer`.
    """
    at = 0
    while not answer.done:
        at = sockets(at)
        if at + _HEADER.size > length:
            answer.damaged += at < length
            break
        size, kind, flags, number, _ = _HEADER.unpack_from(data, at)
        if size < _HEADER.size or at + size > length:
            answer.damaged += 1
            break
        if number == sequence:
            _other_message(data, at, size, kind, flags, answer)
        at += (size + 3) & ~3


def _sockets(data: Buffer, at: int, length: int, sequence: int, protocol: int, batch: Batch) -> int:
    """Append the sound socket messages from offset `at`; the offset of the first other message.

    The inner loop of every refresh: one unpack and one tuple a socket, nothing looked up twice.
    """
    full, new, append = _FULL.unpack_from, tuple.__new__, batch.sockets.append
    states = _UDP_STATES if protocol == UDP else _TCP_STATES
    all_flags, start = 0, at
    while at + _MESSAGE.size <= length:
        # What lies behind a short message is read too, and used only where the message's size says so.
        # fmt: off
        (size, kind, flags, number, af, state, timer, retransmits, l1, l0, r1, r0, local, remote, interface, cookie,
         expires, recv_q, send_q, uid, inode, first, second, third, cgroup) = (
            full(data, at) if at + _FULL.size <= length else (*_MESSAGE.unpack_from(data, at), 0, 0, 0, 0)
        )
        # fmt: on
        if kind != SOCK_DIAG_BY_FAMILY or number != sequence or size < _MESSAGE.size or at + size > length:
            break
        if af == _AF_INET:
            family, local, remote = 4, local[:4], remote[:4]
        elif af == _AF_INET6:
            family, local, remote = 6, fold_mapped(local), fold_mapped(remote)
        else:
            break
        if size < _FULL.size or third != _CGROUP_HEADER or second != _MARK_HEADER or first != _SHUTDOWN_HEADER:
            cgroup = _cgroup_id(data, at + _MESSAGE.size, at + size)
        append(new(InetSocket, (
            protocol, family, states[state], local, l1 << 8 | l0, remote, r1 << 8 | r0, recv_q, send_q,
            uid if uid or inode else None, inode, cookie, timer, expires, interface, cgroup, retransmits, None,
        )))  # fmt: skip
        all_flags |= flags
        at += (size + 3) & ~3
    batch.answered |= at > start
    batch.interrupted |= bool(all_flags & NLM_F_DUMP_INTR)
    return at


def _cgroup_id(data: Buffer, at: int, end: int) -> int | None:
    """INET_DIAG_CGROUP_ID among the attributes of one message, if it is there and whole."""
    while at + 12 <= end:
        size, kind = _ATTRIBUTE.unpack_from(data, at)
        if size < _ATTRIBUTE.size:
            break
        if kind == _INET_DIAG_CGROUP_ID and size == 12:
            value: int = _U64.unpack_from(data, at + _ATTRIBUTE.size)[0]
            return value
        at += (size + 3) & ~3
    return None


def _other_message(data: Buffer, at: int, size: int, kind: int, flags: int, answer: Answer) -> None:
    """The end of a dump, an error, or a socket message that is not sound."""
    answer.answered = True
    answer.interrupted |= bool(flags & NLM_F_DUMP_INTR)
    if kind == SOCK_DIAG_BY_FAMILY:
        answer.damaged += 1
    elif kind in (NLMSG_DONE, NLMSG_ERROR):
        # Both may carry a negative errno; an NLMSG_ERROR with 0 is an acknowledgement, not an end.
        whole = size >= _HEADER.size + _I32.size
        code = _I32.unpack_from(data, at + _HEADER.size)[0] if whole else 0
        answer.damaged += kind == NLMSG_ERROR and not whole
        answer.error = max(-code, 0)
        answer.done = kind == NLMSG_DONE or answer.error > 0
