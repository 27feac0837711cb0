"""The real program in a real pty: first paint, key to screen, bytes and memory."""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.timing import percentile
from tests.live.terminal_harness import Terminal

#: Seconds of looking at a screen that nobody touches.
WATCH: Final = 5.0

#: What stands before the row under the cursor, and where its addresses begin.
CURSOR_MARK: Final = "›"
AFTER_AGE: Final = 20

#: Seconds after which a key that had no effect is an error.
PATIENCE: Final = 10.0


@dataclass(frozen=True, slots=True)
class ScreenCost:
    """What the live screen costs; seconds, bytes."""

    first_data: float
    """From exec to the first rows on the screen."""
    busy_p50: float
    busy_p95: float
    """Key to screen while refreshing each second."""
    idle_p50: float
    idle_p95: float
    """Key to screen while paused."""
    bytes_per_second: float
    """To the terminal while the crowd churns and nobody types."""
    cpu_share: float
    """Of one core, both processes, meanwhile."""
    peak_memory: int
    """Highest resident memory of both processes together."""


class TimedTerminal(Terminal):
    """Knows when the last bytes arrived, before they are drawn."""

    arrived: float = 0.0

    def _show(self, data: bytes) -> None:
        self.arrived = time.perf_counter()
        super()._show(data)

    def cursor_place(self) -> tuple[int, str]:
        """Row of the cursor's mark and the addresses beside it: refreshes change neither, keys change one of them."""
        for number, line in enumerate(self.lines):
            if line.startswith(CURSOR_MARK):
                return number, line[AFTER_AGE:]
        return -1, ""

    def press(self, key: str) -> float:
        """Seconds from the key to the bytes that move the cursor."""
        while self.pump(0):
            pass
        before, start = self.cursor_place(), time.perf_counter()
        self.feed(key)
        while self.cursor_place() == before:
            self.pump(PATIENCE)
            if time.perf_counter() - start > PATIENCE:
                raise RuntimeError(f"The key {key} moved nothing:\n{self.dump()}")
        return self.arrived - start

    def press_many(self, count: int, dice: random.Random) -> list[float]:
        """Move down and up at uneven times, so that keys meet every phase of a refresh."""
        seconds = []
        for number in range(count):
            self._read_for(dice.uniform(0.02, 0.15))
            seconds.append(self.press("k" if number % 12 >= 6 else "j"))
        return seconds

    def _read_for(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.pump(left)


def measure_screen(keys: int) -> ScreenCost:
    """Start sockview at 80x24 over the sockets that are there, and use it."""
    dice = random.Random(7)
    start = time.perf_counter()
    with TimedTerminal([sys.executable, "-m", "sockview"]) as terminal:
        terminal.wait_for(_has_rows)
        first_data = terminal.arrived - start
        terminal.settle(quiet=0.1, timeout=3)
        busy = terminal.press_many(keys, dice)
        written, cpu, then = len(terminal.raw), _cpu_seconds(terminal.process.pid), time.perf_counter()
        terminal._read_for(WATCH)
        watched = time.perf_counter() - then
        written, cpu = len(terminal.raw) - written, _cpu_seconds(terminal.process.pid) - cpu
        terminal.feed("p")
        terminal.wait_for("PAUSED")
        idle = terminal.press_many(keys, dice)
        memory = sum(_status(pid, "VmHWM") for pid in _family(terminal.process.pid))
        terminal.feed("q")
        terminal.wait_exit()
    return ScreenCost(
        first_data,
        percentile(busy, 50),
        percentile(busy, 95),
        percentile(idle, 50),
        percentile(idle, 95),
        written / watched,
        cpu / watched,
        memory,
    )


def _has_rows(terminal: Terminal) -> bool:
    """Whether the table shows sockets: the crowd's loopback addresses."""
    return sum("127." in line for line in terminal.lines) >= 3


def _family(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _family(int(child))
    return found


def _status(pid: int, field: str) -> int:
    """A size of /proc/PID/status in bytes (proc(5): in units of 1024)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def _cpu_seconds(pid: int) -> float:
    """User and system time of the process and its descendants (proc(5), stat fields 14 and 15; USER_HZ is 100)."""
    ticks = 0
    for member in _family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100
