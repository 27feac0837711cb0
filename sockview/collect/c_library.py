"""Calls into the C library for what Python has no function for."""

from __future__ import annotations

import errno
import os


def call(function: str, *arguments: int | bytes | object) -> int:
    """What the function returned; numbers are handed over as long.

    Raises OSError with errno where it returned less than 0, ENOSYS where there is no C library to call.
    """
    try:
        import ctypes
    except ImportError as error:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from error
    library = ctypes.CDLL(None, use_errno=True)
    result = int(library[function](*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)))
    if result < 0:
        failure = ctypes.get_errno()
        raise OSError(failure, os.strerror(failure))
    return result
