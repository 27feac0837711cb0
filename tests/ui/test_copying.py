"""What `y` and `Y` copy, and where it goes, on the real app over made-up snapshots."""

from __future__ import annotations

import base64
from collections.abc import Callable

from sockview.ui.app import ANSWER_SECONDS
from sockview.ui.clipboard import Clipboard, CopyResult
from sockview.ui.copier import Copier
from sockview.ui.key_line import KeyLine
from sockview.ui.line_widget import LineWidget
from sockview.ui.pids_screen import PidsScreen
from tests.model.builders import make_process, make_snapshot, make_socket
from tests.ui import scenarios
from tests.ui.screen_app import filter_of, link_of, screen_app, settle


class RecordingClipboard(Clipboard):
    """Keeps what it was given and says it went the given way."""

    def __init__(self, copied: list[str], way: str = "osc52") -> None:
        super().__init__({}, lambda _: None, root=False)
        self._copied = copied
        self._result = CopyResult("none" if way == "none" else "osc52", False, "sent to your terminal (OSC 52)")

    async def copy(self, text: str) -> CopyResult:
        self._copied.append(text)
        return self._result


async def test_copy_sends_the_pid_to_the_terminal() -> None:
    copied: list[str] = []
    app = screen_app(scenarios.leaking_server(), "cw", make_clipboard=lambda _: RecordingClipboard(copied))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("y")
        await app.workers.wait_for_complete()
        await settle(pilot)
        assert copied == ["7306"]
        assert "PID 7306 sent to your terminal" in app.query_one("#keys", KeyLine).message


async def test_copy_all_leaves_likely_owners_until_asked_again() -> None:
    copied: list[str] = []
    listener = make_socket("LISTEN", "10.0.0.7:80")
    sockets = [listener, make_socket("TIME_WAIT", "10.0.0.7:80", "10.2.3.4:5000", time_left=30)]
    nginx = make_process(901, "nginx")
    snapshot = make_snapshot(sockets, {nginx: [listener]})
    app = screen_app([snapshot], "tw", make_clipboard=lambda _: RecordingClipboard(copied))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("Y")
        await settle(pilot)
        assert copied == []
        assert "Not copied: 1 PID is only likely, Y again takes it" in app.query_one("#keys", KeyLine).message
        await pilot.press("Y")
        await app.workers.wait_for_complete()
        assert copied == ["901"]


async def test_without_any_clipboard_the_pids_are_shown() -> None:
    app = screen_app(scenarios.leaking_server(), "cw", make_clipboard=lambda _: RecordingClipboard([], "none"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("y")
        await app.workers.wait_for_complete()
        await settle(pilot)
        assert isinstance(app.screen, PidsScreen)


async def test_tagged_rows_are_copied_together() -> None:
    copied: list[str] = []
    app = screen_app(scenarios.leaking_server(), "est", make_clipboard=lambda _: RecordingClipboard(copied))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("space", "G", "space", "y")
        await app.workers.wait_for_complete()
        await settle(pilot)
        assert len(copied[0].split()) == 2


def osc_52_texts(raw: bytes) -> list[str]:
    """What a terminal would put into its clipboard."""
    return [base64.b64decode(part.split(b"\x07")[0]).decode() for part in raw.split(b"\x1b]52;c;")[1:]]


async def test_over_ssh_the_pids_go_out_as_osc_52() -> None:
    written: list[bytes] = []

    def make(_: Callable[[bytes], None]) -> Clipboard:
        return Clipboard({"TERM": "xterm-256color", "SSH_TTY": "/dev/pts/1"}, written.append, root=False)

    app = screen_app(scenarios.leaking_server(), "cw", make_clipboard=make)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("Y")
        await app.workers.wait_for_complete()
    assert osc_52_texts(b"".join(written)) == ["7306"]


async def test_tagged_rows_are_counted_where_the_user_looks() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("space", "space", "slash", *"nginx", "enter")
        await settle(pilot)
        place = app.query_one("#filter-count", LineWidget)
        assert "2 tagged" in place.lines[0].spans[0].text


async def test_a_copy_without_an_answer_is_said() -> None:
    app = screen_app(scenarios.leaking_server())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        link_of(app).silent_about_pids = True
        await pilot.press("y")
        await pilot.pause(ANSWER_SECONDS + 0.3)
        assert "does not answer" in app.query_one("#keys", KeyLine).message


async def test_another_filter_is_another_request() -> None:
    """What was counted for one view is not what a second press takes from another."""
    copied: list[str] = []
    listener = make_socket("LISTEN", "10.0.0.7:80")
    left = [make_socket("TIME_WAIT", "10.0.0.7:80", f"10.2.3.4:{port}", time_left=30) for port in (5000, 5001)]
    snapshot = make_snapshot([listener, *left], {make_process(901, "nginx"): [listener]})
    app = screen_app([snapshot], "tw :5000", make_clipboard=lambda _: RecordingClipboard(copied))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("Y")
        await settle(pilot)
        await pilot.press("slash", "ctrl+u", *"tw", "enter", "Y")
        await settle(pilot)
        assert filter_of(app) == "tw"
        assert copied == []
        await pilot.press("Y")
        await app.workers.wait_for_complete()
        assert copied == ["901"]


async def test_the_time_of_one_copy_does_not_end_the_next() -> None:
    said: list[str] = []
    copier = Copier(
        RecordingClipboard([]), lambda _: None, lambda text, _: said.append(text), lambda *_: None, lambda _: None
    )
    first = copier.copy("y", ("1",))
    second = copier.copy("y", ("1",))
    copier.give_up(first)
    assert said == []
    copier.give_up(second)
    assert said == ["Nothing copied: the reader does not answer"]
