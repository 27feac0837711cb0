"""The command: composes the rooms, and turns every end into an exit code.

0 done · 1 could not read or write · 2 wrong usage · 130 interrupted by Ctrl+C.

Imports are inside the functions: ``--version`` needs nothing, ``--once`` needs no Textual, and the
reader of the live screen is at work before Textual is imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TextIO

from sockview.errors import SockviewError, UsageError

if TYPE_CHECKING:
    from sockview.settings import PrintedForm, Settings

INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run sockview with these arguments; returns the exit code.

    Without any it is the process's own command, and may end the process at once, with exit code 0.
    """
    try:
        try:
            return _run(arguments)
        except SystemExit as done:  # argparse, after --help and --version
            _flush_output()
            return done.code if isinstance(done.code, int) else 0
    except KeyboardInterrupt:
        _discard_output()
        return INTERRUPTED
    except UsageError as error:
        _say(str(error))
        return 2
    except SockviewError as error:
        _discard_output()
        _say(str(error))
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    from sockview.arguments import read_arguments

    alone = arguments is None
    settings = read_arguments(sys.argv[1:] if arguments is None else arguments, os.environ)
    if settings.explain is not None:
        return _explain(settings, settings.explain)
    _check_filter(settings.filter)
    if settings.form != "screen":
        return _print_once(settings, settings.form, alone)
    problem = _screen_problem()
    if problem is not None:
        _say(problem)
        return _print_once(settings, "table", alone)
    return _show_screen(settings)


def _check_filter(text: str) -> None:
    """A bad filter is wrong usage, said with the offending part before anything is read."""
    if not text.strip():
        return
    from sockview.model.filter import FilterError, parse_filter

    try:
        parse_filter(text)
    except FilterError as error:
        part = text[error.position : error.position + error.length]
        raise UsageError(f"Filter '{part}': {error}") from None


def _screen_problem() -> str | None:
    """Why there can be no screen here, as a sentence; None where there can."""
    # The usual case, a pipe, without the modules that the rest of the question needs.
    if sys.stdout is None or not sys.stdout.isatty():
        return "Standard output is no terminal, so the sockets are printed once; --once asks for just that."
    from sockview.ui.terminal import screen_problem

    return screen_problem(os.environ)


def _print_once(settings: Settings, form: PrintedForm, alone: bool) -> int:
    """`alone`: the process has nothing else to do."""
    import gc

    # Nothing here is garbage before the end, and looking for it among 100,000 rows costs a tenth of a run.
    gc.disable()
    from sockview.collect.sources import open_source
    from sockview.output.once import print_once

    out = _output()
    try:
        source = open_source(settings.source, findings=form == "json")
        _table = print_once(source, settings.filter, form, out, _say)
    except BrokenPipeError:
        _discard_output()  # the reader of the pipe has gone (`| head`): it has seen enough
        return 0
    if alone:
        # With the table still held: the kernel takes back at once what would be freed row by row, 30 ms for 60,000.
        os._exit(0)
    return 0


def _explain(settings: Settings, state: str) -> int:
    import shutil

    from sockview.collect.sources import open_source
    from sockview.model.steps import finish
    from sockview.output.explain import explain

    width = shutil.get_terminal_size().columns
    try:
        explain(state, lambda: finish(open_source(settings.source, findings=False).collect()), _output(), width, _say)
    except BrokenPipeError:
        _discard_output()
    return 0


def _output() -> TextIO:
    """Standard output, made to write anything whatever the locale. Raises SockviewError where there is none."""
    import io

    if sys.stdout is None:
        raise SockviewError("Standard output is closed; give sockview somewhere to print to.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may hold what this locale cannot write
    return sys.stdout


def _show_screen(settings: Settings) -> int:
    import gc

    from sockview.reader_process import start_reader

    # To look through what the imports make, again and again, is a tenth of their time; the screen enables it again.
    gc.disable()
    try:
        # The reader collects while Textual is imported, so the first frame already has its data.
        first_reader = start_reader(settings.source, trace=settings.trace)
    except OSError as error:
        raise SockviewError(_why_no_reader(error)) from error
    from sockview.ui.run import run

    return run(settings, first_reader, lambda: start_reader(settings.source, trace=settings.trace))


def _why_no_reader(error: OSError) -> str:
    import errno

    reason = os.strerror(error.errno or 0)
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM):
        return f"The reader cannot be started ({reason}); raise ulimit -n or -u, or try --once."
    return f"The reader cannot be started: {sys.executable} does not run for this user ({reason}); try --once."


def _say(sentence: str) -> None:
    """One line on standard error, where there is one."""
    from sockview.model.clean_text import clean

    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"sockview: {clean(sentence)}\n")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _flush_output() -> None:
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        raise SockviewError(f"The output could not be written: {os.strerror(error.errno or 0)}.") from error


def _discard_output() -> None:
    """What is still buffered goes nowhere, so that the interpreter's last flush cannot fail."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
