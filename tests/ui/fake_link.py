"""A link with the real model behind it and made-up snapshots in front: deterministic screens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sockview.diagnosed import diagnose_steps
from sockview.model.diagnosis import Diagnosis
from sockview.model.finding import Finding
from sockview.model.observation import Observation
from sockview.model.pane import describe, with_process
from sockview.model.query import FromReader, PidQuery, Query, Trouble
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.sources import ProcessDetail
from sockview.model.steps import finish
from sockview.model.view import Pace, ViewMaker
from sockview.ui.link import Listener


class FakeLink:
    """Answers from the given snapshots: all but the last are history, the last is what is shown.

    `refresh_now()` goes on to the next of `later`.
    """

    def __init__(
        self,
        snapshots: Sequence[Snapshot],
        details: Mapping[int, ProcessDetail] | None = None,
        *,
        later: Sequence[Snapshot] = (),
        findings: Sequence[Finding] | None = None,
        actual_interval: float = 1.0,
    ) -> None:
        self._details = details or {}
        self._later = list(later)
        self._findings = None if findings is None else tuple(findings)
        self._actual_interval = actual_interval
        self._observation = Observation()
        self._maker = ViewMaker()
        self._refreshes = 0
        self._listener: Listener | None = None
        self._query: Query | None = None
        self._table: SocketTable | None = None
        self.silent_about_rows = False
        """Sends no details, as a reader that is stuck in one."""
        self.silent_about_pids = False
        for snapshot in snapshots:
            self._add(snapshot)

    def _add(self, snapshot: Snapshot) -> None:
        self._table = finish(self._observation.add(snapshot))
        if self._findings is None:
            finish(diagnose_steps(self._table, Diagnosis()))
        else:
            self._table.findings = self._findings
        self._refreshes += 1

    def open(self, listener: Listener) -> None:
        self._listener = listener

    def ask(self, query: Query) -> None:
        self._query = query
        self._answer()

    def ask_pids(self, request: PidQuery) -> None:
        if not self.silent_about_pids:
            self._deliver(self._maker.pids(request))

    def refresh_now(self) -> None:
        if self._later:
            self._add(self._later.pop(0))
        self._answer()

    def close(self) -> None:
        self._listener = None

    def find(self, *findings: Finding) -> None:
        """As when the next look finds these."""
        assert self._table is not None
        self._findings = self._table.findings = findings
        self._answer()

    def fail(self, sentence: str) -> None:
        """As when a part of the reader failed."""
        self._deliver(Trouble(sentence))

    def lose_reader(self, sentence: str) -> None:
        """As when the reader died."""
        assert self._listener is not None
        self._listener.on_reader_lost(sentence)

    def _answer(self) -> None:
        query, table = self._query, self._table
        if query is None or table is None:
            return
        if not query.paused:
            finish(self._maker.show(table, query))
        pace = Pace(
            interval=query.interval,
            actual_interval=max(self._actual_interval, query.interval),
            collect_seconds=0.01,
            refreshes=self._refreshes,
            paused=query.paused,
        )
        view = self._maker.answer(query, pace)
        if view is None:
            return
        self._deliver(view)
        if self.silent_about_rows:
            return
        row = view.cursor - view.first
        rows = view.rows or view.groups
        if 0 <= row < len(rows):
            found = describe(table, rows[row].key)
            if found is not None:
                detail, process = found
                facts = self._details.get(process.pid) if process is not None else None
                self._deliver(with_process(detail, facts) if facts is not None else detail)

    def _deliver(self, message: FromReader) -> None:
        def hand_over() -> None:
            if self._listener is not None:
                self._listener.on_message_from_reader(message)

        asyncio.get_running_loop().call_soon(hand_over)
