"""Processor time and memory of a process and its children, from /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_of(pid: int) -> float:
    """Seconds of user and system time of the process and its descendants (proc(5), stat fields 14 and 15)."""
    ticks = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def resident(pid: int) -> int:
    """Bytes of resident memory of the process and its descendants; what they share counts for each."""
    return _rollup(pid, "Rss")


def proportional(pid: int) -> int:
    """The same, but a page that several processes share counts in parts: what all of them take together."""
    return _rollup(pid, "Pss")


def _rollup(pid: int, field: str) -> int:
    """Sum of a size in /proc/PID/smaps_rollup (proc(5), in kB)."""
    total = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{field}:"):
                total += int(line.split()[1]) * 1024
    return total
