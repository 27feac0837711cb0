"""The terminal's life: whether a screen can be shown, and that it is left as it was found.

Nothing here imports Textual: this runs before it, beside it, and after it has failed.
"""

from __future__ import annotations

import os
import re
import select
import signal
import termios
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import IO, TYPE_CHECKING, Any, Final

from sockview.model.clean_text import clean
from sockview.ui.session import can_be_continued

if TYPE_CHECKING:
    import asyncio

    from textual.app import App

#: First word of TERM for terminals that show a screen whether or not this machine has their terminfo entry:
#: over SSH the server often does not know the user's terminal.
_KNOWN_TERMS: Final = frozenset(
    {"alacritty", "contour", "eterm", "foot", "ghostty", "gnome", "iterm", "iterm2", "kitty", "konsole", "linux"}
    | {"mintty", "mlterm", "ms", "putty", "rio", "rxvt", "screen", "st", "stterm", "tmux", "vscode", "vte"}
    | {"wezterm", "xterm"}
)

#: What Rich takes (rich.console.COLOR_SYSTEMS); any other value is a KeyError in Textual.
_COLOR_SYSTEMS: Final = frozenset({"auto", "standard", "256", "truecolor"})

#: Seconds that the screen has to end after a signal, before the process ends itself.
GRACE: Final = 3.0

#: In the order of the modes' own leaving: kitty keyboard (before the alternate screen, which has its own stack),
#: mouse, focus reports, in-band resize, bracketed paste, synchronized output, line wrap, alternate screen, cursor,
#: colours (xterm's ctlseqs; sw.kovidgoyal.net/kitty/keyboard-protocol).
RESET: Final = (
    b"\x1b[<u\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?1004l\x1b[?2048l\x1b[?2004l\x1b[?2026l"
    b"\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m"
)


# ------------------------------------------------------------------ before
def screen_problem(environ: Mapping[str, str], isatty: Callable[[int], bool] = os.isatty) -> str | None:
    """Why no screen can be shown here, as a sentence; None when it can.

    Keys come from descriptor 0, Textual draws on descriptor 2 and asks descriptor 1 for the size.
    """
    reason = _why_no_screen(environ, isatty)
    return None if reason is None else f"{reason}, so the sockets are printed once; --once asks for just that."


def _why_no_screen(environ: Mapping[str, str], isatty: Callable[[int], bool]) -> str | None:
    for descriptor, name in ((0, "input"), (1, "output"), (2, "error")):
        if not isatty(descriptor):
            return f"Standard {name} is no terminal"
    term = environ.get("TERM", "")
    if not term:
        return "TERM is not set"
    return None if knows_terminal(term) else f"A terminal of type {clean(term, 40)} shows no screen"


def knows_terminal(term: str) -> bool:
    """Whether TERM names a terminal with a cursor that can be moved.

    A well-known family is enough; any other needs a terminfo entry with ``cup`` (terminfo(5)),
    which ``dumb`` and ``unknown`` lack.
    """
    if re.split(r"[-+.]", term.lower(), maxsplit=1)[0] in _KNOWN_TERMS:
        return True
    try:
        import curses  # only for a rare terminal: 3 ms

        curses.setupterm(term, 2)
        return bool(curses.tigetstr("cup"))
    except ImportError:
        return False
    except curses.error:
        return False


def prepare(environ: MutableMapping[str, str], output: IO[str] | None = None) -> None:
    """Set up the environment and the stream that Textual draws on. Before Textual is imported.

    Takes out what would end it with a traceback or freeze its size, switches animations off (a
    slow line pays for every frame), and has `output` (sys.__stderr__) encode UTF-8 whatever the locale.
    """
    if environ.get("TEXTUAL_COLOR_SYSTEM", "auto") not in _COLOR_SYSTEMS:
        del environ["TEXTUAL_COLOR_SYSTEM"]
    environ["TEXTUAL_ANIMATIONS"] = "none"
    if output is None:
        return
    if _has_size(output.fileno()):
        # shutil.get_terminal_size() believes these before the terminal, and would never see it change.
        environ.pop("COLUMNS", None)
        environ.pop("LINES", None)
    reconfigure = getattr(output, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8", errors="backslashreplace")


def _has_size(descriptor: int) -> bool:
    try:
        size = os.get_terminal_size(descriptor)
    except OSError:
        return False
    return size.columns > 0 and size.lines > 0


# ------------------------------------------------------------------ beside
def _end_at_hangup() -> None:
    os._exit(128 + signal.SIGHUP)


def watch_hangup(descriptor: int = 0, on_hangup: Callable[[], object] = _end_at_hangup) -> threading.Thread:
    """Call `on_hangup` (by default: end the process at once) when the terminal has gone.

    Nobody is left to restore anything for, Textual would read end-of-file in a busy loop, and its
    own way out can block for ever on a dead pty. A thread, because the loop may be stuck in just
    that; it sleeps in poll(2) with no event asked for, which reports POLLHUP alone. Where poll
    does not serve terminals (POLLNVAL on macOS) it ends without a word.
    """

    def watch() -> None:
        poll = select.poll()
        poll.register(descriptor, 0)
        events = poll.poll()
        if events and events[0][1] & select.POLLHUP:
            on_hangup()

    thread = threading.Thread(target=watch, name="sockview-hangup", daemon=True)
    thread.start()
    return thread


def install_signal_handlers(
    loop: asyncio.AbstractEventLoop, leave: Callable[[int], object], state: TerminalState | None = None
) -> None:
    """On SIGTERM, SIGHUP, SIGQUIT and SIGINT call `leave` once with the exit status, 128 + signal.

    `leave` runs in the loop and should let the app exit. When the process is still there after
    GRACE seconds, `state` is restored and the process ends. A signal that is ignored (nohup)
    stays ignored.
    """
    leaving = False

    def end(status: int) -> None:
        if state is not None:
            state.restore()
        os._exit(status)

    def handle(number: int) -> None:
        nonlocal leaving
        if leaving:
            return
        leaving = True
        timer = threading.Timer(GRACE, end, (128 + number,))
        timer.daemon = True
        timer.start()
        leave(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, handle, number)


def refresh_after_resume(app: App[Any], paint: Callable[[], object] | None = None) -> None:
    """Have the whole screen painted after Ctrl+Z and ``fg``. Call it once, when the app is mounted.

    `paint` paints it; by default the app is told to refresh all of itself.

    Textual keeps no copy of the screen and repaints little by itself. It also takes every SIGCONT
    for the end of a stop that it made: one that comes alone (after SIGSTOP, or beside SIGTERM and
    SIGHUP) would start a second pair of terminal threads, and have the raw mode "restored" in the
    end. Such a one only repaints. And it stops by SIGSTOP, which spares no orphaned process group
    as the kernel does with SIGTSTP: where nobody could continue it, it is not stopped.
    """
    import asyncio  # 30 ms before the reader is started; by now Textual has it

    loop = asyncio.get_running_loop()

    def repaint(_: object = None) -> None:
        if paint is not None:
            paint()
        else:
            app.refresh(repaint=True, layout=True)

    app.app_resume_signal.subscribe(app, repaint)
    stop, resume = signal.getsignal(signal.SIGTSTP), signal.getsignal(signal.SIGCONT)
    if not callable(stop) or not callable(resume):
        return  # no terminal driver: a test's
    stopped = False

    def on_stop(number: int, frame: Any) -> None:
        nonlocal stopped
        if can_be_continued():
            stopped = True
            stop(number, frame)

    def on_continue(number: int, frame: Any) -> None:
        nonlocal stopped
        if stopped:
            stopped = False
            resume(number, frame)
        else:
            loop.call_soon_threadsafe(repaint)

    signal.signal(signal.SIGTSTP, on_stop)
    signal.signal(signal.SIGCONT, on_continue)


# ------------------------------------------------------------------ after
class TerminalState:
    """The terminal as it was before the screen, and the way back to it when the screen cannot do it."""

    def __init__(self, input_descriptor: int = 0, output_descriptor: int = 2) -> None:
        """Remember the attributes of the terminal now; without a terminal there is nothing to restore."""
        self._input = input_descriptor
        self._output = output_descriptor
        self._attributes = _attributes(input_descriptor)

    @property
    def changed(self) -> bool:
        """Whether the terminal is not in the mode that it was found in."""
        now = _attributes(self._input)
        return now is not None and self._attributes is not None and now != self._attributes

    def restore(self) -> None:
        """Bring the terminal back. From any thread, any number of times, whether or not it still exists.

        Does nothing when its mode is as it was found: the screen has then cleaned up by itself, and
        leaving the alternate screen twice would move the cursor over what is shown there.
        """
        if not self.changed or self._attributes is None:
            return
        # From the background, setting a mode would stop the process (SIGTTOU, termios(3)).
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            self._write(RESET)
            termios.tcsetattr(self._input, termios.TCSANOW, self._attributes)
        except (OSError, termios.error):
            pass  # gone in between
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _write(self, data: bytes) -> None:
        """Write unless the terminal takes nothing now (stopped by the user, or a dead line)."""
        poll = select.poll()
        poll.register(self._output, select.POLLOUT)
        if any(event & select.POLLOUT for _, event in poll.poll(200)):
            os.write(self._output, data)


def _attributes(descriptor: int) -> list[Any] | None:
    try:
        return termios.tcgetattr(descriptor)
    except (OSError, termios.error):
        return None
