"""Asks Linux to end this process when its parent dies, however either of them is stopped or killed."""

from __future__ import annotations

import signal
import sys
from typing import Final

#: linux/prctl.h
PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> None:
    """Have SIGKILL sent to this process when the thread that started it ends (prctl(2)).

    It only backs up the end of file on the wire: a stopped process reads no end of file, but SIGKILL
    ends it. The kernel does not deliver it where the parent may not signal this process by then, as
    when the parent has given up root. Elsewhere than on Linux, or without a C library to call, this
    does nothing.
    """
    if sys.platform != "linux":
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return
