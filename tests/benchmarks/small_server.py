"""A small server, apart from the machine's other sockets: bytes to the terminal, a slow line, and what idling costs."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from tests.benchmarks.apart import network_apart
from tests.benchmarks.crowd import Crowd
from tests.benchmarks.footprint import cpu_of
from tests.benchmarks.report import Line
from tests.benchmarks.timed_terminal import SlowTerminal, TimedTerminal
from tests.live.terminal_harness import Terminal

SOCKETS: Final = 500
#: Seconds that a watch of the processor and of the bytes takes.
WATCH: Final = 10.0
#: Age in seconds from which on the ages of rows are told in minutes.
IN_MINUTES: Final = 62.0

START_BYTES: Final = 20 * 1024
CLOCK_BYTES: Final = 150.0
COUNTS_BYTES: Final = 2000.0
IDLE_CPU: Final = 0.03
SETTLED: Final = 3.0

#: A held key: so many a second for so long, on a line of so many bytes a second.
KEYS_A_SECOND: Final = 30
HELD: Final = 2.0
LINE: Final = 16_384
#: Seconds without a move after which the cursor has settled.
STILL: Final = 4.0
#: Sockets there meanwhile: more than the pages of a held key.
PAGED_SOCKETS: Final = 1500

_CLOCK: Final = re.compile(r"\d\d:\d\d:\d\d\Z")


def small_server_lines() -> list[Line]:
    """All of it; last what takes a minute: the quiet server, when no age changes any more."""
    with ExitStack() as stack:
        quiet = stack.enter_context(network_apart())
        still = stack.enter_context(Crowd(SOCKETS, 1, churn=0.0, prefix=quiet))
        lines = _start_lines(quiet)
        with network_apart() as far, Crowd(PAGED_SOCKETS, 1, churn=0.0, prefix=far):
            lines += _held_key_lines(far)
        with network_apart() as busy, Crowd(SOCKETS, 4, prefix=busy):
            lines += _idle_lines(busy) + _other_lines(busy)
            lines.append(_changing_line(busy))
        time.sleep(max(0.0, IN_MINUTES - still.age))
        lines.append(_clock_line(quiet, "" if quiet else "the machine's other sockets are seen too"))
    return lines


def _start_lines(prefix: Sequence[str]) -> list[Line]:
    with TimedTerminal.with_sockview(prefix=prefix) as terminal:
        terminal.wait_for_rows()
        terminal.settle(quiet=0.3, timeout=2)
        start = len(terminal.raw)
        terminal.quit()
    return [Line("bytes of a start, 80x24", start, "bytes", START_BYTES)]


def _clock_line(prefix: Sequence[str], note: str) -> Line:
    with TimedTerminal.with_sockview(prefix=prefix) as terminal:
        return Line(
            "bytes a refresh, only the clock changes", _bytes_a_refresh(terminal), "bytes", CLOCK_BYTES, note=note
        )


def _changing_line(prefix: Sequence[str]) -> Line:
    with TimedTerminal.with_sockview(prefix=prefix) as terminal:
        return Line("bytes a refresh, all counts change", _bytes_a_refresh(terminal), "bytes", COUNTS_BYTES)


def _bytes_a_refresh(terminal: TimedTerminal) -> float:
    """Mean over the refreshes of a watch, counted by the clock on the screen."""
    terminal.wait_for_rows()
    terminal.settle(quiet=0.5, timeout=5)
    _wait_for_tick(terminal)
    written, ticks, end = len(terminal.raw), 0, time.perf_counter() + WATCH
    while time.perf_counter() < end:
        _wait_for_tick(terminal)
        ticks += 1
    return (len(terminal.raw) - written) / ticks


def _wait_for_tick(terminal: TimedTerminal) -> None:
    before = _CLOCK.search(terminal.lines[0])
    terminal.wait_for(lambda seen: _text(_CLOCK.search(seen.lines[0])) != _text(before))
    terminal.read_for(0.3)


def _text(found: re.Match[str] | None) -> str:
    return found[0] if found else ""


# ------------------------------------------------------------ processor
def _idle_lines(prefix: Sequence[str]) -> list[Line]:
    with TimedTerminal.with_sockview(prefix=prefix) as terminal:
        terminal.wait_for_rows()
        terminal.read_for(5.0)
        share = _share(terminal)
        terminal.quit()
    return [Line(f"processor when idle, both processes, {SOCKETS}", share, "of a core", IDLE_CPU)]


def _other_lines(prefix: Sequence[str]) -> list[Line]:
    """Other tools at the same interval, which show the machine's processes."""
    lines = []
    for tool, arguments in (("htop", ["-d", "10"]), ("top", ["-d", "1"])):
        if not shutil.which(tool):
            lines.append(Line(f"processor, {tool}", 0.0, "of a core", note="not installed"))
            continue
        with Terminal([*prefix, tool, *arguments]) as terminal:
            terminal.settle(quiet=0.3, timeout=5)
            lines.append(Line(f"processor, {tool} {' '.join(arguments)}", _share(terminal), "of a core"))
    return lines


def _share(terminal: Terminal) -> float:
    """Of a core, for the terminal's processes over a watch."""
    pid, then = terminal.process.pid, time.perf_counter()
    cpu = cpu_of(pid)
    while time.perf_counter() < then + WATCH:
        terminal.pump(0.2)
    return (cpu_of(pid) - cpu) / (time.perf_counter() - then)


# ------------------------------------------------------------ a slow line
def _held_key_lines(prefix: Sequence[str]) -> list[Line]:
    lines = []
    for name, key in (("j", "j"), ("PgDn", "\x1b[6~")):
        with SlowTerminal.with_sockview(prefix=prefix) as terminal:
            terminal.pace = LINE
            terminal.wait_for_rows()
            terminal.settle(quiet=0.5, timeout=10)
            seconds, written = _hold(terminal, key)
        what = f"{name} held for {HELD:g} s on {LINE // 1024} KB/s, until settled"
        lines.append(Line(what, seconds, "s", SETTLED, note=f"{written:,} bytes"))
    return lines


def _hold(terminal: SlowTerminal, key: str) -> tuple[float, int]:
    """Seconds from the last press to the last bytes that move the cursor, and the bytes since the first press."""
    written, start = len(terminal.raw), time.perf_counter()
    for number in range(int(KEYS_A_SECOND * HELD)):
        terminal.read_for(start + number / KEYS_A_SECOND - time.perf_counter())
        terminal.feed(key)
    settled = released = time.perf_counter()
    place = terminal.cursor_place
    while time.perf_counter() < settled + STILL:
        terminal.pump(0.1)
        if terminal.cursor_place != place:
            place, settled = terminal.cursor_place, terminal.arrived
    return settled - released, len(terminal.raw) - written
