"""The states of a socket: numbers, names, every accepted spelling, and their urgency.

Numbers are the kernel's (``include/net/tcp_states.h``); names are those of netstat(8) and psutil.
Newer kernels may report states that are not listed here: they keep their number and are shown as
``STATE_14``, never refused.
"""

from __future__ import annotations

from typing import Final

UNCONN: Final = 0
ESTABLISHED: Final = 1
SYN_SENT: Final = 2
SYN_RECV: Final = 3
FIN_WAIT1: Final = 4
FIN_WAIT2: Final = 5
TIME_WAIT: Final = 6
CLOSE: Final = 7
CLOSE_WAIT: Final = 8
LAST_ACK: Final = 9
LISTEN: Final = 10
CLOSING: Final = 11
NEW_SYN_RECV: Final = 12
BOUND_INACTIVE: Final = 13

_NAMES: Final[dict[int, str]] = {
    UNCONN: "UNCONN",
    ESTABLISHED: "ESTABLISHED",
    SYN_SENT: "SYN_SENT",
    SYN_RECV: "SYN_RECV",
    FIN_WAIT1: "FIN_WAIT1",
    FIN_WAIT2: "FIN_WAIT2",
    TIME_WAIT: "TIME_WAIT",
    CLOSE: "CLOSE",
    CLOSE_WAIT: "CLOSE_WAIT",
    LAST_ACK: "LAST_ACK",
    LISTEN: "LISTEN",
    CLOSING: "CLOSING",
    BOUND_INACTIVE: "BOUND",
}

#: Most urgent first: the order of the histogram and of the State column.
BY_URGENCY: Final[tuple[int, ...]] = (
    CLOSE_WAIT,
    TIME_WAIT,
    SYN_RECV,
    SYN_SENT,
    FIN_WAIT1,
    FIN_WAIT2,
    LAST_ACK,
    CLOSING,
    ESTABLISHED,
    LISTEN,
    CLOSE,
    BOUND_INACTIVE,
    UNCONN,
)

_RANK: Final[dict[int, int]] = {state: rank for rank, state in enumerate(BY_URGENCY)}

_ALIASES: Final[dict[str, int]] = {
    "CW": CLOSE_WAIT,
    "TW": TIME_WAIT,
    "ESTAB": ESTABLISHED,
    "EST": ESTABLISHED,
    "SYNRCV": SYN_RECV,
    "SYNRECEIVED": SYN_RECV,
    "FINWAIT": FIN_WAIT1,
    "CLOSED": CLOSE,
    "LISTENING": LISTEN,
    "NONE": UNCONN,
    "BOUNDINACTIVE": BOUND_INACTIVE,
}


def normal_state(number: int) -> int:
    """Fold states that users know by one name: NEW_SYN_RECV is shown as SYN_RECV by ss(8) too."""
    return SYN_RECV if number == NEW_SYN_RECV else number


def state_name(number: int) -> str:
    """The name shown for a state number; ``STATE_<n>`` for one that this version does not know."""
    return _NAMES.get(number) or f"STATE_{number}"


def state_rank(number: int) -> int:
    """Sort key: 0 is the most urgent state; unknown states come last, by number."""
    rank = _RANK.get(number)
    return len(_RANK) + number if rank is None else rank


def _squeeze(text: str) -> str:
    return text.upper().replace("_", "").replace("-", "").replace(" ", "")


_SPELLINGS: Final[dict[str, int]] = {
    **{_squeeze(name): number for number, name in _NAMES.items()},
    **_ALIASES,
}


def parse_state(text: str) -> int | None:
    """The state that a user's spelling names (``cw``, ``CLOSE-WAIT``, ``closewait``...), else None."""
    squeezed = _squeeze(text)
    number = _SPELLINGS.get(squeezed)
    if number is None and squeezed.startswith("STATE") and len(squeezed) <= 8 and squeezed[5:].isdecimal():
        return int(squeezed[5:])
    return number
