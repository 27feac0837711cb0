"""The help: made from the keys, the filter's own table and the kinds of evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from rich.table import Table
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
    ("curl†", "the process has exited; written out where there is room"),
    ("* » ›", "tagged, tagged under the cursor, under the cursor"),
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
        with VerticalScroll(id="help-text") as scroll:
            scroll.border_title = "sockview help"
            scroll.border_subtitle = "j k scroll, Esc closes"
            yield Static(help_text(), markup=False)

    def action_scroll(self, lines: int) -> None:
        self.query_one("#help-text", VerticalScroll).scroll_relative(y=lines, animate=False)


def help_text() -> Table:
    """All of the help: headings, and what is explained beside its explanation."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=20)
    table.add_column(ratio=1)
    for number, (heading, body) in enumerate(_sections()):
        if number:
            table.add_row()
        table.add_row(Text(heading, "bold"))
        for left, right in body:
            table.add_row(Text(f"  {left}", "bold"), Text(right))
    return table


def _sections() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for section in dict.fromkeys(key.section for key in (*KEYS, *MOVES)):
        yield section, [(key.shown, key.help) for key in (*KEYS, *MOVES) if key.section == section]
    yield "Marks", list(_MARKS)
    yield (
        "How an owner is known",
        [
            (f"{kind.value} ({'certain' if kind.certain else 'likely'})", f"the process {meaning}")
            for kind, meaning in _EVIDENCE.items()
        ],
    )
    yield (
        "Filter language",
        [
            ("a b", "both must match"),
            ("state:cw,tw", "a comma means or"),
            ("!lo -lo", "! or - means not"),
            *((key.example, key.meaning) for key in FILTER_KEYS),
            *((word.example, word.meaning) for word in BARE_WORDS),
        ],
    )
