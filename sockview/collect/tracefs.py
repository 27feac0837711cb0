"""The number and the format of a tracepoint, from tracefs (``Documentation/trace/ftrace.rst``).

Where tracefs is mounted nowhere, root reads it in a child process with a mount namespace of its own:
the mount is seen by that child alone and ends with it, however either of the two ends.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from collections.abc import Sequence
from typing import Final, NoReturn

from sockview.collect.c_library import call
from sockview.collect.process_stat import FORBIDDEN

ROOTS: Final = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
#: Directories over which the child may mount it: the first that is there.
_PLACES: Final = (ROOTS[0], "/sys", "/tmp")

#: Seconds that the child may take; it is done in some milliseconds.
PATIENCE: Final = 2.0
_LIMIT: Final = 64 * 1024

# sched.h, sys/mount.h
_CLONE_NEWNS: Final = 0x20000
_MS_NOSUID_NODEV_NOEXEC: Final = 2 | 4 | 8
_MS_REC_PRIVATE: Final = 1 << 14 | 1 << 18


class TracefsError(Exception):
    """Says in a few words why the tracepoint cannot be read."""


def read_tracepoint(name: str, roots: Sequence[str] = ROOTS) -> tuple[int, str]:
    """(id, text of the format file) of a tracepoint such as ``sock/inet_sock_set_state``. Raises TracefsError."""
    for root in roots:
        try:
            return _parse(_read_files(root, name))
        except OSError as error:
            if error.errno in FORBIDDEN:
                raise TracefsError("not permitted") from error
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise TracefsError(os.strerror(error.errno or 0)) from error
            if os.path.isdir(f"{root}/events"):
                raise TracefsError("kernel has no tracepoint") from error
    if os.geteuid() != 0:
        raise TracefsError("not permitted")  # to mount it
    return _parse(_read_in_child(name))


def _parse(answer: bytes) -> tuple[int, str]:
    """From the contents of the two files, one after the other."""
    number, _, text = answer.partition(b"\n")
    if not number.isdigit():
        raise TracefsError("unreadable tracepoint")
    return int(number), text.decode("ascii", "replace")


def _read_files(root: str, name: str) -> bytes:
    contents = b""
    for file in ("id", "format"):
        descriptor = os.open(f"{root}/events/{name}/{file}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            while (part := os.read(descriptor, _LIMIT)) and len(contents) < _LIMIT:
                contents += part
        finally:
            os.close(descriptor)
    return contents


# ------------------------------------------------------------------ the child
def _read_in_child(name: str) -> bytes:
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    try:
        child = os.fork()
        if child == 0:
            _be_the_child(name, theirs)
    finally:
        os.close(theirs)
    try:
        return _answer(ours)
    finally:
        os.close(ours)
        _end(child)


def _be_the_child(name: str, pipe: int) -> NoReturn:
    """Answer with ``+`` and the contents of the files, or with ``-`` and an errno; never returns."""
    try:
        # Should it hang, it ends all the same, even where nobody is left to end it.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        os.write(pipe, b"+" + _mount_and_read(name))
    except OSError as error:
        os.write(pipe, b"-%d" % (error.errno or 0))
    finally:
        os._exit(0)


def _mount_and_read(name: str) -> bytes:
    call("unshare", _CLONE_NEWNS)
    # Nothing that is mounted from now on may spread to the namespace that this is a copy of.
    call("mount", b"none", b"/", None, _MS_REC_PRIVATE, None)
    place = next(place for place in _PLACES if os.path.isdir(place))
    # Not read-only: up to Linux 6.9 that would go over to where else it is mounted (mount_single, fs/super.c).
    call("mount", b"tracefs", place.encode(), b"tracefs", _MS_NOSUID_NODEV_NOEXEC, None)
    try:
        return _read_files(place, name)
    except FileNotFoundError:
        raise OSError(errno.ENXIO, "") from None


def _answer(pipe: int) -> bytes:
    """What the child has to say, read to its end."""
    answer = b""
    until = time.monotonic() + PATIENCE
    while True:
        left = max(0.0, until - time.monotonic())
        part = os.read(pipe, _LIMIT) if select.select([pipe], [], [], left)[0] else b""
        if not part:
            break
        answer += part
    if answer.startswith(b"+"):
        return answer[1:]
    failure = int(answer[1:]) if answer[1:].isdigit() else 0
    if failure in FORBIDDEN:
        raise TracefsError("not permitted")
    raise TracefsError("kernel has no tracepoint" if failure == errno.ENXIO else "no tracefs")


def _end(child: int) -> None:
    """It has nothing more to say: end it if it has not ended itself, and reap it."""
    try:
        os.kill(child, signal.SIGKILL)
        until = time.monotonic() + PATIENCE
        while os.waitpid(child, os.WNOHANG)[0] == 0 and time.monotonic() < until:
            time.sleep(0.0005)
    except (ProcessLookupError, ChildProcessError):  # reaped already, where SIGCHLD is ignored
        return
