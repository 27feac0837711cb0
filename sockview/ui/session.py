"""What kind of session this is: who draws the terminal, and whether a shell waits above."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

#: Who draws the terminal (tmux, GNU screen) and from where the user came (sshd).
SESSION_VARIABLES: Final = ("TMUX", "TMUX_PANE", "STY", "SSH_CONNECTION", "SSH_TTY")

_MAX_ANCESTORS: Final = 8
_MAX_ENVIRON: Final = 1 << 20


def session_environ(environ: Mapping[str, str], proc: str = "/proc", parent: int | None = None) -> dict[str, str]:
    """`environ`, with the session's variables of the nearest ancestor that has any.

    ``sudo`` and ``su -`` start with a clean environment, but the shell above them still runs inside
    tmux or sshd, and root may read its /proc/PID/environ (proc_pid_environ(5)). Nothing is looked
    up when `environ` has such a variable itself; an ancestor that may not be read ends the search
    quietly, and without /proc the environment comes back as it is.
    """
    found = dict(environ)
    if any(name in environ for name in SESSION_VARIABLES):
        return found
    pid = os.getppid() if parent is None else parent
    for _ in range(_MAX_ANCESTORS):
        if pid <= 1:
            break
        try:
            ancestor = _read_environ(f"{proc}/{pid}/environ")
            pid = _read_parent(f"{proc}/{pid}/stat")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            break
        session = {name: ancestor[name] for name in SESSION_VARIABLES if name in ancestor}
        if session:
            return found | session
    return found


def can_be_continued(proc: str = "/proc") -> bool:
    """Whether a shell could continue this process after a stop: its process group is not orphaned.

    POSIX.1 ("Orphaned Process Group"): some parent of a member is in the same session but in another
    group. It is not so under ``ssh -t host sockview`` or in a tmux window of its own, where a
    stopped process would hold a dead terminal for ever.
    """
    parent = os.getppid()
    while parent > 0:  # 0: outside of this PID namespace
        try:
            if os.getsid(parent) != os.getsid(0):
                return False
            if os.getpgid(parent) != os.getpgrp():
                return True
            parent = _read_parent(f"{proc}/{parent}/stat")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False
    return False


def _read_environ(path: str) -> dict[str, str]:
    with open(path, "rb") as file:
        entries = file.read(_MAX_ENVIRON).split(b"\0")
    pairs = (os.fsdecode(entry).partition("=") for entry in entries)
    return {name: value for name, equals, value in pairs if equals}


def _read_parent(path: str) -> int:
    """Field 4 of /proc/PID/stat, counted after the name, which may hold anything (proc_pid_stat(5))."""
    with open(path, "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0
