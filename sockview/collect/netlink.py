"""The sock_diag socket: asks the kernel for its socket table, one family and protocol at a time.

Needs no privilege: every user may see every TCP and UDP socket of the network namespace
(``sock_diag(7)``). Nothing here waits longer than `TIMEOUT` for the kernel.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from sockview.collect.inet_diag import ALL_STATES, Answer, dump_request, request_of_one
from sockview.collect.known_sockets import KnownSockets
from sockview.collect.socket_rows import read_rows
from sockview.collect.tcp_info import ASK_FOR_INFO, TcpTimes, parse_times
from sockview.errors import CollectError
from sockview.model.inet_socket import TCP, UDP, InetSocket

_NETLINK_SOCK_DIAG: Final = 4  # linux/netlink.h
#: Seconds to wait for a message. The kernel writes a dump while it is read, so it is never really waited for.
TIMEOUT: Final = 2.0
#: A dump comes in pieces of at most 32 KiB (``netlink_recvmsg`` in ``net/netlink/af_netlink.c``).
_BUFFER_SIZE: Final = 64 * 1024
#: So many chunks without one message of ours: something else is writing to this socket.
_MAX_FOREIGN_CHUNKS: Final = 1000
#: Sockets asked for one by one in one step, at about 10 us each.
_ONES_A_STEP: Final = 100

_PROTOCOL_NAMES: Final[dict[int, str]] = {TCP: "TCP", UDP: "UDP"}

#: How the kernel answers about one socket: no error, none has these addresses (inet_diag_find_one_icsk), or another
#: one has them, with another cookie (sock_diag_check_cookie, ``net/core/sock_diag.c``).
_FOUND_OR_GONE: Final = frozenset({0, errno.ENOENT, errno.ESTALE})

_REMEDIES: Final[dict[int, str]] = {
    errno.EPERM: "a security policy forbids it; allow AF_NETLINK or use --source psutil",
    errno.EACCES: "a security policy forbids it; allow AF_NETLINK or use --source psutil",
    errno.ENOENT: "the kernel lacks the module; load tcp_diag and udp_diag with modprobe",
    errno.EPROTONOSUPPORT: "the kernel has no sock_diag; load inet_diag with modprobe or use --source psutil",
    errno.EAFNOSUPPORT: "the kernel or a sandbox has no netlink; use --source psutil",
    errno.EOPNOTSUPP: "the kernel or a sandbox does not support it; use --source psutil",
    errno.ENOBUFS: "the kernel ran out of memory for the answer; try again",
    errno.ENOMEM: "the kernel ran out of memory for the answer; try again",
    errno.EMFILE: "sockview has too many files open; raise ulimit -n",
    errno.ENFILE: "the system has too many files open; close some or raise fs.file-max",
    errno.ETIMEDOUT: "the kernel did not answer in time; try again, or use --source psutil",
    errno.EPROTO: "the answers do not belong to the question; use --source psutil",
}
_REMEDY: Final = "try again, or use --source psutil"


class Channel(Protocol):
    """What a dump needs of a socket."""

    def send(self, data: bytes, /) -> int: ...

    def recv_into(self, buffer: bytearray, nbytes: int = ..., flags: int = ..., /) -> int:
        """The length of the next datagram, even where it is longer than the buffer (MSG_TRUNC)."""
        ...


class DumpError(CollectError):
    """sock_diag, or one dump, failed."""

    def __init__(self, what: str, number: int, remedy: str | None = None) -> None:
        self.errno = number
        """Tells a caller whether the kernel merely lacks that family."""
        self.reason = f"{what} ({os.strerror(number)})" if number else what
        """Without the remedy, for a caller that has another one."""
        super().__init__(f"{self.reason}: {remedy or _REMEDIES.get(number, _REMEDY)}.")


@dataclass(frozen=True, slots=True)
class Dump:
    """How the dump of one family and protocol went."""

    interrupted: bool = False
    """The table changed during both attempts: rows may be missing."""
    damaged: int = 0
    """Messages that could not be understood."""


def open_netlink() -> socket.socket:
    """A sock_diag socket of the present network namespace; the caller closes it. Raises CollectError."""
    if not hasattr(socket, "AF_NETLINK"):
        raise DumpError("this system has no sock_diag, the socket table of Linux", 0, "use --source psutil")
    try:
        channel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
    except OSError as error:
        raise DumpError("sock_diag cannot be opened", error.errno or 0) from error
    try:
        channel.settimeout(TIMEOUT)
        channel.connect((0, 0))  # from now on only the kernel is heard
    except OSError as error:
        channel.close()
        raise DumpError("sock_diag cannot be reached", error.errno or 0) from error
    return channel


def probe() -> None:
    """Return if sock_diag answers at all; else raise CollectError with the reason."""
    with closing(open_netlink()) as channel:
        for _ in dump_sockets(channel, 4, TCP, KnownSockets(TCP), states=0):
            pass


def dump_name(family: int, protocol: int) -> str:
    """``TCP over IPv4``."""
    return f"{_PROTOCOL_NAMES.get(protocol, protocol)} over IPv{family}"


def dump_sockets(
    channel: Channel,
    family: int,
    protocol: int,
    known: KnownSockets,
    *,
    clock: Callable[[], float] = time.monotonic,
    states: int = ALL_STATES,
    sequence: int = 1,
) -> Generator[None, None, Dump]:
    """Dump the sockets of one family (4 or 6) and protocol into `known`, yielding after each chunk (about 0.3 ms).

    A dump that the kernel marks as interrupted is made once more; `sequence` and the number after it
    name the two attempts. Raises DumpError; `known` then has the beginning of a dump.
    """
    for attempt in (0, 1):
        known.begin()
        request = dump_request(family, protocol, sequence + attempt, states)
        take = _taker(known, sequence + attempt, clock)
        answer = yield from converse(channel, request, dump_name(family, protocol), take)
        if not answer.interrupted:
            break
    yield from known.finish()
    return Dump(answer.interrupted, answer.damaged)


def _taker(known: KnownSockets, sequence: int, clock: Callable[[], float]) -> Callable[[bytearray, int], Answer]:
    """What takes the chunks of a dump that is about to be asked for."""
    # The kernel writes the first chunk when it is asked, any other one when the one before it is fetched
    # (netlink_recvmsg, net/netlink/af_netlink.c), however long it waits then.
    written = clock()

    def take(buffer: bytearray, length: int) -> Answer:
        nonlocal written
        read_at, written = written, clock()
        answer = Answer()
        for rows in read_rows(buffer, length, sequence, answer):
            known.take(rows, read_at)
        return answer

    return take


def dump_times(
    families: Iterable[int], state: int, take: Callable[[Sequence[TcpTimes]], None]
) -> Generator[None, None, None]:
    """Hand to `take` the times of the TCP sockets in one state of these families (4, 6), chunk by chunk.

    Yields after each chunk (about 0.2 ms). What is in a chunk was read by the kernel between the
    call and `take`. A table that changes meanwhile may hide a socket. Raises DumpError.
    """

    def parse(buffer: bytearray, length: int) -> Answer:
        batch = parse_times(buffer, length, 1)
        take(batch.times)
        return batch

    for family in families:
        request = dump_request(family, TCP, 1, 1 << state, ASK_FOR_INFO)
        with closing(open_netlink()) as channel:
            yield from converse(channel, request, f"tcp_info of {dump_name(family, TCP)}", parse)


def ask_times(sockets: Sequence[InetSocket], take: Callable[[Sequence[TcpTimes]], None]) -> Generator[None, None, None]:
    """The same for single TCP sockets, in steps of a millisecond; one that has gone has no times. Raises DumpError."""
    with _failing_as("tcp_info"), closing(open_netlink()) as channel:
        buffer = bytearray(_BUFFER_SIZE)
        for number, s in enumerate(sockets, 1):
            channel.send(request_of_one(s, number, ASK_FOR_INFO))
            batch = parse_times(buffer, channel.recv_into(buffer, 0, socket.MSG_TRUNC), number)
            if batch.error not in _FOUND_OR_GONE:
                raise OSError(batch.error, os.strerror(batch.error))
            take(batch.times)
            if number % _ONES_A_STEP == 0:
                yield


def converse(
    channel: Channel, request: bytes, name: str, take: Callable[[bytearray, int], Answer]
) -> Generator[None, None, Answer]:
    """Send a dump request and hand each chunk of the answer to `take`, yielding after each (about 1 ms).

    `take` gets a buffer and the number of its bytes, which is higher than it is long where the
    chunk did not fit. The sum of what it returned is returned. Raises DumpError about `name`.
    """
    with _failing_as(name):
        channel.send(request)
        return (yield from _receive(channel, take))


@contextmanager
def _failing_as(name: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise DumpError(f"{name} cannot be read", errno.ETIMEDOUT) from error
    except OSError as error:
        raise DumpError(f"{name} cannot be read", error.errno or 0) from error


def _receive(channel: Channel, take: Callable[[bytearray, int], Answer]) -> Generator[None, None, Answer]:
    total = Answer()
    buffer = bytearray(_BUFFER_SIZE)
    foreign = 0
    while True:
        length = channel.recv_into(buffer, 0, socket.MSG_TRUNC)
        answer = take(buffer, length)
        total.interrupted |= answer.interrupted
        total.damaged += answer.damaged + (length > len(buffer))
        if answer.error:
            raise OSError(answer.error, os.strerror(answer.error))
        if answer.done:
            return total
        foreign = 0 if answer.answered else foreign + 1
        if foreign > _MAX_FOREIGN_CHUNKS:
            raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
        yield
