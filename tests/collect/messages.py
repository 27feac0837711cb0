"""Netlink messages as the kernel writes them, for tests: made from the layouts in its headers."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

DIAG, ERROR, DONE = 20, 2, 3
INFO = 2
SHUTDOWN, MARK, CGROUP, SOCKOPT = 8, 15, 21, 22


def netlink(kind: int, payload: bytes, *, sequence: int = 1, flags: int = 2) -> bytes:
    """One message, padded to 4 bytes."""
    size = 16 + len(payload)
    return struct.pack("=IHHII", size, kind, flags, sequence, 4321) + payload + bytes(-size % 4)


def attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + bytes(-size % 4)


def tcp_info(sent: int = 0, received: int = 0, acked: int = 0, *, size: int = 280) -> bytes:
    """INET_DIAG_INFO with the milliseconds since data was sent, data came and an ACK came; cut or filled to `size`."""
    times = struct.pack("=IIII", sent, 0, received, acked)
    return attribute(INFO, (b"\xaa" * 44 + times).ljust(size, b"\xbb")[:size])


def inet_diag(
    *,
    family: int = socket.AF_INET,
    state: int = 1,
    timer: int = 0,
    local: tuple[str, int] = ("10.0.0.7", 8080),
    remote: tuple[str, int] = ("10.2.3.4", 51234),
    interface: int = 0,
    cookie: int = 0x1_0000_0004,
    expires: int = 0,
    queues: tuple[int, int] = (0, 0),
    uid: int = 33,
    inode: int = 777,
    attributes: Iterable[bytes] = (),
) -> bytes:
    """``struct inet_diag_msg`` and its attributes."""
    return b"".join(
        [
            struct.pack("=BBBB", family, state, timer, 0),
            struct.pack(">HH", local[1], remote[1]),
            socket.inet_pton(family, local[0]).ljust(16, b"\0"),
            socket.inet_pton(family, remote[0]).ljust(16, b"\0"),
            struct.pack("=III", interface, cookie & 0xFFFFFFFF, cookie >> 32),
            struct.pack("=IIIII", expires, *queues, uid, inode),
            *attributes,
        ]
    )


def done(code: int = 0, *, sequence: int = 1, flags: int = 2) -> bytes:
    return netlink(DONE, struct.pack("=i", code), sequence=sequence, flags=flags)


def error(number: int, *, sequence: int = 1) -> bytes:
    return netlink(ERROR, struct.pack("=i", -number) + bytes(16), sequence=sequence)
