"""The values of sockets from the bytes of their messages (``struct inet_diag_msg``). No I/O."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Final

from sockview.collect.inet_diag import MESSAGE_SIZE
from sockview.collect.socket_rows import padded, split
from sockview.model.inet_socket import UDP, InetSocket, fold_mapped
from sockview.model.memo import Memo
from sockview.model.tcp_state import CLOSE, UNCONN, normal_state

#: Attributes (``linux/inet_diag.h``).
_INET_DIAG_CGROUP_ID: Final = 21

_ATTRIBUTE: Final = struct.Struct("=HH")  # length, type
_U64: Final = struct.Struct("=Q")

_TCP_STATES: Final = tuple(normal_state(number) for number in range(256))
# A UDP socket has no TCP state: the kernel says CLOSE for one that is not connected (ss: UNCONN).
_UDP_STATES: Final = tuple(UNCONN if number == CLOSE else number for number in range(256))

#: Offsets in a message: of single bytes, of ports in units of 2 bytes, of numbers in units of 4.
_STATE, _TIMER, _RETRANSMITS = 17, 18, 19
_LOCAL_PORT, _REMOTE_PORT = 10, 11
_LOCAL, _REMOTE, _INTERFACE, _COOKIE, _RECV_Q, _SEND_Q, _UID, _INODE = 6, 10, 14, 15, 18, 19, 20, 21

#: Values of one kind that are kept to be shared.
_MOST_SHARED: Final = 8192


class Decoder:
    """Makes values in which equal ports, addresses and ids are the same objects: a busy server has few of them."""

    def __init__(self) -> None:
        self._ipv4 = Memo[int, bytes](lambda number: number.to_bytes(4, sys.byteorder), _MOST_SHARED)
        self._ipv6 = Memo(fold_mapped, _MOST_SHARED)
        self._ports: dict[int, int] = {}
        self._uids = Memo[int, int](int, _MOST_SHARED)
        self._cgroups = Memo(_cgroup_id, _MOST_SHARED)

    def decode(
        self, protocol: int, family: int, size: int, block: bytes, expires: Iterable[int], read_at: Iterable[float]
    ) -> list[InetSocket]:
        """The sockets of a block of messages (see `Rows`), in their order.

        `expires` are their countdowns in milliseconds, `read_at` the monotonic seconds at which the kernel wrote each.
        Where no timer runs that is of no use, and would be a number more to keep for most sockets.
        """
        stride = padded(size)
        words = memoryview(block).cast("I")
        step = stride // 4

        def number(column: int) -> list[int]:
            return words[column::step].tolist()

        local, remote = self._addresses(family, stride, block)
        states = _UDP_STATES if protocol == UDP else _TCP_STATES
        inodes, timers = number(_INODE), block[_TIMER::stride]
        moments = [moment if timer else None for timer, moment in zip(timers, read_at, strict=True)]
        # fmt: off
        values = zip(
            repeat(protocol), repeat(family), map(states.__getitem__, block[_STATE::stride]),
            local, self._port(_LOCAL_PORT, stride, block), remote, self._port(_REMOTE_PORT, stride, block),
            number(_RECV_Q), number(_SEND_Q), self._known_uids(number(_UID), inodes), inodes,
            _cookies(words, step), timers, expires, number(_INTERFACE),
            map(self._cgroups.__getitem__, _attributes(size, block)), block[_RETRANSMITS::stride], moments,
        )
        # fmt: on
        return list(map(tuple.__new__, repeat(InetSocket), values))

    def _addresses(self, family: int, stride: int, block: bytes) -> tuple[Iterable[bytes], Iterable[bytes]]:
        if family == 4:
            words, known = memoryview(block).cast("I"), self._ipv4.__getitem__
            local, remote = (words[column :: stride // 4].tolist() for column in (_LOCAL, _REMOTE))
            return map(known, local), map(known, remote)
        pairs = list(_ipv6_addresses(stride).iter_unpack(block))
        folded = self._ipv6
        return [folded[local] for local, _ in pairs], [folded[remote] for _, remote in pairs]

    def _port(self, column: int, stride: int, block: bytes) -> Iterable[int]:
        ports = array("H", memoryview(block).cast("H")[column :: stride // 2].tobytes())
        if sys.byteorder == "little":
            ports.byteswap()
        numbers = ports.tolist()
        return map(self._ports.setdefault, numbers, numbers)

    def _known_uids(self, uids: Sequence[int], inodes: Sequence[int]) -> Iterable[int | None]:
        """The kernel keeps no user of a socket that no process holds: it tells 0 there."""
        if all(inodes):
            return map(self._uids.__getitem__, uids)
        return [self._uids[uid] if uid or inode else None for uid, inode in zip(uids, inodes, strict=True)]


def _cookies(words: memoryview, step: int) -> list[int]:
    """They take two numbers each, of which the second need not begin at a multiple of 8 bytes."""
    first, second = words[_COOKIE::step], words[_COOKIE + 1 :: step]
    pairs = memoryview(bytearray(8 * len(first)))
    halves = pairs.cast("I")
    halves[::2], halves[1::2] = first, second
    return pairs.cast("Q").tolist()


def cookie_halves(stride: int, block: bytes) -> list[int]:
    """A part of the cookie of each message, which costs next to nothing: what `cookie_half` gives of the whole."""
    return memoryview(block).cast("I")[_COOKIE :: stride // 4].tolist()


def cookie_half(cookie: int) -> int:
    """The first 4 bytes of a cookie as it stands in a message."""
    return cookie >> (0 if sys.byteorder == "little" else 32) & 0xFFFFFFFF


@lru_cache(maxsize=16)
def _ipv6_addresses(stride: int) -> struct.Struct:
    return struct.Struct(f"=24x16s16s{stride - 56}x")


def _attributes(size: int, block: bytes) -> Iterable[bytes]:
    """The attributes of each message, as they stand there."""
    return repeat(b"") if size == MESSAGE_SIZE else split(block, padded(size), MESSAGE_SIZE, size)


def _cgroup_id(attributes: bytes) -> int | None:
    """INET_DIAG_CGROUP_ID among the attributes of one message, if it is there and whole."""
    at, end = 0, len(attributes)
    while at + 12 <= end:
        size, kind = _ATTRIBUTE.unpack_from(attributes, at)
        if size < _ATTRIBUTE.size:
            break
        if kind == _INET_DIAG_CGROUP_ID and size == 12:
            value: int = _U64.unpack_from(attributes, at + _ATTRIBUTE.size)[0]
            return value
        at += padded(size)
    return None
