"""The screen: turns keys into questions to the reader, and hands on what it answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar, Final

from textual import on
from textual.binding import BindingType
from textual.widgets import Input

from sockview.model.finding import Finding
from sockview.model.query import Detail, FromReader, Pids, Trouble, View
from sockview.model.tcp_state import parse_state
from sockview.ui.clipboard import Clipboard
from sockview.ui.copier import Copier
from sockview.ui.display_app import DisplayApp
from sockview.ui.filter_row import FilterInput, filter_fault
from sockview.ui.findings_screen import FindingsScreen
from sockview.ui.findings_strip import FindingsStrip
from sockview.ui.histogram import StateHistogram
from sockview.ui.keys import KEYS, bindings
from sockview.ui.link import Link
from sockview.ui.pids_screen import PidsScreen
from sockview.ui.question import Question
from sockview.ui.row_table import RowTable
from sockview.ui.session import can_be_continued
from sockview.ui.state_toggle import only_state, toggle_state
from sockview.ui.terminal import TerminalState

#: Seconds that the reader has to answer what to copy.
ANSWER_SECONDS: Final = 3.0


class SockviewApp(DisplayApp):
    """The interactive screen: asks the reader, takes its answers, does what the keys say."""

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
        super().__init__(question, now, terminal)
        self.link = link
        self._copier = Copier(
            make_clipboard(self.write_to_terminal),
            link.ask_pids,
            self.say,
            lambda pids, why: self.push_screen(PidsScreen(pids, why)),
            lambda work: self.run_worker(work, exclusive=True, group="copy"),
        )
        self._ticking = ticking
        self._oldest_serial = 0
        self._restored_cursor: str | None = None

    def on_mount(self) -> None:
        self.set_up()
        self.link.open(self)
        self.settle_in()
        if self._ticking:
            self.set_interval(1.0, self.tick)
        self._ask()

    def on_unmount(self) -> None:
        self.link.close()

    # ------------------------------------------------------------ asking
    def _ask(self) -> None:
        """Send what is wanted now; the link keeps only the newest while an answer is due."""
        table = self.table
        cursor, self._restored_cursor = self._restored_cursor or table.cursor_key, None
        table.has_moved = False
        self.link.ask(self.question.query(cursor=cursor, position=table.cursor, count=table.window_rows))

    def _ask_anew(self, cursor: str | None = None) -> None:
        """Another view or group: its first row, or the row with this key."""
        self._restored_cursor = cursor
        self._copier.forget()
        self.tagged.clear()
        self.show_columns()
        self.table.go_to_top()
        self._ask()
        # Answers to earlier questions have rows of another kind.
        self._oldest_serial = self.question.serial

    # ------------------------------------------------------------ what the link delivers
    def on_message_from_reader(self, message: FromReader) -> None:
        """Everything the reader says."""
        if isinstance(message, View):
            self._take_view(message)
        elif isinstance(message, Detail):
            self.show_detail(message)
        elif isinstance(message, Pids):
            self._copier.answer(message)
        elif isinstance(message, Trouble):
            self.board.trouble(message.text)
            self.show_notices()

    def on_reader_lost(self, sentence: str) -> None:
        self.board.reader_lost(sentence)
        self.show_notices()

    def _take_view(self, view: View) -> None:
        if view.serial < self._oldest_serial:
            return
        if view.filter_error is not None:
            self.say(view.filter_error, "caution")
        newest = view.serial == self.question.serial and not self.table.has_moved
        self.show_view(view, newest)
        if self.table.cursor_key != self.pane.key:
            self.expect_detail()
        if newest and self.table.wants_rows:
            self._ask()

    # ------------------------------------------------------------ filter
    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self.filter_fault.show(event.value)
        if filter_fault(event.value) is None:
            self.question.filter = event.value
            self._copier.forget()
            self._ask()

    def action_edit_filter(self) -> None:
        # set_focus acts at once, where focus() waits for a turn: the keys behind this one are for the filter.
        self.screen.set_focus(self.filter_input)
        self.filter_input.edit_on()

    def action_keep_filter(self) -> None:
        self.screen.set_focus(self.table)

    def action_clear_filter(self) -> None:
        self.filter_input.value = ""
        self.screen.set_focus(self.table)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of the filter line mean what they mean there, and elsewhere something else."""
        del parameters
        if action not in ("edit_filter", "keep_filter", "clear_filter", "other_part", "findings", "explain"):
            return True
        if len(self.screen_stack) > 1 or action == "other_part":
            return len(self.screen_stack) == 1
        typing = isinstance(self.focused, FilterInput)
        return typing != (action in ("edit_filter", "findings", "explain"))

    def action_show_all(self) -> None:
        self.filter_input.value = ""

    def action_toggle_state(self, name: str) -> None:
        state = parse_state(name)
        if state is not None:
            self.filter_input.value = toggle_state(self.filter_input.value, state)

    @on(StateHistogram.Taken)
    def _state_taken(self, event: StateHistogram.Taken) -> None:
        self.filter_input.value = only_state(self.filter_input.value, event.state)

    def action_other_part(self) -> None:
        """From the table to the histogram, from anywhere else to the table."""
        self.screen.set_focus(self.histogram if self.focused is self.table else self.table)

    # ------------------------------------------------------------ view, order, rows
    @on(RowTable.Moved)
    def _row_moved(self) -> None:
        self._copier.forget()
        self._ask()
        self.expect_detail()

    @on(RowTable.HeadingClicked)
    def _heading_clicked(self, event: RowTable.HeadingClicked) -> None:
        self.question.sort_by(event.column)
        self.show_columns()
        self._ask()

    def action_next_sort(self) -> None:
        self.question.next_sort()
        self.show_columns()
        self._ask()

    def action_reverse_sort(self) -> None:
        self.question.sort_by(self.question.sort)
        self.show_columns()
        self._ask()

    def action_next_view(self) -> None:
        self.question.next_view()
        self._ask_anew()

    @on(RowTable.Opened)
    def action_open_row(self) -> None:
        key = self.table.cursor_key
        if key is None:
            return
        if self.question.view == "sockets":
            self.screen.toggle_class("-enlarged")
        else:
            self.question.open_group(key)
            self._ask_anew()

    def action_go_back(self) -> None:
        """One step back, the nearest first."""
        if not self.table.has_focus:
            self.table.focus()
        elif self.screen.has_class("-enlarged"):
            self.screen.remove_class("-enlarged")
        elif self.question.group is not None:
            self._ask_anew(self.question.leave_group())
        elif self.tagged:
            self.tagged.clear()
            self.show_tags()
        elif self.question.filter:
            self.filter_input.value = ""

    def action_tag(self) -> None:
        key = self.table.cursor_key
        if key is not None:
            self.tagged ^= {key}
            self.show_tags()
            self.table.action_move(1)
        elif self.table.length:
            self.say("Not tagged: this row is still on its way", "caution")

    # ------------------------------------------------------------ copying
    def action_copy_pid(self) -> None:
        key = self.table.cursor_key
        keys = tuple(sorted(self.tagged)) or ((key,) if key is not None else ())
        if not keys:
            self.say("No row to copy from", "caution")
            return
        self._copy("y", keys, tagged=len(self.tagged))

    def action_copy_all_pids(self) -> None:
        self._copy("Y", None)

    def _copy(self, key: str, rows: tuple[str, ...] | None, tagged: int = 0) -> None:
        serial = self._copier.copy(key, rows, tagged)
        self.set_timer(ANSWER_SECONDS, lambda: self._copier.give_up(serial))

    # ------------------------------------------------------------ program
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

    @on(FindingsStrip.Clicked)
    def action_findings(self) -> None:
        """All that is wrong, to read whole."""
        explain, copy_pid = self.show_state_card, self._copier.copy_pid
        self.push_screen(FindingsScreen(self.findings.shown, self._show_sockets_of, explain, copy_pid))
        self.show_notices()

    def _show_sockets_of(self, finding: Finding) -> None:
        self.filter_input.value = self.question.filter = finding.filter
        if self.question.show_sockets():
            self._ask_anew()
        self.screen.set_focus(self.table)
