"""The screen: composes the widgets, turns keys into questions and answers into lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.timer import Timer
from textual.widgets import Input

from sockview.model.query import Detail, FromReader, Pids, StateLine, Summary, Trouble, View
from sockview.model.tcp_state import parse_state
from sockview.ui.clipboard import Clipboard
from sockview.ui.copier import Copier
from sockview.ui.filter_row import FilterFault, FilterInput, FilterRow, filter_fault
from sockview.ui.header import Header
from sockview.ui.help_screen import HelpScreen
from sockview.ui.histogram import StateHistogram
from sockview.ui.key_line import KeyLine
from sockview.ui.keys import KEYS, bindings
from sockview.ui.link import Link
from sockview.ui.notice_board import NoticeBoard
from sockview.ui.notices import Notices
from sockview.ui.pids_screen import PidsScreen
from sockview.ui.place_text import empty_text, place_text, row_name
from sockview.ui.process_pane import ProcessPane
from sockview.ui.question import Question
from sockview.ui.row_table import RowTable
from sockview.ui.session import can_be_continued
from sockview.ui.state_toggle import only_state, toggle_state
from sockview.ui.terminal import TerminalState
from sockview.ui.terminal_app import TerminalApp
from sockview.ui.tones import SOCKVIEW_DARK, TONE_COLOURS

#: Seconds that a message takes the place of the keys.
MESSAGE_SECONDS: Final = 6.0
#: Seconds that the reader has to answer what to copy.
ANSWER_SECONDS: Final = 3.0
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


class SockviewApp(TerminalApp):
    """The interactive screen. Holds a window of rows, the counts and the process under the cursor."""

    CSS_PATH = Path(__file__).with_name("screen.tcss")
    TITLE = "sockview"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(KEYS)]

    def __init__(
        self,
        link: Link,
        question: Question,
        make_clipboard: Callable[[Callable[[bytes], None]], Clipboard],
        *,
        now: Callable[[], float] = time.time,
        ticking: bool = True,
        terminal: TerminalState | None = None,
    ) -> None:
        """`make_clipboard` gets the way to send bytes to the terminal; `now`: seconds since the epoch.

        `ticking`: whether the clock moves by itself; `terminal`: set where signals end the app.
        """
        super().__init__(terminal)
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-tiny"), (SHORT, "-short"), (LOW, "-low"), (TALL, "-tall")]
        self.link = link
        self.question = question
        self._copier = Copier(
            make_clipboard(self.write_to_terminal),
            link.ask_pids,
            self.say,
            lambda pids, why: self.push_screen(PidsScreen(pids, why)),
            lambda work: self.run_worker(work, exclusive=True, group="copy"),
        )
        self._now = now
        self._ticking = ticking
        self._header = Header(id="header")
        self._notices = Notices(id="notices")
        self._histogram = StateHistogram(id="histogram")
        self._filter_row = FilterRow(id="filter-row")
        self._filter_input = self._filter_row.input
        self._filter_fault = FilterFault(id="filter-error")
        self._table = RowTable(id="table")
        self._pane = ProcessPane(id="pane")
        self._keys = KeyLine(id="keys")
        self._board = NoticeBoard()
        self._view: View | None = None
        self._summary: Summary | None = None
        self._oldest_serial = 0
        self._tagged: set[str] = set()
        self._quiet: Timer | None = None
        self._detail_due: Timer | None = None
        self._restored_cursor: str | None = None

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The sheet's own colours, for the moment before the theme is set and for other themes."""
        return TONE_COLOURS

    # ------------------------------------------------------------ composition
    def compose(self) -> ComposeResult:
        yield self._header
        yield self._notices
        yield self._histogram
        yield self._filter_row
        yield self._filter_fault
        with Container(id="body"):
            yield self._table
            yield self._pane
        yield self._keys

    def on_mount(self) -> None:
        self.register_theme(SOCKVIEW_DARK)
        self.theme = SOCKVIEW_DARK.name
        self._filter_input.cursor_blink = False
        with self.prevent(Input.Changed):
            self._filter_input.value = self.question.filter
        self._table.focus()
        self._show_columns()
        self._header.show(None, self._now())
        self.link.open(self)
        self.settle_in()
        if self._ticking:
            self.set_interval(1.0, self._tick)
        self.call_after_refresh(self._ask)

    def on_unmount(self) -> None:
        self.link.close()

    # ------------------------------------------------------------ asking
    def _ask(self) -> None:
        """Send what is wanted now; the link keeps only the newest while an answer is due."""
        table = self._table
        cursor, self._restored_cursor = self._restored_cursor or table.cursor_key, None
        table.has_moved = False
        self.link.ask(self.question.query(cursor=cursor, position=table.cursor, count=table.window_rows))

    def _ask_anew(self, cursor: str | None = None) -> None:
        """Another view or group: its first row, or the row with this key."""
        self._restored_cursor = cursor
        self._tagged.clear()
        self._show_columns()
        self._table.go_to_top()
        self._ask()
        # Answers to earlier questions have rows of another kind.
        self._oldest_serial = self.question.serial

    def _show_columns(self) -> None:
        question = self.question
        self._table.show_columns(question.columns, question.sort, question.reverse)

    # ------------------------------------------------------------ what the link delivers
    def on_message_from_reader(self, message: FromReader) -> None:
        """Everything the reader says."""
        if isinstance(message, View):
            self._show_view(message)
        elif isinstance(message, Detail):
            self._pane.show(message, self._now())
        elif isinstance(message, Pids):
            self._copier.answer(message)
        elif isinstance(message, Trouble):
            self._board.trouble(message.text)
            self._show_notices()

    def on_reader_lost(self, sentence: str) -> None:
        self._board.reader_lost(sentence)
        self._show_notices()

    def _show_view(self, view: View) -> None:
        if view.serial < self._oldest_serial:
            return
        self._view, self._summary = view, view.summary
        self._board.view(view.summary)
        if view.filter_error is not None:
            self.say(view.filter_error, "caution")
        newest = view.serial == self.question.serial and not self._table.has_moved
        with self.batch_update():
            rows = view.groups if self.question.view != "sockets" else view.rows
            self._table.show_rows(rows, view.first, view.length, view.cursor if newest else None)
            self._table.show_empty(empty_text(view, self.question.good_filter))
            self._show_histogram(view.histogram)
            self._header.show(view.summary, self._now())
            self._show_place()
            self._show_notices()
            if not view.length:
                self._pane.show(None, self._now())
        if self._table.cursor_key != self._pane.key:
            self._expect_detail()
        if newest and self._table.wants_rows:
            self._ask()

    def _show_place(self) -> None:
        if self._view is not None:
            self._filter_row.show_place(place_text(self._view, self.question.view, len(self._tagged)))

    def _show_tags(self) -> None:
        self._table.show_tags(self._tagged)
        self._show_place()

    def _show_histogram(self, states: tuple[StateLine, ...]) -> None:
        self._histogram.show(states, MANY_STATES if self.size.height >= TALL else FEW_STATES)

    def _show_notices(self) -> None:
        self._notices.show(self._board.notices(self._now()))

    def _tick(self) -> None:
        self._show_notices()
        self._header.show(self._summary, self._now())

    # ------------------------------------------------------------ filter
    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._filter_fault.show(event.value)
        if filter_fault(event.value) is None:
            self.question.filter = event.value
            self._ask()

    def action_edit_filter(self) -> None:
        # set_focus acts at once, where focus() waits for a turn: the keys behind this one are for the filter.
        self.screen.set_focus(self._filter_input)
        self._filter_input.edit_on()

    def action_keep_filter(self) -> None:
        self.screen.set_focus(self._table)

    def action_clear_filter(self) -> None:
        self._filter_input.value = ""
        self.screen.set_focus(self._table)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of the filter line mean what they mean there, and elsewhere something else."""
        del parameters
        if action not in ("edit_filter", "keep_filter", "clear_filter", "other_part"):
            return True
        if len(self.screen_stack) > 1 or action == "other_part":
            return len(self.screen_stack) == 1
        typing = isinstance(self.focused, FilterInput)
        return typing != (action == "edit_filter")

    def action_show_all(self) -> None:
        self._filter_input.value = ""

    def action_toggle_state(self, name: str) -> None:
        state = parse_state(name)
        if state is not None:
            self._filter_input.value = toggle_state(self._filter_input.value, state)

    @on(StateHistogram.Taken)
    def _state_taken(self, event: StateHistogram.Taken) -> None:
        self._filter_input.value = only_state(self._filter_input.value, event.state)

    def action_other_part(self) -> None:
        """From the table to the histogram, from anywhere else to the table."""
        self.screen.set_focus(self._histogram if self.focused is self._table else self._table)

    # ------------------------------------------------------------ view, order, rows
    @on(RowTable.Moved)
    def _row_moved(self) -> None:
        self._copier.forget()
        self._ask()
        self._expect_detail()

    def _expect_detail(self) -> None:
        """The pane may show the row before for a moment, but not for longer."""
        if self._detail_due is not None:
            self._detail_due.stop()
        self._detail_due = self.set_timer(DETAIL_SECONDS, self._check_pane)

    def _check_pane(self) -> None:
        row = self._table.cursor_row
        if row is not None and row.key != self._pane.key:
            self._pane.show_waiting(row_name(row))

    @on(RowTable.HeadingClicked)
    def _heading_clicked(self, event: RowTable.HeadingClicked) -> None:
        self.question.sort_by(event.column)
        self._show_columns()
        self._ask()

    def action_next_sort(self) -> None:
        self.question.next_sort()
        self._show_columns()
        self._ask()

    def action_reverse_sort(self) -> None:
        self.question.sort_by(self.question.sort)
        self._show_columns()
        self._ask()

    def action_next_view(self) -> None:
        self.question.next_view()
        self._ask_anew()

    @on(RowTable.Opened)
    def action_open_row(self) -> None:
        key = self._table.cursor_key
        if key is None:
            return
        if self.question.view == "sockets":
            self.screen.toggle_class("-enlarged")
        else:
            self.question.open_group(key)
            self._ask_anew()

    def action_go_back(self) -> None:
        """One step back, the nearest first."""
        if not self._table.has_focus:
            self._table.focus()
        elif self.screen.has_class("-enlarged"):
            self.screen.remove_class("-enlarged")
        elif self.question.group is not None:
            self._ask_anew(self.question.leave_group())
        elif self._tagged:
            self._tagged.clear()
            self._show_tags()
        elif self.question.filter:
            self._filter_input.value = ""

    def action_tag(self) -> None:
        key = self._table.cursor_key
        if key is not None:
            self._tagged ^= {key}
            self._show_tags()
            self._table.action_move(1)
        elif self._table.length:
            self.say("Not tagged: this row is still on its way", "caution")

    # ------------------------------------------------------------ copying
    def action_copy_pid(self) -> None:
        key = self._table.cursor_key
        keys = tuple(sorted(self._tagged)) or ((key,) if key is not None else ())
        if not keys:
            self.say("No row to copy from", "caution")
            return
        self._copier.copy("y", keys, tagged=len(self._tagged))
        self.set_timer(ANSWER_SECONDS, self._copier.give_up)

    def action_copy_all_pids(self) -> None:
        self._copier.copy("Y", None)
        self.set_timer(ANSWER_SECONDS, self._copier.give_up)

    # ------------------------------------------------------------ program
    def say(self, text: str, tone: str = "good") -> None:
        """A message in place of the keys, for some seconds."""
        self._keys.say(text, tone)
        if self._quiet is not None:
            self._quiet.stop()
        self._quiet = self.set_timer(MESSAGE_SECONDS, self._keys.be_quiet)

    def action_suspend_process(self) -> None:
        if can_be_continued():
            super().action_suspend_process()
        else:
            self.say("Not stopped: there is no shell above to come back from", "caution")

    def action_pause(self) -> None:
        self.question.paused = not self.question.paused
        self._ask()

    def action_refresh_now(self) -> None:
        self.link.refresh_now()

    def action_slower(self) -> None:
        self._change_interval(1)

    def action_faster(self) -> None:
        self._change_interval(-1)

    def _change_interval(self, step: int) -> None:
        changed = self.question.change_interval(step)
        end = "" if changed else f", which is the {'longest' if step > 0 else 'shortest'}"
        self.say(f"Refreshes every {self.question.interval:g} s{end}", "plain")
        self._ask()

    def action_help(self) -> None:
        self.push_screen(HelpScreen())
