"""Runs the screen on the terminal and leaves the terminal as it was, whatever happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from sockview.reader_process import ReaderProcess
from sockview.settings import Settings
from sockview.ui.terminal import TerminalState, prepare, watch_hangup


def run(settings: Settings, first_reader: ReaderProcess, start_reader: Callable[[], ReaderProcess]) -> int:
    """Show the screen until the user leaves it; returns the exit code.

    `first_reader` is at work already; `start_reader` starts another when one dies.
    """
    state = TerminalState()
    watch_hangup()
    prepare(os.environ, sys.__stderr__)
    _import_asyncio()
    # Textual reads its settings from the environment when it is imported.
    from sockview.ui.app import SockviewApp
    from sockview.ui.clipboard import Clipboard
    from sockview.ui.link import ReaderLink
    from sockview.ui.question import Question
    from sockview.ui.session import session_environ

    environ = session_environ(os.environ)
    link = ReaderLink(first_reader, start_reader)
    app = SockviewApp(
        link,
        Question(interval=settings.interval, filter=settings.filter),
        lambda write: Clipboard(environ, write),
        terminal=state,
    )
    try:
        code = app.run()
    finally:
        state.restore()
        link.end()
    return code if code is not None else app.return_code or 0


def _import_asyncio() -> None:
    """Import it without ``ssl``, whose libraries take 4 MB and 7 ms. It does without where Python was built without,
    and nothing here speaks TLS. ``None`` stands for a module that cannot be found (the import system, "The module
    cache"); it is taken back at once.
    """
    if "ssl" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]
    try:
        import asyncio  # noqa: F401
    finally:
        del sys.modules["ssl"]
