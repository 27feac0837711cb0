"""Makes text from the system harmless: the one place where names, command lines and hosts enter.

A process may call itself anything: escape codes, newlines, bidi overrides. Everything that could
act on a terminal or hide text is written out visibly (``\\x1b``, ``\\u202e``), so that what is shown
is what is there.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Longest text kept of one name or command line, in characters.
MAX_TEXT: Final = 4096
#: Longest name of a process or user kept: every row carries one.
MAX_NAME: Final = 64

#: Control, format (bidi, zero width), surrogate, private use, unassigned; line and paragraph separators.
_HARMFUL: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

#: Letters and marks that show as nothing or change the width of their neighbour, so that terminals
#: disagree on the length of the line: grapheme joiner, Hangul and Khmer fillers, variation selectors.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def _visible(char: str) -> str:
    code = ord(char)
    if char == "\n":
        return "\\n"
    if char == "\t":
        return "\\t"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """The text with everything that a terminal could obey made visible; at most `limit` characters.

    Plain printable ASCII comes back as the same object. A longer text ends in an ellipsis.
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(_visible(char) if _is_harmful(char) else char for char in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _is_harmful(char: str) -> bool:
    return unicodedata.category(char) in _HARMFUL or _INVISIBLE.match(char) is not None


def clean_bytes(raw: bytes, limit: int = MAX_TEXT) -> str:
    """As `clean`, from bytes of any encoding: what is not UTF-8 shows as ``\\xNN``."""
    return clean(raw[: limit * 4 + 4].decode("utf-8", "backslashreplace"), limit)
