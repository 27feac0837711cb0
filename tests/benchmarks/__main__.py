"""``python -m tests.benchmarks``: what sockview costs among real sockets, beside ss(8) and psutil.

Everything is measured in one run of about five minutes on one machine, in turns: compare the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from sockview.collect.sources import open_source
from sockview.model.steps import finish
from sockview.model.tcp_state import state_name, state_rank
from tests.benchmarks import apart, report
from tests.benchmarks.contenders import start_lines, table_lines
from tests.benchmarks.crowd import Crowd, why_not
from tests.benchmarks.profile import profile_text
from tests.benchmarks.report import Line
from tests.benchmarks.screens import first_rows_lines, screen_lines
from tests.benchmarks.small_server import small_server_lines
from tests.benchmarks.steady import steady_lines
from tests.benchmarks.tracing import tracing_lines

#: What each part is measured at, unless sizes are given.
SIZES: Final[dict[str, tuple[int, ...]]] = {
    "first": (1_000, 60_000),
    "table": (60_000,),
    "steady": (60_000,),
    "screen": (100_000,),
    "profile": (),
}
#: Those that make the sockets they need themselves.
ALONE: Final = ("starts", "small", "tracing")


def main() -> None:
    given = _arguments()
    if given.apart:
        sys.exit(_again_apart())
    print(
        f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as compiled:
        _compile_as_installed(compiled)
        _measure(given)


def _compile_as_installed(directory: str) -> None:
    """What is started from here finds its modules compiled, as those of an installed package are."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = directory


def _measure(given: argparse.Namespace) -> None:
    lines: list[Line] = []
    failed: list[str] = []
    parts = given.only or [*SIZES, *ALONE]
    began = time.monotonic()
    for name, measured in _parts(given, parts):
        print(f"\n{name}", flush=True)
        try:
            found = measured()
        except Exception:  # of the program that is measured, whatever it is: the other parts are told all the same
            traceback.print_exc()
            failed.append(name)
            continue
        print(report.table(found), flush=True)
        lines += found
    print(f"\nall of it, in {time.monotonic() - began:.0f} s\n{report.table(lines)}")
    if given.markdown:
        print(f"\n{report.markdown(lines)}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=(*SIZES, *ALONE), help="leave the other parts out")
    parser.add_argument(
        "--sockets", type=int, nargs="+", help="sizes of the crowd instead of each part's own; up to 500000"
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender; the median counts")
    parser.add_argument("--keys", type=int, default=80, help="keys pressed busy, and again paused")
    parser.add_argument("--minutes", type=float, default=0.5, help="how long the memory is watched; 10 are asked for")
    parser.add_argument("--markdown", action="store_true", help="print the short table once more, for the README")
    parser.add_argument(
        "--apart",
        action="store_true",
        help="in namespaces of its own, so that no other process or socket is seen (as root)",
    )
    return parser.parse_args()


def _parts(given: argparse.Namespace, parts: list[str]) -> Iterable[tuple[str, Callable[[], list[Line]]]]:
    """What to do, one after the other, each with its heading; a crowd is there while its parts are measured."""
    if "starts" in parts:
        yield "starting", lambda: start_lines(2 * given.rounds)
    if "small" in parts:
        yield "a small server", small_server_lines
    sizes = {part: tuple(given.sockets or own) for part, own in SIZES.items() if part in parts}
    for sockets in sorted(set().union(*sizes.values())):
        reason = why_not(sockets)
        if reason is not None:
            print(f"\n{sockets:,} sockets cannot be made here: {reason}")
            continue
        with Crowd(sockets) as crowd:
            print(f"\n{_counts()}, in {crowd.processes} processes, made in {crowd.seconds_to_make:.1f} s", flush=True)
            yield from _crowd_parts(given, crowd, sockets, [part for part in SIZES if sockets in sizes.get(part, ())])
    if "tracing" in parts:  # at the end: it leaves more TIME_WAIT behind than the crowds have sockets
        yield "tracing", lambda: tracing_lines(min(3, given.rounds))


def _crowd_parts(
    given: argparse.Namespace, crowd: Crowd, sockets: int, parts: list[str]
) -> Iterable[tuple[str, Callable[[], list[Line]]]]:
    """Those that do not care about steadiness first: the crowd becomes steady meanwhile."""
    if "first" in parts:
        yield "first rows", lambda: first_rows_lines(given.rounds, sockets)
    if "table" in parts:
        yield "the whole table once", lambda: table_lines(given.rounds, sockets)
    if "screen" in parts:
        yield "the live screen", lambda: screen_lines(crowd, given.keys, given.minutes, sockets)
    if "steady" in parts:
        crowd.wait_until_steady()
        yield "refresh after refresh", lambda: steady_lines(given.rounds, sockets)
    if "profile" in parts:
        crowd.wait_until_steady()
        print(f"\nprofile of a refresh, {sockets:,} sockets{profile_text(given.rounds)}")


def _counts() -> str:
    """How many sockets there are, and in which states, as sockview itself sees them."""
    sockets = finish(open_source("auto").collect()).sockets
    states = sorted(Counter(s.state for s in sockets).items(), key=lambda item: state_rank(item[0]))
    return f"{len(sockets):,} sockets: " + ", ".join(f"{state_name(state)} {count:,}" for state, count in states)


def _again_apart() -> int:
    """This command without the option, in namespaces of its own; its exit code."""
    if not apart.may_be_apart(apart.ALL_APART):
        print("Namespaces of its own cannot be made here: it needs root and unshare(1).", file=sys.stderr)
        return 1
    rest = [argument for argument in sys.argv[1:] if argument != "--apart"]
    up = [sys.executable, "-m", "tests.benchmarks.apart", sys.executable, "-m", "tests.benchmarks", *rest]
    return subprocess.run([*apart.ALL_APART, *up], check=False).returncode


if __name__ == "__main__":
    main()
