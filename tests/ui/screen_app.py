"""The real screen over made-up snapshots: what the snapshot tests and the README's pictures are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.pilot import Pilot

from sockview.model.finding import Finding
from sockview.model.snapshot import Snapshot
from sockview.ui.app import SockviewApp
from sockview.ui.clipboard import Clipboard
from sockview.ui.filter_row import FilterInput
from sockview.ui.question import Question
from sockview.ui.row_table import RowTable
from tests.ui.fake_link import FakeLink
from tests.ui.scenarios import DETAILS


def no_clipboard(write: Callable[[bytes], None]) -> Clipboard:
    """A plain SSH session: OSC 52 into a terminal that is not there."""
    return Clipboard({"TERM": "xterm-256color", "SSH_TTY": "/dev/pts/1"}, write, root=False)


def screen_app(
    snapshots: Sequence[Snapshot],
    filter_text: str = "",
    *,
    later: Sequence[Snapshot] = (),
    findings: Sequence[Finding] | None = None,
    actual_interval: float = 1.0,
    make_clipboard: Callable[[Callable[[bytes], None]], Clipboard] = no_clipboard,
) -> SockviewApp:
    """An app whose clock stands at the last snapshot."""
    link = FakeLink(snapshots, DETAILS, later=later, findings=findings, actual_interval=actual_interval)
    now = snapshots[-1].taken_at
    return SockviewApp(link, Question(interval=1.0, filter=filter_text), make_clipboard, now=lambda: now, ticking=False)


def link_of(app: SockviewApp) -> FakeLink:
    """The fake behind the app, to let it fail."""
    link = app.link
    assert isinstance(link, FakeLink)
    return link


async def settle(pilot: Pilot[int]) -> None:
    """Until the answers to the last keys are shown."""
    await pilot.pause()
    await pilot.pause()


def table_of(app: SockviewApp) -> RowTable:
    return app.query_one("#table", RowTable)


def filter_of(app: SockviewApp) -> str:
    return app.query_one("#filter", FilterInput).value


def focused_id(app: SockviewApp) -> str | None:
    return app.focused.id if app.focused is not None else None
