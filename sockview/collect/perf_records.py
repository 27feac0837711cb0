"""The records of a perf ring, from bytes (``linux/perf_event.h``, enum perf_event_type).

Every record begins with (kind, misc, size); all kinds here are made to agree in their first six
fields, so that records of several rings can be sorted by time. Samples are those of the tracepoint
``sock:inet_sock_set_state``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sockview.collect.tracepoint_format import Field

LOST: Final = 2
COMM: Final = 3
EXIT: Final = 4
FORK: Final = 7
SAMPLE: Final = 9
NAMESPACES: Final = 16

#: Bits of a sample's `flags`: the process is only the one that was interrupted (enum trace_flag_type,
#: ``linux/trace_events.h``: hardirq, softirq, NMI).
IN_INTERRUPT: Final = 0x08 | 0x10 | 0x40
#: Bit of `misc` of a COMM record: by execve, not by prctl.
BY_EXEC: Final = 1 << 13

#: The tracepoint's fields that are used, as they stand in Sample.
_WANTED: Final = (
    *("common_flags", "skaddr", "oldstate", "newstate", "sport", "dport"),
    *("family", "saddr", "daddr", "saddr_v6", "daddr_v6"),
)
_ADDRESSES: Final = {"saddr": 4, "daddr": 4, "saddr_v6": 16, "daddr_v6": 16}
_CODES: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}

_HEADER: Final = struct.Struct("=IHH")
#: pid, tid, time, and the size of the raw data.
_SAMPLE_HEAD: Final = struct.Struct("=IHHiiQI")
_LOST: Final = struct.Struct("=QQiiQ")
_TASK: Final = struct.Struct("=iiiiQ")
_IDS: Final = struct.Struct("=ii")
_SPACES: Final = struct.Struct("=iiQQQ")
#: What sample_id_all adds at the end of every other record: pid, tid, time.
_TRAILER: Final = struct.Struct("=8xQ")


class Sample(NamedTuple):
    """A socket took another state; the process is the one that ran then."""

    kind: int
    misc: int
    size: int
    pid: int
    tid: int
    time: int
    """Nanoseconds of CLOCK_MONOTONIC."""
    raw_size: int
    flags: int
    socket: int
    """The kernel's address of it: names the socket as long as it lives."""
    old: int
    new: int
    local_port: int
    remote_port: int
    family: int
    """AF_INET or AF_INET6."""
    local4: bytes
    remote4: bytes
    local6: bytes
    remote6: bytes


class Fork(NamedTuple):
    """A new process, or a new thread (then pid is parent_pid); as EXIT, one that ended."""

    kind: int
    misc: int
    size: int
    pid: int
    tid: int
    time: int
    parent_pid: int
    parent_tid: int


class Comm(NamedTuple):
    """A thread has another name; the process's where tid is pid."""

    kind: int
    misc: int
    size: int
    pid: int
    tid: int
    time: int
    comm: bytes


class Namespaces(NamedTuple):
    """The network namespace of a thread: a new one, or one that has moved."""

    kind: int
    misc: int
    size: int
    pid: int
    tid: int
    time: int
    net: int
    """Inode number."""


class Lost(NamedTuple):
    """So many records found no room before this one."""

    kind: int
    misc: int
    size: int
    pid: int
    tid: int
    time: int
    records: int


Record = Sample | Fork | Comm | Namespaces


class Decoded(NamedTuple):
    """What is to be said of some decoded bytes besides the records."""

    damaged: int
    """Records that could not be understood."""
    losses: tuple[tuple[int | None, Lost], ...]
    """Time of the record before it, where these bytes have one, and the report of the loss."""


#: Of any record.
time_of = itemgetter(Sample._fields.index("time"))


class FormatError(Exception):
    """The tracepoint is not the one that is known here."""


class Decoder:
    """Knows the layout of the samples. Raises FormatError when a field is missing or of another size."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._unpack, self._sample_size = _sample_reader(fields)

    def decode(self, data: bytes, records: list[Record]) -> Decoded:
        """Append what these bytes hold, in their order, but for the losses.

        After a damaged header nothing that follows can be told apart: the rest counts as one damaged record.
        """
        damaged, before = 0, len(records)
        losses: list[tuple[int | None, Lost]] = []
        offset, end = 0, len(data)
        unpack, sample_size, last_sample = self._unpack, self._sample_size, end - self._sample_size
        new, append = tuple.__new__, records.append
        while offset < end:
            if offset <= last_sample:
                fields = unpack(data, offset)
                size = fields[2]
                if fields[0] == SAMPLE and sample_size <= size <= end - offset:
                    append(new(Sample, fields))
                    offset += size
                    continue
            kind, _misc, size = _HEADER.unpack_from(data, offset) if end - offset >= _HEADER.size else (0, 0, 0)
            if not _HEADER.size <= size <= end - offset:
                damaged += 1
                break
            if size >= _LEAST.get(kind, size + 1):
                record = _other(data[offset : offset + size])
                if isinstance(record, Lost):
                    losses.append((time_of(records[-1]) if len(records) > before else None, record))
                else:
                    append(record)
            elif kind in _LEAST or kind == SAMPLE:
                damaged += 1
            offset += size
        return Decoded(damaged, tuple(losses))


def _sample_reader(fields: Mapping[str, Field]) -> tuple[Callable[[bytes, int], tuple[Any, ...]], int]:
    """What unpacks a sample at an offset, and the least size of one."""
    missing = [name for name in _WANTED if name not in fields]
    if missing:
        raise FormatError(f"no field {missing[0]}")
    order = sorted(_WANTED, key=lambda name: fields[name].offset)
    layout, at = _SAMPLE_HEAD.format, 0
    for name in order:
        field = fields[name]
        code = f"{field.size}s" if name in _ADDRESSES else _CODES.get(field.size)
        if code is None or field.size != _ADDRESSES.get(name, field.size) or field.offset < at:
            raise FormatError(f"field {name} of {field.size} bytes")
        layout += f"{field.offset - at}x{code}"
        at = field.offset + field.size
    reader = struct.Struct(layout)
    if order == list(_WANTED):
        return reader.unpack_from, reader.size
    head = tuple(range(len(Sample._fields) - len(_WANTED)))
    pick = itemgetter(*head, *(len(head) + order.index(name) for name in _WANTED))
    return lambda data, offset: pick(reader.unpack_from(data, offset)), reader.size


#: Kind -> bytes of a whole record, at least.
_LEAST: Final[dict[int, int]] = {
    kind: _HEADER.size + body + _TRAILER.size
    for kind, body in (
        (LOST, 16),
        (COMM, _IDS.size),
        (EXIT, _TASK.size),
        (FORK, _TASK.size),
        (NAMESPACES, _SPACES.size),
    )
}


def _other(data: bytes) -> Record | Lost:
    """One record that is no sample, of a kind and a size that `_LEAST` allows."""
    kind, misc, size = _HEADER.unpack_from(data)
    (time,) = _TRAILER.unpack_from(data, size - _TRAILER.size)
    if kind == LOST:
        _id, count, pid, tid, _time = _LOST.unpack_from(data, _HEADER.size)
        return Lost(kind, misc, size, pid, tid, time, count)
    if kind == COMM:
        pid, tid = _IDS.unpack_from(data, _HEADER.size)
        comm = data[_HEADER.size + _IDS.size : size - _TRAILER.size].partition(b"\0")[0]
        return Comm(kind, misc, size, pid, tid, time, comm)
    if kind == NAMESPACES:
        # The network is the first of them (NET_NS_INDEX).
        pid, tid, _count, _device, net = _SPACES.unpack_from(data, _HEADER.size)
        return Namespaces(kind, misc, size, pid, tid, time, net)
    pid, parent_pid, tid, parent_tid, _own_time = _TASK.unpack_from(data, _HEADER.size)
    return Fork(kind, misc, size, pid, tid, time, parent_pid, parent_tid)
