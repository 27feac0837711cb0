"""The filter of a view: its text, and what it lets through.

Words are ANDed, a comma inside a value is OR, ``!`` or ``-`` negates; `filter_keys` has the table
of everything that can be said.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from sockview.model.clean_text import clean
from sockview.model.filter_keys import (
    BARE_WORDS,
    FILTER_KEYS,
    BareWord,
    FilterKey,
    bare_word,
    find_key,
    nearest_key,
)
from sockview.model.filter_logic import AllOf, Not, any_of
from sockview.model.filter_terms import Condition, Cost
from sockview.model.filter_words import FilterError, Value, Word, split_words
from sockview.model.selection import Selection

__all__ = [
    "BARE_WORDS",
    "FILTER_KEYS",
    "BareWord",
    "Filter",
    "FilterError",
    "FilterKey",
    "parse_filter",
]


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was understood."""

    text: str
    """As the user wrote it."""
    condition: AllOf

    @property
    def is_everything(self) -> bool:
        """Whether it lets every socket through."""
        return not self.condition.tests

    @property
    def asks_owners(self) -> bool:
        """Whether it lets sockets through or not by who owns them, so that a hidden owner matters."""
        return self.condition.cost >= Cost.OWNER

    def sieve_steps(self, selection: Selection) -> Generator[None, None, Selection]:
        """Those of some sockets that it lets through, in their order; in steps of a few milliseconds."""
        return self.condition.sieve_steps(selection)

    def narrows(self, wider: Filter) -> bool:
        """Whether it is certain that it lets through nothing that the other one does not."""
        return self.condition.narrows(wider.condition)


def parse_filter(text: str) -> Filter:
    """The filter that the text means; empty text is everything.

    Raises FilterError, with the place and one sentence, for anything that is not understood.
    """
    return Filter(text, AllOf(tuple(_condition(word) for word in split_words(text))))


def _condition(word: Word) -> Condition:
    condition = any_of([_test(word, value) for value in word.values])
    return Not(condition) if word.negated else condition


def _test(word: Word, value: Value) -> Condition:
    if word.key is None:
        if not value.text:
            raise value.error("a word is missing: commas and quotes need text on each side, such as cw,tw")
        return bare_word(value)
    key = find_key(word.key)
    if key is None:
        raise FilterError(_unknown_key(word), word.position, word.length)
    if not value.text:
        raise value.error(f"{key.key}: needs {key.needs}, such as {key.example}")
    return key.parse(value)


def _unknown_key(word: Word) -> str:
    key = clean(word.key or "", 24)
    near = nearest_key(key)
    if near:
        return f"unknown key '{key}:', did you mean '{near}:'?"
    return f"unknown key '{key}:', put the word in quotes to find it as text"
