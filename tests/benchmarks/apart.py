"""Network namespaces: a few sockets apart from all others of the machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

#: ``linux/sockios.h``, ``linux/if.h``.
_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1
_IFREQ: Final = struct.Struct("16sH22x")

#: Namespaces of its own for a command, its /proc included: nothing else on the machine is seen.
ALL_APART: Final = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def may_be_apart(command: Sequence[str] = ("unshare", "--net")) -> bool:
    """Whether such namespaces can be made here."""
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        return False
    return (
        subprocess.run([*command, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
        == 0
    )


@contextmanager
def network_apart() -> Iterator[tuple[str, ...]]:
    """Inside it: what stands before a command that shall run in a new network namespace with loopback; nothing where
    there can be none.
    """
    if not may_be_apart():
        yield ()
        return
    command = ["unshare", "--net", sys.executable, "-m", "tests.benchmarks.apart"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        if holder.stdout.readline() != b"ready\n":
            raise RuntimeError("The network namespace could not be made; its message stands above.")
        yield ("nsenter", f"--net=/proc/{holder.pid}/ns/net")
        holder.stdin.close()


def bring_loopback_up() -> None:
    """In a new network namespace it is down (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, _IFREQ.pack(b"lo", 0))
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, _IFREQ.pack(b"lo", _IFREQ.unpack(request)[1] | _IFF_UP))


def main(command: list[str]) -> None:
    """In a new namespace: become the command, or hold the namespace until standard input ends."""
    bring_loopback_up()
    if command:
        os.execvp(command[0], command)
    print("ready", flush=True)
    os.read(0, 1)


if __name__ == "__main__":
    main(sys.argv[1:])
