"""What a state card holds: what a state means, who waits for whom, why sockets stay, what to check and mend.

The texts themselves are data in ``model/cards/``; ``card_lines`` lays them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Way(Enum):
    """Where a segment goes, seen from this machine."""

    SENT = "sent"
    RECEIVED = "received"
    LOST = "lost"
    """Sent, and no answer comes."""


class Step(NamedTuple):
    """One moment of the exchange: what happens on each side, and the segment between them."""

    local: str
    """What the process here calls, or the state reached."""
    remote: str = ""
    segment: str = ""
    """What crosses, such as ``SYN+ACK``; empty: nothing does."""
    way: Way = Way.SENT
    here: bool = False
    """The socket is at this moment."""


def beside(local: str, remote: str = "", *, here: bool = False) -> Step:
    """Both sides, with nothing between them."""
    return Step(local, remote, here=here)


def sent(local: str, segment: str, remote: str = "", *, here: bool = False) -> Step:
    """This machine sends, the peer receives."""
    return Step(local, remote, segment, Way.SENT, here)


def received(local: str, segment: str, remote: str = "", *, here: bool = False) -> Step:
    """The peer sends, this machine receives."""
    return Step(local, remote, segment, Way.RECEIVED, here)


def lost(local: str, segment: str, remote: str = "", *, here: bool = False) -> Step:
    """This machine sends, and no answer comes."""
    return Step(local, remote, segment, Way.LOST, here)


class Check(NamedTuple):
    """A command for the shell and what its answer tells; PID, addresses and ports are to be replaced."""

    command: str
    tells: str


class Parameter(NamedTuple):
    """A kernel parameter and what it does in this state, or does not."""

    name: str
    """As in limits.PARAMETERS: ``net.ipv4.tcp_fin_timeout``."""
    effect: str


class Remedy(NamedTuple):
    """What to change in the application, with lines of code where they say it best."""

    advice: str
    code: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StateCard:
    """All that is to be said about one state."""

    state: int
    in_short: str
    """A line for the list of all states."""
    meaning: str
    waits_for: str
    """Who waits for whom, and what ends it."""
    timeline: tuple[Step, ...]
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    remedies: tuple[Remedy, ...]
    parameters: tuple[Parameter, ...]
    sources: tuple[str, ...]
    """Where the facts are from."""
    no_parameter: str = ""
    """What no kernel parameter does, where people look for one."""
    is_listed: bool = True
    """False: the table leaves out sockets in this state, so none can be counted."""
