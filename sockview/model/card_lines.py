"""A state card as lines of text: one layout for the screen and for the shell."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

from sockview.model.format_text import count_text, pad
from sockview.model.state_card import StateCard, Step, Way
from sockview.model.tcp_state import state_name

CardTone = Literal["plain", "heading", "strong", "key", "dim"]

#: Cells of a step for what happens here, and for the way between.
_LOCAL_CELLS: Final = 28
_WAY_CELLS: Final = 16
_HERE: Final = "you are here ► "


class CardLine(NamedTuple):
    """A line of a card, and what it is by its tone; `key` is something to type."""

    text: str
    tone: CardTone = "plain"


def card_lines(card: StateCard, width: int, count: int | None, parameters: Mapping[str, str]) -> list[CardLine]:
    """The card in lines of at most `width` cells, but commands, code and the time-line are never wrapped.

    `count`: sockets in this state now, None where that is not known; not shown for a state that the
    table leaves out. `parameters`: sysctl name -> present value; a missing one is said to be not known.
    """
    return [
        CardLine(_title(card.state, count if card.is_listed else None), "heading"),
        *_wrapped(card.meaning, width),
        CardLine(""),
        *_wrapped(f"Who waits: {card.waits_for}", width),
        CardLine(""),
        *_timeline_lines(card.timeline),
        CardLine(""),
        CardLine(f"Why does it stay in {state_name(card.state)}?", "heading"),
        *(line for reason in card.reasons for line in _item(reason, width)),
        CardLine(""),
        CardLine("What to check", "heading"),
        *(
            line
            for check in card.checks
            for line in (CardLine(f"  {check.command}", "key"), *_wrapped(check.tells, width, "    "))
        ),
        CardLine(""),
        CardLine("How to mend it", "heading"),
        *(
            line
            for remedy in card.remedies
            for line in (*_item(remedy.advice, width), *(CardLine(f"    {code}", "key") for code in remedy.code))
        ),
        CardLine(""),
        CardLine("Kernel parameters, with their present values", "heading"),
        *_parameter_lines(card, width, parameters),
        CardLine(""),
        *_wrapped(f"Sources: {'; '.join(card.sources)}.", width, tone="dim"),
    ]


def _title(state: int, count: int | None) -> str:
    if count is None:
        return state_name(state)
    return f"{state_name(state)}: {count_text(count) if count else 'no'} socket{'s' if count != 1 else ''} now"


def _wrapped(text: str, width: int, indent: str = "", tone: CardTone = "plain") -> Iterator[CardLine]:
    return _fill(text, width, indent, indent, tone)


def _item(text: str, width: int) -> Iterator[CardLine]:
    return _fill(text, width, "· ", "  ", "plain")


def _fill(text: str, width: int, first: str, rest: str, tone: CardTone) -> Iterator[CardLine]:
    lines = textwrap.wrap(text, max(width, 20), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return (CardLine(line, tone) for line in lines)


def _parameter_lines(card: StateCard, width: int, values: Mapping[str, str]) -> Iterator[CardLine]:
    for name, effect in card.parameters:
        value = values.get(name)
        yield CardLine(f"  {name} {'is not known here' if value is None else f'= {value}'}", "strong")
        yield from _wrapped(effect, width, "    ")
    if card.no_parameter:
        yield from _wrapped(card.no_parameter, width, "  ")


# ------------------------------------------------------------------ the time-line
def _timeline_lines(steps: Iterable[Step]) -> Iterator[CardLine]:
    yield CardLine(_step_text("this machine", " " * _WAY_CELLS, "the peer"), "dim")
    for step in steps:
        local = _HERE + step.local if step.here else step.local
        yield CardLine(_step_text(local, _way_text(step), step.remote), "strong" if step.here else "plain")


def _step_text(local: str, way: str, remote: str) -> str:
    return f"{pad(local, _LOCAL_CELLS, 'right')} │ {way} │ {remote}".rstrip()


def _way_text(step: Step) -> str:
    """The segment on its arrow: ``───── FIN ─────►``, ``◄───── ACK ─────``, ``───── FIN ───×``."""
    if not step.segment:
        return " " * _WAY_CELLS
    label = f" {step.segment} "
    if step.way is Way.LOST:
        return f"{label:─^{_WAY_CELLS - 3}}×".ljust(_WAY_CELLS)
    line = f"{label:─^{_WAY_CELLS - 1}}"
    return f"◄{line}" if step.way is Way.RECEIVED else f"{line}►"
