"""How values are written: numbers in words and units, and text in an exact number of terminal cells.

A CJK character takes two cells, a combining mark none (Unicode Standard Annex 11). Text is taken to
be cleaned: control characters have no width here because there are none.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final, Literal

from sockview.model.query import Age

Align = Literal["left", "right"]

#: Shown where there is no value.
NOTHING: Final = "-"
ELLIPSIS: Final = "…"

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400

#: The most days an age column can show.
_MOST_DAYS: Final = 9999
#: Categories of characters that take no cell.
_NO_WIDTH: Final = frozenset({"Mn", "Me", "Mc", "Cf"})
#: Characters that join the one before: vowels and finals of a Hangul syllable, skin tones.
_JOINING: Final = (("\u1160", "\u11ff"), ("\ud7b0", "\ud7ff"), ("\U0001f3fb", "\U0001f3ff"))


# ------------------------------------------------------------------ numbers
def age_text(age: Age | None) -> str:
    """At most 6 cells: ``31s 12m 3h04m 14h 3d04h 21d``; ``>`` before a lower bound; ``-`` if nothing is known.

    Rounded down, so what is shown is never more than what is known. Two bounds that show as the same are one.
    """
    if age is None:
        return NOTHING
    certain = age.exact or (age.at_most is not None and _age_shown(age.at_most) == _age_shown(age.at_least))
    if age.at_least < 1 and not certain:
        return NOTHING
    bound = "" if certain and age.at_least < (_MOST_DAYS + 1) * DAY else ">"
    return bound + _age_shown(age.at_least)


def _age_shown(age: float) -> str:
    seconds = max(0, int(age))
    days, hours, minutes = seconds // DAY, seconds % DAY // HOUR, seconds % HOUR // MINUTE
    if seconds < MINUTE:
        return f"{seconds}s"
    if seconds < HOUR:
        return f"{minutes}m"
    if days == 0:
        return f"{hours}h{minutes:02}m" if hours < 10 else f"{hours}h"
    return f"{days}d{hours:02}h" if days < 10 else f"{min(days, _MOST_DAYS)}d"


def duration_text(seconds: float) -> str:
    """The two largest units: ``31s``, ``12m04s``, ``3h04m``, ``3d04h``. Rounded down."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m{whole % MINUTE:02}s"
    if whole < DAY:
        return f"{whole // HOUR}h{whole % HOUR // MINUTE:02}m"
    return f"{whole // DAY}d{whole % DAY // HOUR:02}h"


def count_text(count: int | None) -> str:
    """With thousands separated by commas: ``60,021``; ``-`` if unknown."""
    return NOTHING if count is None else f"{count:,}"


def bytes_text(count: int | None) -> str:
    """At most 5 cells below 1024 P: ``512B``, ``1.4G``, ``212M`` (1024-based); ``-`` if unknown."""
    if count is None:
        return NOTHING
    if count < 1024:
        return f"{count}B"
    number = float(count)
    for unit in "KMGTP":
        number /= 1024
        if number < 9.95:
            return f"{number:.1f}{unit}"
        if number < 1023.5 or unit == "P":
            break
    return f"{number:.0f}{unit}"


def rate_text(rate: float | None) -> str:
    """A change per second in at most 7 cells: ``+3.2/s``, ``-40/s``, ``+1.2k/s``; below one a second per minute:
    ``+12/min``; ``0/min``; empty if it is not known.
    """
    if rate is None:
        return ""
    sign, size = "-" if rate < 0 else "+", abs(rate)
    if size < 59.5 / MINUTE:
        per_minute = round(size * MINUTE)
        return f"{sign}{per_minute}/min" if per_minute else "0/min"
    unit = ""
    for larger in "kMG":
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    number = f"{size:.1f}".removesuffix(".0") if size < 9.95 else f"{min(size, 999):.0f}"
    return f"{sign}{number}{unit}/s"


def span_text(seconds: float) -> str:
    """How far back a series goes: ``last 25s``, ``last 5m``, ``last 1h`` from 59 minutes on, where it has reached its
    full length; empty while it is shorter than a second.
    """
    whole = int(seconds)
    if whole < 1:
        return ""
    if whole < MINUTE:
        return f"last {whole}s"
    return f"last {whole // MINUTE}m" if whole < HOUR - MINUTE else "last 1h"


def seconds_text(seconds: float) -> str:
    """Two digits of a short time: ``0.25 s``, ``1.3 s``, ``60 s``."""
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


# ------------------------------------------------------------------ cells
@lru_cache(maxsize=4096)
def _char_width(char: str) -> int:
    if unicodedata.category(char) in _NO_WIDTH or any(first <= char <= last for first, last in _JOINING):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cell_width(text: str) -> int:
    """How many terminal cells the text takes."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def take(text: str, width: int) -> str:
    """The longest beginning of the text that fits into `width` cells, with the marks that belong to it."""
    if text.isascii():
        return text[: max(0, width)]
    room = width
    for index, char in enumerate(text):
        room -= _char_width(char)
        if room < 0:
            return text[:index]
    return text


def shorten(text: str, width: int) -> str:
    """The text in at most `width` cells; what is cut ends in an ellipsis."""
    if cell_width(text) <= max(0, width):
        return text
    return take(text, width - 1) + ELLIPSIS if width > 0 else ""


def shorten_middle(text: str, width: int) -> str:
    """As `shorten`, but beginning and end are kept: ``2001:db8…:7348``."""
    if not text.isascii() or len(text) <= width or width < 3:
        return shorten(text, width)
    tail = (width - 1) // 2
    return text[: width - 1 - tail] + ELLIPSIS + text[-tail:]


def shorten_endpoint(text: str, width: int) -> str:
    """``10.0.0.7:8080`` in at most `width` cells: the address is cut in its middle, the port stays whole.

    ``[2001:db8::1:2]:443`` becomes ``[2001:…:1:2]:443``. Only where the port alone does not fit is it
    cut too, and then it ends in an ellipsis, so that it cannot be taken for another port.
    """
    host, colon, port = text.rpartition(":")
    if not text.isascii() or len(text) <= width or not (colon and port):
        return shorten(text, width)
    ending = f"]:{port}" if host.startswith("[") else f":{port}"
    opening = host[: len(ending) - len(port) - 1]
    room = width - len(opening) - len(ending)
    if room >= 3:
        return opening + shorten_middle(host.strip("[]"), room) + ending
    return shorten(f"{ELLIPSIS}:{port}" if width >= len(port) + 2 else f":{port}", width)


def shorten_before(text: str, ending: str, width: int) -> str:
    """As `shorten`, but an `ending` that the text has is kept where there is room for it."""
    kept = cell_width(ending)
    if not text.endswith(ending) or width < kept + 2:
        return shorten(text, width)
    return shorten(text.removesuffix(ending), width - kept) + ending


def pad(text: str, width: int, align: Align = "left") -> str:
    """The text in exactly `width` cells: cut, or filled with blanks on the side away from `align`."""
    shown = shorten(text, width)
    blanks = " " * (width - cell_width(shown))
    return blanks + shown if align == "right" else shown + blanks
