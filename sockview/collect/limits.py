"""Kernel parameters from ``/proc/sys`` and counters from ``/proc/net/netstat`` (``proc_sys_net(5)``).

Both are those of this process's network namespace, as its socket table is. What a kernel or a
container does not have, or does not show to this user, is absent.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

from sockview.collect.process_stat import FORBIDDEN, VANISHED, read_file
from sockview.model.clean_text import clean_bytes
from sockview.model.limits import COUNTERS, PARAMETERS, Limits

#: Bytes read of one file; the longest parameter is a list of reserved ports.
_MOST_BYTES: Final = 64 * 1024
#: Longest text kept of one parameter.
_MOST_TEXT: Final = 1024

_WANTED: Final = frozenset(COUNTERS)


def read_limits(proc: str = "/proc") -> Generator[None, None, Limits]:
    """What there is now, in steps of 0.1 ms. Raises OSError where reading fails in another way than EACCES."""
    parameters = dict(_read_parameters(proc))
    yield
    raw = _read(f"{proc}/net/netstat")
    return Limits(parameters, {} if raw is None else parse_counters(raw))


def parse_counters(raw: bytes) -> dict[str, int]:
    """The wanted TcpExt counters from the bytes of ``/proc/net/netstat``.

    Its lines come in pairs, one with names and one with values, each after the same prefix.
    """
    lines = [line.split() for line in raw.splitlines() if line.startswith(b"TcpExt:")]
    if len(lines) != 2:
        return {}
    found = {}
    for name, value in zip(*lines, strict=False):
        text = name.decode("ascii", "replace")
        if text in _WANTED and value.isdigit():
            found[text] = int(value)
    return found


def _read_parameters(proc: str) -> Iterator[tuple[str, str]]:
    for name in PARAMETERS:
        raw = _read(f"{proc}/sys/{name.replace('.', '/')}")
        if raw is not None:
            yield name, clean_bytes(b" ".join(raw.split()), _MOST_TEXT)


def _read(path: str) -> bytes | None:
    try:
        return read_file(path, _MOST_BYTES)
    except OSError as error:
        if error.errno not in VANISHED | FORBIDDEN:
            raise
    return None
