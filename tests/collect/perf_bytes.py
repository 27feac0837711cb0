"""Builds the records of a perf ring as the kernel writes them, and a ring to put them into."""

from __future__ import annotations

import mmap
import socket
import struct
from typing import Final

from sockview.collect.perf_event import Ring
from sockview.collect.perf_records import COMM, EXIT, FORK, LOST, NAMESPACES, SAMPLE, Decoder
from sockview.collect.tracepoint_format import parse_format

#: The file of Linux 6.18, but for its last line.
FORMAT: Final = """\
name: inet_sock_set_state
ID: 2287
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;
\tfield:int oldstate;\toffset:16;\tsize:4;\tsigned:1;
\tfield:int newstate;\toffset:20;\tsize:4;\tsigned:1;
\tfield:__u16 sport;\toffset:24;\tsize:2;\tsigned:0;
\tfield:__u16 dport;\toffset:26;\tsize:2;\tsigned:0;
\tfield:__u16 family;\toffset:28;\tsize:2;\tsigned:0;
\tfield:__u16 protocol;\toffset:30;\tsize:2;\tsigned:0;
\tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;
\tfield:__u8 daddr[4];\toffset:36;\tsize:4;\tsigned:0;
\tfield:__u8 saddr_v6[16];\toffset:40;\tsize:16;\tsigned:0;
\tfield:__u8 daddr_v6[16];\toffset:56;\tsize:16;\tsigned:0;

print fmt: "family=%s protocol=%s"
"""


def decoder() -> Decoder:
    return Decoder(parse_format(FORMAT))


def record(kind: int, body: bytes, misc: int = 0) -> bytes:
    return struct.pack("=IHH", kind, misc, 8 + len(body)) + body


def _trailer(pid: int, tid: int, time: int) -> bytes:
    return struct.pack("=iiQ", pid, tid, time)


def sample(
    time: int,
    old: int,
    new: int,
    *,
    pid: int = 10,
    tid: int | None = None,
    name: int = 1,
    local: tuple[str, int] = ("10.0.0.7", 8080),
    remote: tuple[str, int] = ("10.2.3.4", 51234),
    flags: int = 0,
) -> bytes:
    """A socket named `name` by the kernel takes the state `new`."""
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    packed = [socket.inet_pton(family, address) for address, _ in (local, remote)]
    four = packed if family == socket.AF_INET else [bytes(4)] * 2
    six = packed if family == socket.AF_INET6 else [b"\0" * 10 + b"\xff\xff" + address for address in packed]
    raw = struct.pack("=HBBiQ", 2287, flags, 0, pid, name) + struct.pack(
        "=iiHHHH4s4s16s16s", old, new, local[1], remote[1], family, 6, *four, *six
    )
    head = struct.pack("=iiQI", pid, pid if tid is None else tid, time, len(raw) + 4)
    return record(SAMPLE, head + raw + bytes(4), misc=1)


def fork(time: int, pid: int, parent: int, *, tid: int | None = None, parent_tid: int | None = None) -> bytes:
    threads = (pid if tid is None else tid, parent if parent_tid is None else parent_tid)
    body = struct.pack("=iiiiQ", pid, parent, *threads, time)
    return record(FORK, body + _trailer(parent, threads[1], time))


def thread_end(time: int, pid: int, tid: int | None = None) -> bytes:
    tid = pid if tid is None else tid
    return record(EXIT, struct.pack("=iiiiQ", pid, 1, tid, 1, time) + _trailer(pid, tid, time))


def comm(time: int, pid: int, name: bytes, *, tid: int | None = None, by_exec: bool = True) -> bytes:
    tid = pid if tid is None else tid
    padded = name + bytes(8 - len(name) % 8)
    return record(COMM, struct.pack("=ii", pid, tid) + padded + _trailer(pid, tid, time), misc=by_exec << 13)


def namespaces(time: int, pid: int, net: int, *, tid: int | None = None) -> bytes:
    tid = pid if tid is None else tid
    links = struct.pack("=QQ", 4, net) + struct.pack("=QQ", 4, 1) * 6
    return record(NAMESPACES, struct.pack("=iiQ", pid, tid, 7) + links + _trailer(pid, tid, time))


def lost(time: int, count: int) -> bytes:
    return record(LOST, struct.pack("=QQ", 1, count) + _trailer(0, 0, time))


class FilledRing(Ring):
    """A ring that a test fills as the kernel would."""

    def __init__(self, size: int = 1 << 16, start: int = 0) -> None:
        """`start`: bytes that have gone through it before."""
        self.bytes = bytearray(mmap.PAGESIZE + size)
        struct.pack_into("=QQ", self.bytes, 1024, start, start)
        super().__init__(self.bytes, size)

    def write(self, *records: bytes) -> None:
        """Write as many as have room; the rest is lost without a word."""
        for data in records:
            head, tail = struct.unpack_from("=QQ", self.bytes, 1024)
            if head + len(data) - tail > self.size:
                return
            for number, byte in enumerate(data):
                self.bytes[mmap.PAGESIZE + (head + number) % self.size] = byte
            struct.pack_into("=Q", self.bytes, 1024, head + len(data))
