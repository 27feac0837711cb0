"""Who a process is, from ``/proc/PID/stat`` and ``/proc/PID/cmdline`` (``proc_pid_stat(5)``)."""

from __future__ import annotations

import errno
import os
from typing import Final

from sockview.model.clean_text import MAX_NAME, clean_bytes
from sockview.model.owner import Process

#: The process, or the descriptor, has gone while it was looked at.
VANISHED: Final = frozenset({errno.ENOENT, errno.ESRCH})
#: This user may not look.
FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM})

#: TASK_COMM_LEN - 1 (``linux/sched.h``): a comm of this many bytes is probably a cut name.
_COMM_LIMIT: Final = 15
#: Bytes of a command line that are read; clean_text keeps fewer characters.
_COMMAND_LIMIT: Final = 16 * 1024
_STAT_LIMIT: Final = 4096
_KERNEL_THREAD: Final = 0x00200000


def parse_stat(raw: bytes) -> tuple[bytes, int]:
    """(comm, start in clock ticks after boot) from the bytes of ``/proc/PID/stat``.

    The comm may hold anything, also parentheses and newlines: it ends at the last parenthesis. What
    is damaged comes back as ``b""`` and 0.
    """
    opened, closed = raw.find(b"("), raw.rfind(b")")
    if opened < 0 or closed < opened:
        return b"", 0
    fields = raw[closed + 1 :].split()
    start = fields[19] if len(fields) > 19 else b""  # field 22 of the line; field 3 comes first here
    return raw[opened + 1 : closed], int(start) if start.isdigit() else 0


def parse_parent(raw: bytes) -> int:
    """PID of the parent, field 4, from the bytes of ``/proc/PID/stat``; 0: none, or not in sight."""
    fields = raw[raw.rfind(b")") + 1 :].split()
    return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0


def is_kernel_thread(raw: bytes) -> bool:
    """From the bytes of ``/proc/PID/stat``: field 9 has PF_KTHREAD (``linux/sched.h``)."""
    fields = raw[raw.rfind(b")") + 1 :].split()
    return len(fields) > 6 and fields[6].isdigit() and bool(int(fields[6]) & _KERNEL_THREAD)


def process_from(pid: int, stat: bytes, cmdline: bytes) -> Process:
    """The process that these two files tell of; its name and command line are cleaned.

    A comm that the kernel cut is lengthened from the first argument if that begins with it.
    """
    comm, started = parse_stat(stat)
    arguments = cmdline.rstrip(b"\0").split(b"\0")
    if len(comm) >= _COMM_LIMIT:
        program = arguments[0].rsplit(b"/", 1)[-1]
        if program.startswith(comm):
            comm = program
    command = clean_bytes(b" ".join(arguments)).strip()
    return Process(pid, clean_bytes(comm, MAX_NAME), command, started)


def read_process(pid: int, directory: str, dir_fd: int | None = None) -> Process | None:
    """The process whose files lie in `directory` (relative to `dir_fd` if given); None: it has gone."""
    stat = read_stat(directory, dir_fd)
    return None if stat is None else process_from(pid, stat, read_command_line(directory, dir_fd))


def read_stat(directory: str, dir_fd: int | None = None) -> bytes | None:
    """The bytes of the ``stat`` of a process or thread; None: it has gone."""
    try:
        return read_file(f"{directory}/stat", _STAT_LIMIT, dir_fd)
    except OSError as error:
        if error.errno in VANISHED:
            return None
        raise


def read_command_line(directory: str, dir_fd: int | None = None) -> bytes:
    """The bytes of its ``cmdline``; empty where it has gone or may not be looked at."""
    try:
        return read_file(f"{directory}/cmdline", _COMMAND_LIMIT, dir_fd)
    except OSError as error:
        if error.errno not in VANISHED | FORBIDDEN:
            raise
        return b""


def read_started(pid: int, proc: str) -> int | None:
    """Start of the process that has this PID now, in clock ticks after boot; None: not to be read."""
    try:
        return parse_stat(read_file(f"{proc}/{pid}/stat", _STAT_LIMIT))[1] or None
    except OSError as error:
        if error.errno in VANISHED | FORBIDDEN:
            return None
        raise


def read_file(path: str, limit: int, dir_fd: int | None = None) -> bytes:
    """What one read of at most `limit` bytes gives of a file (relative to `dir_fd` if given). Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        return os.read(descriptor, limit)
    finally:
        os.close(descriptor)
