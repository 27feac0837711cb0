"""Counters of a tracepoint, one a CPU, and the rings into which the kernel writes their records.

``perf_event_open(2)``, ``linux/perf_event.h``. A counter lives as long as its descriptor: however the
process ends, the kernel takes it away and nothing is left behind.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import struct
import time
from typing import Final

from sockview.collect.c_library import call

# What a sample holds, and which other records come (linux/perf_event.h).
_TYPE_TRACEPOINT: Final = 2
_SAMPLE_TID: Final = 1 << 1
_SAMPLE_TIME: Final = 1 << 2
_SAMPLE_RAW: Final = 1 << 10
_DISABLED: Final = 1 << 0
_COMM: Final = 1 << 9
_TASK: Final = 1 << 13
_SAMPLE_ID_ALL: Final = 1 << 18
_COMM_EXEC: Final = 1 << 24
_USE_CLOCKID: Final = 1 << 25
_NAMESPACES: Final = 1 << 28
_FLAG_FD_CLOEXEC: Final = 1 << 3

#: struct perf_event_attr as of Linux 4.1 (PERF_ATTR_SIZE_VER3): the kernel takes older ones.
_ATTR: Final = struct.Struct("=IIQQQQQIIQQQQIi")

#: _IO('$', 0) and _IOW('$', 6, char *), where pointers have eight bytes.
_IOC_ENABLE: Final = 0x2400
_IOC_SET_FILTER: Final = 0x40082406

#: Machine -> number of the call (``asm/unistd.h``). All of these are little-endian with pointers of eight bytes.
_SYSCALL: Final[dict[str, int]] = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "loongarch64": 241}

#: Indices of data_head and data_tail among the 64-bit words of the first page (struct perf_event_mmap_page).
_HEAD: Final = 1024 // 8
_TAIL: Final = 1032 // 8

#: Bytes of all rings together, and of one.
BUDGET: Final = 16 << 20
LARGEST: Final = 4 << 20
#: Some 2,400 records: what one busy CPU reports in a tenth of a second.
SMALLEST: Final = 256 << 10
#: A ring that the limit of locked memory has made smaller than this is of no use.
_LEAST: Final = 16 << 10
#: With less free room than this the next record may have been lost. The longest has some 200 bytes.
_NEARLY_FULL: Final = 512

_ONLINE: Final = "/sys/devices/system/cpu/online"


def ring_size(cpus: int) -> int:
    """Bytes of one ring where there are so many: a power of two, LARGEST at most, SMALLEST at least."""
    share = max(BUDGET // max(cpus, 1), 1)
    return max(SMALLEST, min(LARGEST, 1 << (share.bit_length() - 1)))


def online_cpus(path: str = _ONLINE) -> list[int]:
    """The CPUs that are online now (``Documentation/admin-guide/cputopology.rst``: ``0-3,8``)."""
    try:
        with open(path, encoding="ascii") as file:
            text = file.read(4096)
    except FileNotFoundError:
        return list(range(os.cpu_count() or 1))
    cpus: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdecimal():
            cpus.extend(range(int(first), int(last or first) + 1))
    return cpus


class Ring:
    """The records that the kernel writes into a shared memory: a page of its own, then `size` bytes in a circle."""

    def __init__(self, memory: mmap.mmap | bytearray, size: int) -> None:
        """`size`: bytes, a power of two."""
        self._memory = memory
        self._words = memoryview(memory)[: mmap.PAGESIZE].cast("Q")
        self._tail = self._words[_TAIL]
        self.size = size
        self.last: int | None = None
        """Time of the last record read, in nanoseconds, as the one who decodes it notes it here."""
        self.was_full = False
        """So little room was left when something was last read that the record after may have found none."""

    def read(self) -> bytes:
        """What was written since the last look; its room is given back to the kernel.

        The kernel writes the head after the records. No barrier stands between reading the head and
        reading them: the interpreter executes far more in between than a processor holds back.
        """
        head = self._words[_HEAD]
        length = head - self._tail
        if length == 0:
            return b""
        data = b""
        if 0 < length <= self.size:
            start = self._tail & (self.size - 1)
            first = min(length, self.size - start)
            data = bytes(self._memory[mmap.PAGESIZE + start : mmap.PAGESIZE + start + first])
            if length > first:
                data += self._memory[mmap.PAGESIZE : mmap.PAGESIZE + length - first]
        self._tail = self._words[_TAIL] = head
        self.was_full = not 0 < length <= self.size - _NEARLY_FULL
        return data

    def close(self) -> None:
        """Nothing can be read any more; may be called twice."""
        self._words.release()


class Counter(Ring):
    """A tracepoint on one CPU, at work, and the ring of what it reports."""

    def __init__(self, tracepoint: int, cpu: int, condition: str, size: int) -> None:
        """`condition` is the filter that the kernel applies (``Documentation/trace/events.rst``, 5).

        `size`: bytes, a power of two of pages; less is taken where locked memory is limited. Raises
        OSError where the kernel gives none.
        """
        descriptor = _open_counter(tracepoint, cpu)
        try:
            fcntl.ioctl(descriptor, _IOC_SET_FILTER, condition.encode("ascii") + b"\0")
            self._mapped, size = _map(descriptor, size)
            super().__init__(self._mapped, size)
            fcntl.ioctl(descriptor, _IOC_ENABLE, 0)
        finally:
            os.close(descriptor)  # the mapping has a duplicate of its own

    def close(self) -> None:
        super().close()
        self._mapped.close()


def _open_counter(tracepoint: int, cpu: int) -> int:
    number = _SYSCALL.get(os.uname().machine)
    if number is None or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    flags = _DISABLED | _COMM | _COMM_EXEC | _TASK | _NAMESPACES | _SAMPLE_ID_ALL | _USE_CLOCKID
    sample = _SAMPLE_TID | _SAMPLE_TIME | _SAMPLE_RAW
    attr = _ATTR.pack(
        *(_TYPE_TRACEPOINT, _ATTR.size, tracepoint, 1, sample, 0, flags),
        *(0, 0, 0, 0, 0, 0, 0, time.CLOCK_MONOTONIC),
    )
    # Every process (-1) on that CPU, in no group (-1).
    return call("syscall", number, attr, -1, cpu, -1, _FLAG_FD_CLOEXEC)


def _map(descriptor: int, size: int) -> tuple[mmap.mmap, int]:
    """The ring's memory, and its size without the first page."""
    while True:
        try:
            return mmap.mmap(descriptor, mmap.PAGESIZE + size), size
        except OSError as error:
            # Locked memory is limited per user (perf_event_mlock_kb and RLIMIT_MEMLOCK).
            if error.errno not in (errno.EPERM, errno.ENOMEM) or size // 2 < max(_LEAST, mmap.PAGESIZE):
                raise
            size //= 2
