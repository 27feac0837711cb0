"""What ``sockview explain`` prints: the card of one state, or a line for each state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TextIO

from sockview.errors import CollectError, UsageError
from sockview.model.card_lines import card_lines
from sockview.model.cards import CARDS, card_of
from sockview.model.clean_text import clean
from sockview.model.filter_keys import state_hint
from sockview.model.snapshot import Snapshot
from sockview.model.state_card import StateCard
from sockview.model.tcp_state import UNCONN, parse_state, state_name
from sockview.output.once import write_pieces

#: Longer lines are hard to read.
MAX_WIDTH: Final = 100

_ASCII: Final = str.maketrans("│─►◄×·", "|-><x*")


def explain(state: str, look: Callable[[], Snapshot], out: TextIO, width: int, say: Callable[[str], object]) -> None:
    """Write the card of `state`, in any spelling, or all states in a line each where it is empty.

    `look` takes the snapshot that the card's numbers are from; where it fails, `say` gets the reason
    and the card goes without them. `width`: cells of a line. Raises UsageError for a state that
    nobody knows, SockviewError when `out` cannot be written, and BrokenPipeError when nobody reads it.
    """
    if not state:
        _write_lines(out, _list_lines())
        say("Name one to read its card, such as: sockview explain close-wait")
        return
    card = _card_named(state)
    count, parameters = _facts(card, look, say)
    _write_lines(out, (line.text for line in card_lines(card, min(width, MAX_WIDTH), count, parameters)))


def _card_named(text: str) -> StateCard:
    number = UNCONN if text.lower() == "udp" else parse_state(text)
    card = None if number is None else card_of(number)
    if card is None:
        hint = state_hint(text)
        raise UsageError(f"Unknown state '{clean(text, 80)}', {hint}{'' if hint.endswith('?') else '.'}")
    return card


def _facts(
    card: StateCard, look: Callable[[], Snapshot], say: Callable[[str], object]
) -> tuple[int | None, Mapping[str, str]]:
    """How many sockets are in the state now, None where that is not known; the kernel parameters."""
    try:
        snapshot = look()
    except CollectError as error:
        say(str(error))
        return None, {}
    count = Counter(s.state for s in snapshot.sockets)[card.state] if snapshot.complete else None
    return count, snapshot.limits.parameters


def _list_lines() -> Iterator[str]:
    width = max(len(state_name(card.state)) for card in CARDS)
    return (f"{state_name(card.state):<{width}}  {card.in_short}" for card in CARDS)


def _write_lines(out: TextIO, lines: Iterable[str]) -> None:
    """Where the encoding of `out` has no characters for the time-line, it is drawn in ASCII."""
    text = "".join(f"{line}\n" for line in lines)
    try:
        text.encode(out.encoding or "utf-8")
    except UnicodeEncodeError:
        text = text.translate(_ASCII)
    write_pieces(out, [text])
