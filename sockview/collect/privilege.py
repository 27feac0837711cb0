"""Whether this process may look into every other one."""

from __future__ import annotations

import os
from typing import Final

#: What reading other users' /proc/PID/fd takes: CAP_DAC_READ_SEARCH to list, CAP_SYS_PTRACE to follow
#: (``linux/capability.h``, proc_pid_fd(5)).
_NEEDED: Final = 1 << 2 | 1 << 19


def effective_capabilities(status: bytes) -> int:
    """The CapEff mask of a ``/proc/PID/status`` file (``proc_pid_status(5)``); 0 if there is none."""
    for line in status.splitlines():
        name, _, value = line.partition(b":")
        if name == b"CapEff":
            try:
                return int(value, 16)
            except ValueError:
                return 0
    return 0


def may_see_everything(proc: str = "/proc") -> bool:
    """Root, or the capabilities that reading other users' descriptors asks for."""
    if os.geteuid() == 0:
        return True
    try:
        with open(f"{proc}/self/status", "rb") as file:
            return effective_capabilities(file.read()) & _NEEDED == _NEEDED
    except (FileNotFoundError, PermissionError):
        return False
