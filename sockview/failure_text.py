"""One sentence for an exception that nobody expected: what failed, and where."""

from __future__ import annotations

import os

from sockview.errors import SockviewError
from sockview.model.clean_text import clean


def failure_text(what: str, error: Exception, then: str) -> str:
    """``"Joining failed: KeyError: 3 (observation.py:41); <then>."``

    An error that is meant for the user keeps its own sentence. Everything in the text is cleaned:
    messages of exceptions quote what was read.
    """
    if isinstance(error, SockviewError):
        return clean(str(error), 1000)
    import traceback  # hardly ever needed, and 1 ms of every start

    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    message = f": {error}" if str(error) else ""
    return clean(f"{what} failed: {type(error).__name__}{message}", 500) + clean(f"{where}; {then}.", 500)
