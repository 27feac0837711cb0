"""Which notices are due: what failed stays until the reader has been all right again. Pure."""

from __future__ import annotations

from sockview.model.query import Summary
from sockview.ui.notices import notices_of


class NoticeBoard:
    """Collects what goes wrong and forgets it when it is over."""

    def __init__(self) -> None:
        self._summary: Summary | None = None
        self._lost: str | None = None
        self._troubles: dict[str, int] = {}

    def reader_lost(self, sentence: str) -> None:
        """The reader has died; said until the first view of the next one."""
        self._lost = sentence

    def trouble(self, sentence: str) -> None:
        """A part of the reader failed; said until a later refresh is there."""
        self._troubles[sentence] = self._summary.refreshes if self._summary is not None else 0

    def view(self, summary: Summary) -> None:
        """A view has come."""
        self._summary, self._lost = summary, None
        self._troubles = {text: at for text, at in self._troubles.items() if at >= summary.refreshes}

    @property
    def notices(self) -> list[str]:
        """Whole sentences, most urgent first."""
        lost = [self._lost] if self._lost is not None else []
        return notices_of(self._summary, [*lost, *self._troubles])
