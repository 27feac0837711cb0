"""One kernel socket as a frozen value, and the text of its addresses."""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import Final, NamedTuple

TCP: Final = 6
UDP: Final = 17

#: Values of idiag_timer (``sock_diag(7)``) that mean something here.
TIMER_NONE: Final = 0
TIMER_RETRANSMIT: Final = 1
TIMER_KEEPALIVE: Final = 2
TIMER_TIME_WAIT: Final = 3
TIMER_ZERO_WINDOW: Final = 4

#: Length of TIME_WAIT in seconds (TCP_TIMEWAIT_LEN, ``include/net/tcp.h``): a kernel constant.
TIME_WAIT_SECONDS: Final = 60.0


class InetSocket(NamedTuple):
    """A TCP or UDP socket at one instant (``struct inet_diag_msg``, ``linux/inet_diag.h``).

    A tuple, because a busy server has 100,000 of them and a tuple is the cheapest value to make.
    """

    protocol: int
    """TCP (6) or UDP (17)."""
    family: int
    """4 or 6: the address family that the socket was opened with."""
    state: int
    """A number of :mod:`sockview.model.tcp_state` as `normal_state` gives it; an unconnected UDP socket has UNCONN."""
    local_address: bytes
    """4 or 16 bytes in network order; IPv4-mapped IPv6 addresses are folded to 4 bytes."""
    local_port: int
    remote_address: bytes
    remote_port: int
    recv_q: int | None
    """Bytes the process has not read; on LISTEN the accept queue's length. None: not known."""
    send_q: int | None
    """Bytes the peer has not acknowledged; on LISTEN the accept queue's limit. None: not known."""
    uid: int | None
    """User id of the socket's creator; None where the kernel keeps none (TIME_WAIT, orphans)."""
    inode: int
    """0: no process can hold it. Negative: a stand-in made by a source that has no inodes."""
    cookie: int
    """The kernel's name of this socket for life. Negative: a stand-in hashed from the addresses."""
    timer: int = TIMER_NONE
    expires_ms: int = 0
    """Milliseconds until the timer fires, counted from `read_at`."""
    interface: int = 0
    """Interface index the socket is bound to; 0 for none."""
    cgroup_id: int | None = None
    """Inode number of the socket's cgroup-v2 directory, where the kernel tells."""
    retransmits: int = 0
    """Unanswered attempts so far of what the timer repeats: data, a window probe, a keep-alive probe."""
    read_at: float | None = None
    """Monotonic seconds at which `expires_ms` was read; None: when its snapshot was taken, or there is no timer. As
    long as the timer runs on and nothing else changes, a source may go on delivering this same value."""

    def timer_left(self, clock: float) -> float:
        """Seconds until the timer fires, as seen in a snapshot taken at `clock`; never below 0."""
        read_at = self.read_at
        return max(0.0, self.expires_ms / 1000 - (0.0 if read_at is None else max(0.0, clock - read_at)))

    @property
    def netid(self) -> str:
        """``tcp`` or ``udp``, as ss(8) calls it."""
        return "tcp" if self.protocol == TCP else "udp"


@lru_cache(maxsize=65536)
def address_text(address: bytes) -> str:
    """The usual text of a 4- or 16-byte address; ``*`` where there is none."""
    if len(address) == 4:
        return socket.inet_ntop(socket.AF_INET, address)
    if len(address) == 16:
        return socket.inet_ntop(socket.AF_INET6, address)
    return "*"


def packed_address(text: str) -> bytes | None:
    """The 4 or 16 bytes of an address from its usual text, the reverse of `address_text`; None for other text."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):  # ValueError: a NUL or a surrogate in the text
        return None


def endpoint_text(address: bytes, port: int) -> str:
    """``10.0.0.7:8080``, ``[fe80::1]:443``; a port of 0 is written ``*``."""
    text = address_text(address)
    number = str(port) if port else "*"
    return f"[{text}]:{number}" if len(address) == 16 else f"{text}:{number}"


def is_wildcard(address: bytes) -> bool:
    """Whether the address is 0.0.0.0 or :: (any local address, or no peer)."""
    return not any(address)


def is_loopback(address: bytes) -> bool:
    """127.0.0.0/8 or ::1 (RFC 1122, RFC 4291)."""
    if len(address) == 4:
        return address[0] == 127
    return len(address) == 16 and address[15] == 1 and not any(address[:15])


_MAPPED_PREFIX: Final = b"\0" * 10 + b"\xff\xff"


def fold_mapped(address: bytes) -> bytes:
    """An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) as its 4 bytes; any other as it is."""
    return address[12:] if len(address) == 16 and address.startswith(_MAPPED_PREFIX) else address


def unfold_mapped(address: bytes) -> bytes:
    """The 16 bytes that `fold_mapped` was given."""
    return _MAPPED_PREFIX + address if len(address) == 4 else address
