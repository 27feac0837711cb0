"""One thing that is wrong, as it crosses to the screen: what, how much, how it is known, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Urgency = Literal["critical", "warning", "notice"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Made by :mod:`sockview.model.diagnosis`; the texts are cleaned and ready to be shown."""

    kind: str
    """The name of the rule, such as ``close-wait-leak``; stable, for other programs."""
    urgency: Urgency
    title: str
    """One sentence without a full stop, the most needed first: a narrow screen cuts its end."""
    facts: tuple[str, ...] = ()
    """The numbers and the evidence, a sentence each."""
    remedies: tuple[str, ...] = ()
    """What to do, the best first, a sentence each."""
    state: int | None = None
    """The state whose card explains it."""
    filter: str = ""
    """In the filter language: the sockets that it is about."""
    group: str | None = None
    """Key of the process (``pid:...`` as in GroupRow) that it is about."""
    pid: int | None = None
    """Of that process."""
    certain: bool = False
    """The process is tied to its sockets by certain evidence alone and has not exited: the PID may be copied."""
