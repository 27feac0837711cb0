"""Dumps for tests: chunks of bytes read into what is known, and a kernel that answers with made-up ones."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sockview.collect.inet_diag import Answer
from sockview.collect.known_sockets import KnownSockets
from sockview.collect.socket_rows import read_rows
from sockview.model.inet_socket import InetSocket
from sockview.model.steps import finish
from tests.collect import messages as made

FAMILIES = {socket.AF_INET: 4, socket.AF_INET6: 6}


def read_dump(known: KnownSockets, chunks: Iterable[bytes], read_at: float = 0.0) -> tuple[list[InetSocket], Answer]:
    """A whole dump, and what its chunks said besides sockets."""
    answer = Answer()
    known.begin()
    for chunk in chunks:
        for rows in read_rows(chunk, len(chunk), 1, answer):
            known.take(rows, read_at)
    finish(known.finish())
    return list(known), answer


@dataclass
class FakeKernel:
    """Stands for `open_netlink`: each call opens a channel to it."""

    sockets: dict[tuple[int, int], Sequence[bytes]] = field(default_factory=dict)
    """(family, protocol) -> messages (`messages.inet_diag`)."""
    errors: dict[tuple[int, int], int] = field(default_factory=dict)
    """(family, protocol) -> the errno with which it ends the dump."""
    flags: int = 2
    """Of every message of a dump."""
    asked: list[tuple[int, int]] = field(default_factory=list)
    closed: int = 0

    def __call__(self) -> FakeChannel:
        return FakeChannel(self)


class FakeChannel:
    def __init__(self, kernel: FakeKernel) -> None:
        self._kernel = kernel
        self._answers: list[bytes] = []

    def send(self, data: bytes, /) -> int:
        sequence, family, protocol = struct.unpack_from("=8xI4xBB", data)
        kind = FAMILIES[family], protocol
        kernel = self._kernel
        kernel.asked.append(kind)
        messages = kernel.sockets.get(kind, ())
        chunk = b"".join(made.netlink(made.DIAG, m, sequence=sequence, flags=kernel.flags) for m in messages)
        end = (
            made.error(kernel.errors[kind], sequence=sequence)
            if kind in kernel.errors
            else made.done(sequence=sequence)
        )
        self._answers = [*([chunk] if chunk else []), end]
        return len(data)

    def recv_into(self, buffer: bytearray, nbytes: int = 0, flags: int = 0, /) -> int:
        assert nbytes == 0 and flags & socket.MSG_TRUNC
        if not self._answers:
            raise OSError(errno.EAGAIN, "nothing was asked")
        answer = self._answers.pop(0)
        buffer[: len(answer)] = answer
        return len(answer)

    def close(self) -> None:
        self._kernel.closed += 1
