"""How a connection ends: what its client does, and what it asks its server to do.

The client sends its socket's cookie and the letter of the order; from then on both follow their plan.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, NamedTuple

Action = Literal["close", "shut", "reset", "share", "pass"]
"""`share`: with a forked child, both hold it; `pass`: to another process, over a unix socket."""


class Step(NamedTuple):
    action: Action
    at_eof: bool = False
    """Only when the other end has sent its FIN (or a reset)."""
    late: bool = False
    """Not at once but within LATE."""


#: Seconds by which a late step is late, from and to.
LATE: Final = (0.1, 0.7)

Plan = tuple[Step, ...]


class Order(Enum):
    """letter, plan of the client, plan of the server."""

    letter: bytes
    client: Plan
    server: Plan

    def __init__(self, letter: bytes, client: Plan, server: Plan) -> None:
        self.letter, self.client, self.server = letter, client, server

    CLIENT_FIRST = b"c", (Step("close"),), (Step("close", at_eof=True),)
    CLIENT_FIRST_LATE = b"C", (Step("close", late=True),), (Step("close", at_eof=True, late=True),)
    SERVER_FIRST = b"s", (Step("close", at_eof=True),), (Step("close"),)
    SERVER_FIRST_LATE = b"S", (Step("close", at_eof=True, late=True),), (Step("close", late=True),)
    CLIENT_HALF = b"h", (Step("shut"), Step("close", at_eof=True, late=True)), (Step("close", at_eof=True, late=True),)
    CLIENT_GIVES_UP = b"u", (Step("shut"), Step("close", late=True)), (Step("close", at_eof=True, late=True),)
    SERVER_HALF = b"H", (Step("close", at_eof=True, late=True),), (Step("shut"), Step("close", at_eof=True, late=True))
    BOTH = b"b", (Step("close", late=True),), (Step("close", late=True),)
    RESET = b"r", (Step("reset"),), (Step("close", at_eof=True),)
    SHARE = b"f", (Step("close", at_eof=True),), (Step("share"),)
    SHARE_CLIENT_FIRST = b"F", (Step("close", late=True),), (Step("share"),)
    PASS = b"p", (Step("close", at_eof=True),), (Step("pass"),)
    LEAK = b"l", (Step("close"),), ()


BY_LETTER: Final = {order.letter: order for order in Order}

#: Bytes of a cookie before the letter.
COOKIE_BYTES: Final = 8
