"""Login names by user id, as the system's name service tells them (``getpwuid(3)``)."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from typing import Final

from sockview.model.clean_text import MAX_NAME, clean

#: Names kept; a container host can have many thousands of ids.
_MOST: Final = 4096
#: Seconds after which a name is asked for again: users are renamed, and a directory may have been down.
_LIFETIME: Final = 300.0


class UserNames:
    """Remembers the answers: behind getpwuid may be a slow directory server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[int, tuple[str, float]] = {}

    def names(self, uids: Iterable[int]) -> Generator[None, None, dict[int, str]]:
        """User id -> cleaned name, one step for each question; ids without a name are left out."""
        import pwd  # Unix alone has it

        now = self._clock()
        found: dict[int, str] = {}
        for uid in uids:
            name, until = self._known.get(uid, ("", 0.0))
            if until <= now:
                try:
                    name = clean(pwd.getpwuid(uid).pw_name, MAX_NAME)
                except (KeyError, OverflowError):  # OverflowError: an id that no password file can hold
                    name = ""
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[uid] = (name, now + _LIFETIME)
                yield
            if name:
                found[uid] = name
        return found
