"""A text over the screen that may be longer than it: the keys that scroll it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget


class TextScroll(VerticalScroll, can_focus=False):
    """Has no keys of its own: all are the screen's."""


class ScrollScreen(ModalScreen[None]):
    """Base of screens that compose one TextScroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", "down", show=False),
        Binding("k,up", "scroll(-1)", "up", show=False),
        Binding("pagedown,space,ctrl+f", "scroll_page(1)", "page down", show=False),
        Binding("pageup,ctrl+b", "scroll_page(-1)", "page up", show=False),
        Binding("g,home", "scroll_to_end(False)", "top", show=False),
        Binding("G,end", "scroll_to_end(True)", "bottom", show=False),
    ]

    @property
    def text_scroll(self) -> Widget:
        return self.query_one(TextScroll)

    def action_scroll(self, lines: int) -> None:
        self.text_scroll.scroll_relative(y=lines, animate=False)

    def action_scroll_page(self, pages: int) -> None:
        self.action_scroll(pages * max(self.text_scroll.scrollable_content_region.height - 1, 1))

    def action_scroll_to_end(self, bottom: bool) -> None:
        self.text_scroll.scroll_to(y=self.text_scroll.max_scroll_y if bottom else 0, animate=False)
