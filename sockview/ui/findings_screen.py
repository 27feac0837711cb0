"""What is wrong, to read whole: each finding with its numbers, its evidence and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import ModalScreen

from sockview.model.finding import Finding
from sockview.model.format_text import shorten
from sockview.ui.findings_lines import keys_text, place_text
from sockview.ui.findings_list import FindingsList

#: Cells of the frame's lower line that hold no title: corners, a line and a blank at either end.
_FRAME_CELLS: Final = 6


class FindingsScreen(ModalScreen[None]):
    """Shows what is wrong now for as long as it is open.

    Keys that the frame does not offer do nothing. All of them have priority: keys that arrive in one burst with
    the one that opens it act in their order.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f", "dismiss", "close", show=False, priority=True),
        Binding("down,j", "move(1)", "next finding", show=False, priority=True),
        Binding("up,k", "move(-1)", "previous finding", show=False, priority=True),
        Binding("pagedown,space,ctrl+f", "page(1)", "a page down", show=False, priority=True),
        Binding("pageup,ctrl+b", "page(-1)", "a page up", show=False, priority=True),
        Binding("home,g", "first", "first finding", show=False, priority=True),
        Binding("end,G", "last", "last finding", show=False, priority=True),
        Binding("enter", "take", "its sockets", show=False, priority=True),
        Binding("i", "explain", "its state", show=False, priority=True),
        Binding("y", "copy", "its PID", show=False, priority=True),
    ]

    def __init__(
        self,
        findings: Sequence[Finding] | None,
        show_sockets: Callable[[Finding], object],
        explain: Callable[[int], object],
        copy_pid: Callable[[int], object],
    ) -> None:
        """`findings`: None before the first look. `explain` gets a state, `copy_pid` a PID."""
        super().__init__()
        self._list = FindingsList(findings, id="findings-list")
        self._frame = Container(self._list, id="findings-frame")
        self._message = ""
        self._age = ""
        self._show_sockets = show_sockets
        self._explain = explain
        self._copy_pid = copy_pid

    def compose(self) -> ComposeResult:
        yield self._frame

    def show(self, findings: Sequence[Finding]) -> None:
        """What the newest look found, in the order to be shown."""
        self._list.show(findings)

    def show_age(self, text: str) -> None:
        """Why what is shown is older than it may seem; empty while it is not."""
        self._age = text
        self._entitle()

    def say(self, text: str) -> None:
        """A message in place of the keys; empty: the keys again."""
        self._message = text
        self._entitle()

    @on(FindingsList.Changed)
    def _entitle(self) -> None:
        """The titles of the frame; drawn anew only where they are other ones."""
        room = self._frame.outer_size.width - _FRAME_CELLS
        place = place_text(self._list.place, len(self._list.findings))
        upper = Content(shorten(" · ".join(filter(None, (self._age, place))), room))
        lower = Content(shorten(self._message, room) if self._message else keys_text(self._list.chosen, room))
        if self._frame.border_title != upper.markup:
            self._frame.border_title = upper
        if self._frame.border_subtitle != lower.markup:
            self._frame.border_subtitle = lower

    def action_move(self, step: int) -> None:
        self._list.move(step)

    def action_page(self, pages: int) -> None:
        self._list.scroll_pages(pages)

    def action_first(self) -> None:
        self._list.choose(0)

    def action_last(self) -> None:
        self._list.choose(len(self._list.findings) - 1)

    def action_take(self) -> None:
        """Show its sockets in the table."""
        finding = self._list.chosen
        if finding is not None and finding.filter:
            self.dismiss()
            self._show_sockets(finding)

    def action_explain(self) -> None:
        finding = self._list.chosen
        if finding is not None and finding.state is not None:
            self._explain(finding.state)

    def action_copy(self) -> None:
        finding = self._list.chosen
        if finding is not None and finding.pid is not None and finding.certain:
            self._copy_pid(finding.pid)
