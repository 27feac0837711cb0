"""The help: made from the keys, the filter's own table and the kinds of evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from sockview.model.filter import BARE_WORDS, FILTER_KEYS
from sockview.model.owner import Evidence
from sockview.ui.keys import KEYS, MOVES
from sockview.ui.scroll_screen import ScrollScreen, TextScroll

#: Every kind of evidence, the surest first.
_EVIDENCE: Final[dict[Evidence, str]] = {
    Evidence.FD: "holds a descriptor of the socket now",
    Evidence.TRACED: "closed it, as the kernel reported; with the right to trace, as root has it",
    Evidence.SEEN: "held this very socket (same kernel cookie) when last looked at",
    Evidence.LISTENER: "is the only one that listens on its local port",
    Evidence.PEER: "is the only one that has other connections to its remote end",
}

_MARKS: Final = (
    ("7306", "certain: it is the owner"),
    ("~7306", "likely, not certain; copied only when you press the key again"),
    ("~27", "by process: some of the 27 are its own by likely evidence only"),
    ("7306+3", "the first of four processes that hold it"),
    ("curl†", "the process has exited; written out where there is room"),
    ("+12/min", "change over the last minute; by process that of its CLOSE_WAIT, or of TIME_WAIT if it never had any"),
    ("▁▂▅ last 5m", "how the count went in that time, an hour at most"),
    ("!! ! ·", "a finding: critical, a warning, a notice; f opens them"),
    ("* » ›", "tagged, tagged under the cursor, under the cursor"),
    ("-", "no owner; the Process column and the pane say why"),
    (">12m", "in this state for at least that long (it was when sockview first looked)"),
)


class HelpScreen(ScrollScreen):
    """Any key that is not for scrolling closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,h,enter", "dismiss", "close", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        with TextScroll(id="help-text") as scroll:
            scroll.border_title = "sockview help"
            scroll.border_subtitle = "j k scroll, Esc closes"
            yield Static(help_text(), markup=False)


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
