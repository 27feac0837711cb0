"""Copying PIDs: certain owners at once, likely ones only when the same key is pressed again."""

from __future__ import annotations

from dataclasses import dataclass

from sockview.model.query import PidQuery, Pids


@dataclass(frozen=True, slots=True)
class PidText:
    """What to put into the clipboard, and what to say of what was left out."""

    text: str
    """PIDs separated by blanks, ready for kill or ps; empty: nothing to copy."""
    count: int
    remark: str


class PidCopy:
    """Remembers the last request, so that a repeated one takes the likely owners too."""

    def __init__(self) -> None:
        self._serial = 0
        self._scope: tuple[str, ...] | None = None
        self._offered = False
        self._take_likely = False

    def request(self, keys: tuple[str, ...] | None) -> PidQuery:
        """`keys`: rows; None: the whole filtered view."""
        self._take_likely = self._offered and keys == self._scope
        self._scope = keys
        self._offered = False
        self._serial += 1
        return PidQuery(serial=self._serial, keys=keys)

    def forget(self) -> None:
        """Another key was pressed: the next request starts anew."""
        self._offered = False

    def answer(self, pids: Pids, key: str) -> PidText | None:
        """What the answer gives; None if it belongs to an earlier request. `key`: the one to press again."""
        if pids.serial != self._serial:
            return None
        taken = sorted({*pids.certain, *pids.likely}) if self._take_likely else list(pids.certain)
        self._offered = bool(pids.likely) and not self._take_likely
        return PidText(" ".join(map(str, taken)), len(taken), self._remark(pids, key, bool(taken)))

    def _remark(self, pids: Pids, key: str, something: bool) -> str:
        if self._take_likely:
            return f"{len(pids.likely)} of them only likely" if pids.likely else ""
        if pids.likely and something:
            return f"{len(pids.likely)} likely left out: {key} again takes {_them(pids.likely)}"
        if pids.likely:
            what = "1 PID is" if len(pids.likely) == 1 else f"{len(pids.likely)} PIDs are"
            return f"Not copied: {what} only likely, {key} again takes {_them(pids.likely)}"
        if something:
            return ""
        if pids.hidden:
            return "Nothing copied: the process is hidden, run with sudo to see it"
        return "Nothing copied: no owner is known here" if pids.ownerless else "Nothing copied: no rows here"


def _them(pids: tuple[int, ...]) -> str:
    return "it" if len(pids) == 1 else "them"
