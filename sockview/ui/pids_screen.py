"""The PIDs to select by hand, where no clipboard can be reached."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static


class PidsScreen(ModalScreen[None]):
    """Any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,y,Y", "dismiss", "close", show=False, priority=True)
    ]

    def __init__(self, pids: str, why: str) -> None:
        super().__init__()
        self._pids = pids
        self._why = why

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="pids"):
            yield Static(
                Text(f"{self._why}\nSelect them here (most terminals: hold Shift and drag); Esc closes.\n"),
                markup=False,
            )
            yield Static(Text(self._pids), markup=False)
