"""The bytes of sock_diag: a request out, the kernel's messages in. No I/O.

Layouts are those of ``linux/netlink.h`` (``struct nlmsghdr``), ``linux/sock_diag.h`` and
``linux/inet_diag.h`` (``struct inet_diag_req_v2``, ``struct inet_diag_msg``): host byte order, but
ports and addresses in network order. States, attributes and message types that are not known here
are kept or skipped, never refused: newer kernels send newer ones.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sockview.model.inet_socket import InetSocket, unfold_mapped
from sockview.model.tcp_state import BOUND_INACTIVE

#: Message types (``linux/netlink.h``, ``linux/sock_diag.h``).
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
SOCK_DIAG_BY_FAMILY: Final = 20

NLM_F_MULTI: Final = 0x2
NLM_F_DUMP_INTR: Final = 0x10
_NLM_F_REQUEST: Final = 0x1
_NLM_F_DUMP: Final = 0x300

#: Every state, known or not, as ``ss -a`` asks for. Left out are bound sockets that neither listen nor
#: connect: the kernel (6.8 and later) reports them with the state CLOSE and no other tool lists them.
ALL_STATES: Final = 0xFFFFFFFF & ~(1 << BOUND_INACTIVE)

#: Address family -> its number (``linux/socket.h``): Linux's, whatever system reads a recorded dump.
AF_NUMBERS: Final[dict[int, int]] = {4: 2, 6: 10}

_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port id
# The header; family, protocol, extensions, states. Behind it a socket: ports, addresses; interface, cookie.
_REQUEST: Final = struct.Struct("=IHHIIBBBxI")
_ENDS: Final = struct.Struct(">HH16s16s")
_REST: Final = struct.Struct("=IQ")
_ANY_SOCKET: Final = bytes(_ENDS.size + 4) + b"\xff" * 8  # INET_DIAG_NOCOOKIE twice

#: Bytes of a socket message before its attributes: ``struct nlmsghdr`` and ``struct inet_diag_msg``.
HEADER_SIZE: Final = _HEADER.size
MESSAGE_SIZE: Final = HEADER_SIZE + 72
_I32: Final = struct.Struct("=i")

Buffer = bytes | bytearray | memoryview
"""What received bytes may lie in."""


def dump_request(family: int, protocol: int, sequence: int, states: int = ALL_STATES, extensions: int = 0) -> bytes:
    """A SOCK_DIAG_BY_FAMILY dump request.

    `family` is 4 or 6, `protocol` an IP protocol number, `states` a mask with a bit for each state
    number, `extensions` a mask with the bit ``1 << (attribute - 1)`` for each attribute wanted.
    """
    return _request(_NLM_F_DUMP, family, protocol, sequence, states, extensions) + _ANY_SOCKET


def request_of_one(s: InetSocket, sequence: int, extensions: int) -> bytes:
    """A SOCK_DIAG_BY_FAMILY request for one socket, which the kernel finds by its addresses and its cookie.

    It answers with one message, or with ENOENT where there is no such socket any more.
    """
    local, remote = s.local_address, s.remote_address
    if s.family == 6:
        local, remote = unfold_mapped(local), unfold_mapped(remote)
    socket = _ENDS.pack(s.local_port, s.remote_port, local, remote) + _REST.pack(s.interface, s.cookie)
    return _request(0, s.family, s.protocol, sequence, ALL_STATES, extensions) + socket


def _request(flags: int, family: int, protocol: int, sequence: int, states: int, extensions: int) -> bytes:
    size = _REQUEST.size + len(_ANY_SOCKET)
    kind, flags, af = SOCK_DIAG_BY_FAMILY, flags | _NLM_F_REQUEST, AF_NUMBERS[family]
    return _REQUEST.pack(size, kind, flags, sequence, 0, af, protocol, extensions, states)


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
