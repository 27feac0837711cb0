"""The screen's side of the reader process: starts it and ends it. Standard library alone.

The screen gets one end of a socketpair; the other end is all that the reader knows of it. Whichever
of the two dies, the other sees the end of file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Final

from sockview.errors import SockviewError

if TYPE_CHECKING:
    from sockview.settings import SourceKind

#: Seconds to wait for a reader that was told to end, before it is killed; and then for the kill.
PATIENCE: Final = 0.5

# The package is imported from where the screen's own was, and from nowhere else. The entry is taken
# back before anything else is imported, so that it can shadow no other module. The current
# directory, which anybody may have filled, is not searched: -P, and it is / anyhow.
_START: Final = """\
import sys
sys.path.insert(0, sys.argv[1])
import sockview
sys.path[:1] = []
sys.path.append(sys.argv[1])
from sockview.reader_entry import run_reader
sys.exit(run_reader(sys.argv[2:]))
"""

#: Flags of this interpreter that decide where modules come from, and the option that sets each.
_PATH_FLAGS: Final = (("isolated", "-I"), ("ignore_environment", "-E"), ("no_user_site", "-s"), ("no_site", "-S"))


# The tables of one refresh replace those of the last, some megabytes each. glibc would learn from that to keep such
# blocks (mallopt(3), M_MMAP_THRESHOLD): for 100,000 sockets the reader then has 25 MB more.
_MEMORY_GIVEN_BACK: Final = {"MALLOC_MMAP_THRESHOLD_": str(256 * 1024)}


class ReaderProcess:
    """A running reader and the screen's end of the wire."""

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self._process = process
        self.socket = connection
        """Stream socket, blocking until set otherwise, not inherited by other children."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """None while it runs; else its exit code, or minus the signal that ended it."""
        return self._process.poll()

    def close(self) -> None:
        """End it and reap it, in a second at most; may be called twice."""
        self.socket.close()
        for end in (self._process.terminate, self._process.kill):
            # A screen that has given up root may not signal it: the end of file on the wire ends it then.
            with contextlib.suppress(PermissionError):
                end()
            try:
                self._process.wait(PATIENCE)
                return
            except subprocess.TimeoutExpired:
                continue


def start_reader(source: SourceKind, proc: str = "/proc", *, trace: bool = True) -> ReaderProcess:
    """Start a reader; returns at once, while the reader is still being loaded.

    `trace`: it is to listen to who closes sockets, where that is permitted.

    OSError when there can be no process or socket; SockviewError when Python does not know its own
    path. To be called from the main thread: on Linux the reader dies with the thread that started it.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("the reader must be started from the main thread")
    if not sys.executable:
        raise SockviewError("Python does not know the path of its interpreter, so the reader cannot be started.")
    package_parent = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    flags = [option for name, option in _PATH_FLAGS if getattr(sys.flags, name)]
    ours, theirs = (_clear_of_standard_streams(end) for end in socket.socketpair())
    with theirs:
        try:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-P", *flags, "-c", _START),
                    *(package_parent, str(theirs.fileno()), source, os.path.abspath(proc), str(int(trace))),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # A session of its own: what the terminal sends (Ctrl+C, Ctrl+Z, a hangup) is the screen's.
                start_new_session=True,
                # Relative entries of PYTHONPATH lead nowhere, and no file system is kept busy.
                cwd="/",
                env=_MEMORY_GIVEN_BACK | os.environ,
            )
        except OSError:
            ours.close()
            raise
    return ReaderProcess(process, ours)


def _clear_of_standard_streams(end: socket.socket) -> socket.socket:
    """The socket on a descriptor above 2: where one of those was closed, it would have taken its place."""
    if end.fileno() > 2:
        return end
    with end:
        return socket.socket(fileno=fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3))
