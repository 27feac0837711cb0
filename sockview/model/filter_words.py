"""Splits the text of a filter into words, keys and values, each with its place in the text.

The grammar: words stand between blanks and are ANDed; ``!`` or ``-`` before a word negates it;
letters before a colon are a key; commas part the alternatives of a value. Between double quotes
blanks, commas, colons and the negation signs are text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from sockview.errors import UsageError
from sockview.model.clean_text import clean

#: What may stand before the colon of a key.
_KEY: Final = re.compile(r"[A-Za-z][A-Za-z_-]*\Z")
#: But this is the start of an IPv6 address when more colons follow: ``dead:beef::1``.
_HEX_GROUP: Final = re.compile(r"[A-Fa-f]{1,4}\Z")
_NEGATIONS: Final = "!-"


class FilterError(UsageError):
    """A filter that cannot be understood: one sentence, and the place of the offending part."""

    def __init__(self, message: str, position: int, length: int) -> None:
        super().__init__(message)
        self.position = position
        """Index of the first offending character in the filter's text."""
        self.length = max(1, length)
        """How many characters are to blame, at least 1."""


@dataclass(frozen=True, slots=True)
class Value:
    """One alternative of a word, without its quotes."""

    text: str
    position: int
    length: int
    quoted: bool
    """Some of it stood in quotes: it is text and nothing else."""

    @property
    def shown(self) -> str:
        """The text as an error may repeat it: harmless and short."""
        return clean(self.text, 24)

    def error(self, message: str) -> FilterError:
        return FilterError(message, self.position, self.length)


@dataclass(frozen=True, slots=True)
class Word:
    """One condition of a filter."""

    position: int
    length: int
    negated: bool
    key: str | None
    """Lower case, without ``-`` and ``_``; None for a bare word."""
    values: tuple[Value, ...]
    """At least one. A value may be empty: the meaning of the key decides how to say what is missing."""


class _Char(NamedTuple):
    text: str
    position: int
    quoted: bool


def split_words(text: str) -> list[Word]:
    """The words of a filter in their order. Raises FilterError for what the grammar refuses."""
    return [_word(chars) for chars in _scan(text)]


def known_as(key: str) -> str:
    """The one spelling under which a key is looked up: ``Recv-Q`` is ``recvq``."""
    return key.lower().replace("-", "").replace("_", "")


def _scan(text: str) -> list[list[_Char]]:
    """The characters of each word, quotes taken off; an empty pair of quotes leaves an empty character."""
    words: list[list[_Char]] = []
    current: list[_Char] = []
    opened: int | None = None
    for position, char in enumerate(text):
        if char == '"':
            current.append(_Char("", position, True))
            opened = position if opened is None else None
        elif opened is None and char.isspace():
            if current:
                words.append(current)
            current = []
        else:
            current.append(_Char(char, position, opened is not None))
    if opened is not None:
        raise FilterError('a quote is opened and not closed: add another "', opened, len(text) - opened)
    return [*words, current] if current else words


def _word(chars: list[_Char]) -> Word:
    position, length = chars[0].position, _span(chars)
    negated = False
    while chars and not chars[0].quoted and chars[0].text in _NEGATIONS:
        negated = not negated
        sign = chars.pop(0).text
        if not chars:
            raise FilterError(f"'{sign}' needs a word right after it, such as {sign}cw", position, length)
    key, rest = _split_key(chars)
    values = tuple(_value(part, position, length) for part in _split_commas(rest))
    return Word(position, length, negated, key, values)


def _span(chars: list[_Char]) -> int:
    return chars[-1].position - chars[0].position + 1


def _split_key(chars: list[_Char]) -> tuple[str | None, list[_Char]]:
    for index, char in enumerate(chars):
        if char.quoted or char.text == ",":
            break
        if char.text == ":":
            before, rest = "".join(c.text for c in chars[:index]), chars[index + 1 :]
            if not _KEY.match(before) or (_HEX_GROUP.match(before) and any(c.text == ":" for c in rest)):
                break
            return known_as(before), rest
    return None, chars


def _split_commas(chars: list[_Char]) -> list[list[_Char]]:
    parts: list[list[_Char]] = [[]]
    for char in chars:
        if char.text == "," and not char.quoted:
            parts.append([])
        else:
            parts[-1].append(char)
    return parts


def _value(chars: list[_Char], position: int, length: int) -> Value:
    """An empty value is blamed on its whole word."""
    text = "".join(char.text for char in chars)
    if not text:
        return Value("", position, length, bool(chars))
    return Value(text, chars[0].position, _span(chars), any(char.quoted for char in chars))
