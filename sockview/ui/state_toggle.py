"""One-key state filters as edits of the filter text, so that what is on the screen is what is asked. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sockview.model.tcp_state import parse_state, state_name, state_rank

_WORD: Final = re.compile(r'(?:[^\s"]|"[^"]*"?)+')


def toggle_state(text: str, state: int) -> str:
    """The filter text with `state` added to the states asked for, or taken away when it is one of them."""
    states, rest = _split(text)
    return _join(states ^ {state}, rest)


def only_state(text: str, state: int) -> str:
    """The filter text with `state` as the only state asked for; without any when it already is."""
    states, rest = _split(text)
    return _join(set() if states == {state} else {state}, rest)


def _split(text: str) -> tuple[set[int], list[str]]:
    """The states asked for, and the words that are no plain state words."""
    states: set[int] = set()
    rest: list[str] = []
    for word in _WORD.findall(text):
        named = _states_of(word)
        if named is None:
            rest.append(word)
        else:
            states |= named
    return states, rest


def _states_of(word: str) -> set[int] | None:
    key, colon, value = word.partition(":")
    names = (value if colon and key.lower() == "state" else word).split(",")
    states = {state for name in names if (state := parse_state(name)) is not None}
    return states if len(states) == len(names) else None


def _join(states: Iterable[int], rest: list[str]) -> str:
    names = [state_name(state).lower() for state in sorted(states, key=state_rank)]
    words = [f"state:{','.join(names)}", *rest] if names else rest
    return " ".join(words)
