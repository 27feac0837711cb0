"""The cards of all states that have one."""

from __future__ import annotations

from typing import Final

from sockview.model.cards.closing_first import CLOSING_CARD, FIN_WAIT1_CARD, FIN_WAIT2_CARD
from sockview.model.cards.closing_second import CLOSE_WAIT_CARD, LAST_ACK_CARD
from sockview.model.cards.established import ESTABLISHED_CARD
from sockview.model.cards.opening import LISTEN_CARD, SYN_RECV_CARD, SYN_SENT_CARD
from sockview.model.cards.time_wait import TIME_WAIT_CARD
from sockview.model.cards.without_peer import BOUND_CARD, CLOSE_CARD, UNCONN_CARD
from sockview.model.state_card import StateCard
from sockview.model.tcp_state import normal_state, state_rank

#: Most urgent state first, as in the histogram.
CARDS: Final[tuple[StateCard, ...]] = tuple(
    sorted(
        (
            CLOSE_WAIT_CARD,
            TIME_WAIT_CARD,
            SYN_RECV_CARD,
            SYN_SENT_CARD,
            FIN_WAIT1_CARD,
            FIN_WAIT2_CARD,
            LAST_ACK_CARD,
            CLOSING_CARD,
            ESTABLISHED_CARD,
            LISTEN_CARD,
            CLOSE_CARD,
            BOUND_CARD,
            UNCONN_CARD,
        ),
        key=lambda card: state_rank(card.state),
    )
)

_BY_STATE: Final = {card.state: card for card in CARDS}


def card_of(state: int) -> StateCard | None:
    """The card of a state; None for one that this version does not know."""
    return _BY_STATE.get(normal_state(state))
