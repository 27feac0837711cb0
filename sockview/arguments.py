"""The command line and the environment become Settings; wrong usage becomes one sentence.

Filter words may begin with a minus (``-lo`` is "not loopback"), which argparse takes for options.
So the words are picked out first, and argparse sees the options alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Final, NoReturn

from sockview import __version__
from sockview.errors import UsageError

if TYPE_CHECKING:
    from sockview.settings import Form, Settings, SourceKind

_SEE_HELP: Final = "'sockview --help' lists what there is"

#: As the first word: explain a state. As a filter it is written "explain", quotes included, or after ``--``.
_EXPLAIN: Final = "explain"

_EPILOG: Final = """\
filter words:
  cw, tw, listen ...       a state, in any spelling      state:cw,tw    any of several
  8080                     a port or PID, exactly        port:80 lport: rport: pid:
  nginx                    process, command line, address or user    proc: user: addr:
  -nginx  !lo              not that                      age:>5m recvq:>0 proto:udp lo
Words must all match. The README has the whole language, '?' on the screen has the keys.

examples:
  sockview cw                        who holds CLOSE_WAIT
  sockview port:443 -lo              port 443 at either end, without loopback
  sockview --once --json proc:nginx  one look, for other programs
  sockview explain close-wait        what a state means, why sockets stay in it, how to mend it
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}; {_SEE_HELP}.")


def _parser() -> _Parser:
    parser = _Parser(
        prog="sockview",
        usage="sockview [OPTION ...] [FILTER ...]\n       sockview explain [STATE]",
        description="Shows live which processes hold CLOSE_WAIT or leave TIME_WAIT sockets, and copies their PIDs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--once", action="store_true", help="print the sockets once and exit")
    parser.add_argument("--json", action="store_true", help="print once, as one JSON object, with what is wrong")
    parser.add_argument("--summary", action="store_true", help="print once, the number of sockets in each state")
    parser.add_argument("--interval", metavar="SECONDS", help="time between refreshes, 0.1 to 3600 (default: 1)")
    parser.add_argument(
        "--source",
        metavar="SOURCE",
        help="auto, netlink or psutil (default: $SOCKVIEW_SOURCE, else auto: netlink where there is one)",
    )
    parser.add_argument("--no-trace", action="store_true", help="do not ask the kernel who closes sockets (as root)")
    parser.add_argument("--version", action="version", version=f"sockview {__version__}")
    return parser


#: Options that take a value, as the next word or after "=".
_WITH_VALUE: Final = frozenset({"--interval", "--source"})


def split_words(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """(options, filter words): options are ``-h`` and what begins with ``--``, up to a lone ``--``.

    An option's value is joined to it by "=", so that a value with a minus stays a value.
    """
    options: list[str] = []
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            words.extend(rest)
        elif argument in _WITH_VALUE:
            value = next(rest, None)
            if value is None:
                raise UsageError(f"{argument} needs a value after it; {_SEE_HELP}.")
            options.append(f"{argument}={value}")
        elif argument.startswith("--") or argument == "-h":
            options.append(argument)
        else:
            words.append(argument)
    return options, words


def read_arguments(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """The settings of this run; raises UsageError with one sentence for wrong usage.

    Raises SystemExit(0) after ``--help`` and ``--version`` have been printed.
    """
    options, words = split_words(arguments)
    given, unknown = _parser().parse_known_args(options)
    if unknown:
        raise UsageError(f"There is no option {unknown[0]}; {_SEE_HELP}.")

    from sockview.settings import DEFAULT_INTERVAL, Settings

    form: Form = "screen"
    if given.json:
        form = "json"
    elif given.summary:
        form = "summary"
    elif given.once:
        form = "table"
    explain = _state_to_explain(arguments, words)
    if explain is not None and form in ("json", "summary"):
        raise UsageError(f"{_EXPLAIN} prints text alone: leave out --{form}.")
    return Settings(
        filter=" ".join(words) if explain is None else "",
        interval=DEFAULT_INTERVAL if given.interval is None else _interval(given.interval),
        source=_source(given.source, environ),
        trace=not given.no_trace,
        form=form,
        explain=explain,
    )


def _state_to_explain(arguments: Sequence[str], words: Sequence[str]) -> str | None:
    """The words behind ``explain``; None where the first word is another one, or stands behind ``--``."""
    if words[:1] == [_EXPLAIN] and _EXPLAIN in takewhile(lambda argument: argument != "--", arguments):
        return " ".join(words[1:])
    return None


def _interval(text: str) -> float:
    from sockview.model.query import MAX_INTERVAL, MIN_INTERVAL

    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not MIN_INTERVAL <= seconds <= MAX_INTERVAL:  # false for nan too
        raise UsageError(f"--interval takes {MIN_INTERVAL:g} to {MAX_INTERVAL:g} seconds, not {_quoted(text)}.")
    return seconds


def _source(flag: str | None, environ: Mapping[str, str]) -> SourceKind:
    from sockview.settings import SOURCE_VARIABLE, SOURCES

    origin, text = ("--source", flag) if flag is not None else (SOURCE_VARIABLE, environ.get(SOURCE_VARIABLE) or "auto")
    for kind in SOURCES:
        if text == kind:
            return kind
    raise UsageError(f"{origin} takes {', '.join(SOURCES[:-1])} or {SOURCES[-1]}, not {_quoted(text)}.")


def _quoted(text: str) -> str:
    from sockview.model.clean_text import clean

    return f"'{clean(text, 80)}'"
