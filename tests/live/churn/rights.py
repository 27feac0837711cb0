"""What the crowd may do here: root in a container lacks some of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sockview.collect.privilege import effective_capabilities

#: The PID that was given last; the next is the one after it (proc_sys_kernel(5)).
LAST_PID: Final = Path("/proc/sys/kernel/ns_last_pid")
_CAP_SYS_ADMIN: Final = 1 << 21  # linux/capability.h
_CAP_CHECKPOINT_RESTORE: Final = 1 << 40


def may_leave_network() -> bool:
    """To make a network namespace of one's own (unshare(2))."""
    return bool(_capabilities() & _CAP_SYS_ADMIN)


def may_choose_pids() -> bool:
    """To say which PID comes next."""
    may = _capabilities() & (_CAP_SYS_ADMIN | _CAP_CHECKPOINT_RESTORE)
    return bool(may) and os.access(LAST_PID, os.W_OK)


def _capabilities() -> int:
    return effective_capabilities(Path("/proc/self/status").read_bytes())
