"""The tones of the screen: what a colour means, in one place. The colours themselves are in the theme.

A tone is never the only sign: every state is spelled out, likely owners carry ``~``, findings ``!``.
"""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

from sockview.model import tcp_state
from sockview.model.finding import Urgency

#: Every tone has a rule ``.tone--<name>`` in screen.tcss.
TONES: Final[tuple[str, ...]] = (
    "dim",
    "strong",
    "alarm",
    "caution",
    "good",
    "accent",
    "heading",
    "key",
    "cursor",
    "cursor-blur",
    "tagged",
    "badge",
    "rule",
)

_STATE_TONES: Final[dict[int, str]] = {
    tcp_state.CLOSE_WAIT: "alarm",
    tcp_state.TIME_WAIT: "caution",
    tcp_state.ESTABLISHED: "good",
    tcp_state.LISTEN: "accent",
}


def state_tone(state: int) -> str:
    """The tone of a state's name and bar."""
    return _STATE_TONES.get(state, "plain")


def rate_tone(state: int, rate: float | None) -> str:
    """The tone of how fast the sockets in a state become more or fewer."""
    if state == tcp_state.CLOSE_WAIT and rate is not None and rate > 0:
        return "alarm"
    return "plain" if rate else "dim"


_URGENCIES: Final[dict[Urgency, tuple[str, str]]] = {
    "critical": ("!!", "alarm"),
    "warning": ("!", "caution"),
    "notice": ("·", "accent"),
}


def urgency_sign(urgency: Urgency) -> str:
    """At most two cells before the title of a finding."""
    return _URGENCIES[urgency][0]


def urgency_tone(urgency: Urgency) -> str:
    """The tone of a finding's sign and title."""
    return _URGENCIES[urgency][1]


#: Colours that Textual's themes have no name for. Solid: a tone is laid over another without mixing.
TONE_COLOURS: Final[dict[str, str]] = {
    "tone-dim": "#93a1b0",
    "tone-rule": "#4f6478",
    "tone-cursor": "#24476b",
    "tone-cursor-blur": "#1d2f42",
    "tone-heading": "#87afd7",
}

SOCKVIEW_DARK: Final = Theme(
    name="sockview-dark",
    primary="#5fafff",
    secondary="#87afd7",
    accent="#5fd7ff",
    warning="#ffcf5c",
    error="#ff6b6b",
    success="#7fd88f",
    foreground="#d7dde5",
    background="#10151c",
    surface="#10151c",
    panel="#1c2530",
    dark=True,
    variables=TONE_COLOURS,
)
