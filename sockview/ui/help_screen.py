"""The help: made from the keys, the filter's own table and the kinds of evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from sockview.model.filter import BARE_WORDS, FILTER_KEYS
from sockview.model.owner import Evidence
from sockview.ui.keys import KEYS, MOVES

#: Every kind of evidence that can be found.
_EVIDENCE: Final[dict[Evidence, str]] = {
    Evidence.FD: "holds a descriptor of the socket now",
    Evidence.SEEN: "held this very socket (same kernel cookie) when last looked at",
    Evidence.LISTENER: "is the only one that listens on its local port",
}

_MARKS: Final = (
    ("7306", "certain: it is the owner"),
    ("~7306", "likely, not certain; copied only when you press the key again"),
    ("~27", "by process: some of the 27 are its own by likely evidence only"),
    ("7306+3", "the first of four processes that hold it"),
    ("-", "no owner; the Process column and the pane say why"),
    (">12m", "in this state for at least that long (it was when sockview first looked)"),
)


class HelpScreen(ModalScreen[None]):
    """Any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,h,enter", "dismiss", "close", show=False),
        Binding("j,down", "scroll(1)", "down", show=False),
        Binding("k,up", "scroll(-1)", "up", show=False),
        Binding("pagedown,space", "scroll(10)", "page down", show=False),
        Binding("pageup", "scroll(-10)", "page up", show=False),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help-text"):
            yield Static(help_text(), markup=False)

    def action_scroll(self, lines: int) -> None:
        self.query_one("#help-text", VerticalScroll).scroll_relative(y=lines, animate=False)


def help_text() -> Text:
    """All of the help as one text."""
    text = Text()
    for heading, body in _sections():
        text.append(f"{heading}\n", "bold")
        for left, right in body:
            text.append(f"  {left:<18} ", "bold")
            text.append(f"{right}\n")
        text.append("\n")
    text.append("Esc closes this help.")
    return text


def _sections() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    sections = list(dict.fromkeys(key.section for key in (*MOVES, *KEYS)))
    for section in sections:
        yield section, [(key.shown, key.help) for key in (*MOVES, *KEYS) if key.section == section]
    yield "Marks", list(_MARKS)
    yield (
        "How an owner is known",
        [
            (f"{kind.value} ({'certain' if kind.certain else 'likely'})", f"the process {meaning}")
            for kind, meaning in _EVIDENCE.items()
        ],
    )
    yield (
        "Filter: words are ANDed, a comma is OR, ! or - negates",
        [*((key.example, key.meaning) for key in FILTER_KEYS), *((word.example, word.meaning) for word in BARE_WORDS)],
    )
