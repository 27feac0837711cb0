"""What the screen shows and where: the widgets, and what fills them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from textual.app import App, ComposeResult
from textual.containers import Container
from textual.timer import Timer
from textual.widgets import Input

from sockview.model.cards import card_of
from sockview.model.finding import Finding
from sockview.model.query import Detail, StateLine, View
from sockview.model.tcp_state import state_name
from sockview.ui.filter_row import FilterFault, FilterRow
from sockview.ui.findings_screen import FindingsScreen
from sockview.ui.findings_strip import FindingsStrip
from sockview.ui.header import Header
from sockview.ui.histogram import StateHistogram
from sockview.ui.key_line import KeyLine
from sockview.ui.notice_board import NoticeBoard
from sockview.ui.notices import Notices
from sockview.ui.place_text import empty_text, place_text, row_name
from sockview.ui.process_pane import ProcessPane
from sockview.ui.question import Question
from sockview.ui.row_table import RowTable
from sockview.ui.state_card_screen import StateCardScreen, state_of_row
from sockview.ui.steady_findings import SteadyFindings
from sockview.ui.terminal import TerminalState
from sockview.ui.terminal_app import TerminalApp
from sockview.ui.tones import SOCKVIEW_DARK, TONE_COLOURS

#: Seconds that a message takes the place of the keys.
MESSAGE_SECONDS: Final = 6.0
#: Seconds after which the pane does not show the row before any more.
DETAIL_SECONDS: Final = 0.4
#: Lines of the histogram on a low screen and on a high one.
FEW_STATES: Final = 4
MANY_STATES: Final = 12
#: Sizes from which the sheet gives the parts other places.
TALL: Final = 34
LOW: Final = 15
SHORT: Final = 8
WIDE: Final = 150


class DisplayApp(TerminalApp):
    """The showing half of the screen. Holds a window of rows, the counts and the process under the cursor."""

    CSS_PATH = Path(__file__).with_name("screen.tcss")
    TITLE = "sockview"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, question: Question, now: Callable[[], float], terminal: TerminalState | None) -> None:
        super().__init__(terminal)
        self.register_theme(SOCKVIEW_DARK)
        # Before the sheet is read: with another theme later it is read, and every widget styled, a second time.
        self.set_reactive(App.theme, SOCKVIEW_DARK.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-tiny"), (SHORT, "-short"), (LOW, "-low"), (TALL, "-tall")]
        self.question = question
        self.now = now
        self.header = Header(id="header")
        self.notices = Notices(id="notices")
        self.histogram = StateHistogram(id="histogram")
        self.strip = FindingsStrip(id="strip")
        self.filter_row = FilterRow(id="filter-row")
        self.filter_input = self.filter_row.input
        self.filter_fault = FilterFault(id="filter-error")
        self.table = RowTable(id="table")
        self.pane = ProcessPane(id="pane")
        self.keys = KeyLine(id="keys")
        self.board = NoticeBoard()
        self.tagged: set[str] = set()
        self.findings = SteadyFindings()
        self._view: View | None = None
        self._detail_due: Timer | None = None
        self._quiet: Timer | None = None

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The sheet's own colours, for other themes and until there is one."""
        return TONE_COLOURS

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.notices
        yield self.histogram
        yield self.strip
        yield self.filter_row
        yield self.filter_fault
        with Container(id="body"):
            yield self.table
            yield self.pane
        yield self.keys

    def set_up(self) -> None:
        """Once the widgets are mounted."""
        self.filter_input.cursor_blink = False
        with self.prevent(Input.Changed):
            self.filter_input.value = self.question.filter
        self.table.focus()
        self.show_columns()
        self.header.show(None, self.now())

    def show_view(self, view: View, newest: bool) -> None:
        """Show an answer of the reader; `newest`: it answers the last question, and nothing was moved since."""
        self._view = view
        self.board.view(view.summary)
        with self.batch_update():
            rows = view.groups if self.question.view != "sockets" else view.rows
            self.table.show_rows(rows, view.first, view.length, view.cursor if newest else None)
            self.table.show_empty(empty_text(view, self.question.good_filter))
            self.show_histogram(view.histogram)
            self.show_findings(view.findings, view.summary.taken_at)
            self._show_card_facts()
            self.header.show(view.summary, self.now())
            self.show_place()
            self.show_notices()
            if not view.length:
                self.pane.show(None, self.now())

    def show_columns(self) -> None:
        """The columns and the order that are asked for."""
        question = self.question
        self.table.show_columns(question.columns, question.sort, question.reverse)

    def show_place(self) -> None:
        """Where the user is, beside the filter."""
        if self._view is not None:
            self.filter_row.show_place(place_text(self._view, self.question.view, len(self.tagged)))

    def show_tags(self) -> None:
        self.table.show_tags(self.tagged)
        self.show_place()

    def show_histogram(self, states: tuple[StateLine, ...]) -> None:
        self.histogram.show(states, MANY_STATES if self.size.height >= TALL else FEW_STATES)

    def show_findings(self, findings: Sequence[Finding], clock: float) -> None:
        """In the strip, and to whoever reads them; `clock`: when they were found, in seconds since the epoch."""
        shown = self.findings.take(clock, findings)
        self.strip.show(shown, clock)
        for screen in self._findings_screens():
            screen.show(shown)

    def show_detail(self, detail: Detail) -> None:
        """The row under the cursor, in the pane; what is wrong with it is as urgent there as in the strip."""
        self.pane.show(replace(detail, findings=tuple(self.findings.as_shown(detail.findings))), self.now())

    def expect_detail(self) -> None:
        """The pane may show the row before for a moment, but not for longer."""
        if self._detail_due is not None:
            self._detail_due.stop()
        self._detail_due = self.set_timer(DETAIL_SECONDS, self._check_pane)

    def _check_pane(self) -> None:
        row = self.table.cursor_row
        if row is not None and row.key != self.pane.key:
            self.pane.show_waiting(row_name(row))

    def _findings_screens(self) -> list[FindingsScreen]:
        """The one that is open, be it below another screen."""
        return [screen for screen in self.screen_stack if isinstance(screen, FindingsScreen)]

    def show_state_card(self, state: int) -> None:
        """What a state means, why sockets stay in it, and what to do about it."""
        card = card_of(state)
        if card is None:
            self.say(f"This version knows nothing of {state_name(state)}", "caution")
            return
        self.push_screen(StateCardScreen(card))
        self._show_card_facts()

    def action_help(self) -> None:
        from sockview.ui.help_screen import HelpScreen  # with the language of filters, which the first screen needs not

        self.push_screen(HelpScreen())

    def action_explain(self) -> None:
        """The card of the state that is chosen in the histogram, else of the row under the cursor."""
        in_histogram = self.histogram.has_focus
        self.show_state_card(self.histogram.chosen if in_histogram else state_of_row(self.table.cursor_row))

    def _show_card_facts(self) -> None:
        """The counts and parameters of now, to whoever reads a state card."""
        if self._view is None:
            return
        counts = {line.state: line.count for line in self._view.histogram}
        for screen in self.screen_stack:
            if isinstance(screen, StateCardScreen):
                screen.show(counts, dict(self._view.parameters))

    def show_notices(self) -> None:
        self.notices.show(self.board.notices(self.now()))
        for screen in self._findings_screens():
            screen.show_age(self.board.not_of_now(self.now()))

    def tick(self) -> None:
        """A second has passed."""
        self.show_notices()
        self.header.show(self._view.summary if self._view is not None else None, self.now())

    def say(self, text: str, tone: str = "good") -> None:
        """A message in place of the keys, for some seconds."""
        self.keys.say(text, tone)
        for screen in self._findings_screens():
            screen.say(text)
        if self._quiet is not None:
            self._quiet.stop()
        self._quiet = self.set_timer(MESSAGE_SECONDS, self._be_quiet)

    def _be_quiet(self) -> None:
        self.keys.be_quiet()
        for screen in self._findings_screens():
            screen.say("")
