"""What the user has asked for: every setting, its type, its default and its meaning."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

SourceKind = Literal["auto", "netlink", "psutil"]
PrintedForm = Literal["table", "summary", "json"]
Form = Literal["screen"] | PrintedForm

SOURCES: Final[tuple[SourceKind, ...]] = ("auto", "netlink", "psutil")

#: Environment variable that chooses the source where `--source` does not.
SOURCE_VARIABLE: Final = "SOCKVIEW_SOURCE"

#: Seconds between refreshes.
DEFAULT_INTERVAL: Final = 1.0


class Settings(NamedTuple):
    """One run's settings; arguments win over the environment, the environment over defaults.

    A tuple, because ``dataclasses`` would be imported before the reader is started.
    """

    filter: str = ""
    """The filter to start with, in the filter language; empty shows everything."""
    interval: float = DEFAULT_INTERVAL
    """Seconds between refreshes, MIN_INTERVAL to MAX_INTERVAL."""
    source: SourceKind = "auto"
    """Where sockets come from: the kernel's sock_diag, psutil, or whichever works, in this order."""
    trace: bool = True
    """Listen to who opens and closes sockets, where the kernel permits it; the live screen alone does."""
    form: Form = "screen"
    """The live screen, or what is printed once instead of it."""
    explain: str | None = None
    """The state to explain instead of showing sockets, as the user spelled it; empty lists all states."""
