"""Over a slow line frames are left out, so that what a key does is seen soon and not after all that was before."""

from __future__ import annotations

from tests.benchmarks.timed_terminal import SlowTerminal
from tests.live.real_screen import ROOT, SOCKVIEW, wait_for_rows
from tests.live.socket_makers import holding
from tests.live.terminal_harness import session_free_environment

#: Seconds of the line's pace that may still come when a held key is let go.
MOST: float = 3.0


def test_a_held_key_leaves_no_queue_of_frames() -> None:
    with (
        holding("close_wait", 100) as leak,
        SlowTerminal(
            [*SOCKVIEW, f"port:{leak.port}", "--interval", "60"],
            columns=200,
            rows=60,
            env=session_free_environment(),
            cwd=ROOT,
        ) as terminal,
    ):
        wait_for_rows(terminal, leak.port)
        terminal.settle(0.4)
        for _ in range(60):
            terminal.feed("v")  # another view each time: every cell of the table is another one
            terminal.read_for(1 / 30)
        held = len(terminal.raw)
        terminal.settle(0.4)
        assert len(terminal.raw) - held < MOST * SlowTerminal.pace
        shown = list(terminal.lines[1:])
        terminal.feed("\x0c")
        terminal.settle(0.4)
        assert terminal.lines[1:] == shown
