"""What has to be said about a whole table, without a full stop: one wording for screen and printed output."""

from __future__ import annotations

from typing import Final

from sockview.model.format_text import count_text

INCOMPLETE: Final = "Incomplete: the socket table changed while it was read; rows may be missing or double"
NO_SOCKETS: Final = "There are no sockets here"


def no_match(total: int) -> str:
    """The filter lets none of the `total` sockets through."""
    hidden = "1 socket is" if total == 1 else f"{count_text(total)} sockets are"
    return f"No socket matches the filter: {hidden} left out"


def might_match(count: int, privileged: bool) -> str:
    """The filter asks for owners, and those of `count` sockets may not be looked into."""
    sockets = f"{count_text(count)} {'socket' if count == 1 else 'sockets'}"
    remedy = "" if privileged else ": run with sudo to see them"
    return f"{sockets} with a hidden process might match{remedy}"


def hidden_owners(count: int, privileged: bool) -> str:
    """The processes of `count` sockets may not be looked into; `privileged` is Snapshot.privileged.

    Containers and security modules hide processes from root too: then sudo is no remedy.
    """
    sockets = f"{count_text(count)} {'socket' if count == 1 else 'sockets'}"
    if privileged:
        return f"{sockets} of processes that even root may not look into here"
    return f"{sockets} of other users: processes hidden, run with sudo to see them"
