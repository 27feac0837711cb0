"""The link between a real reader process and the screen's event loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

import pytest

from sockview.errors import SockviewError
from sockview.model.query import FromReader, PidQuery, Pids, Query, Trouble, View
from sockview.reader_process import ReaderProcess, start_reader
from sockview.ui.link import ReaderLink
from tests.waiting import until


class Heard:
    """Everything the link said."""

    def __init__(self) -> None:
        self.messages: list[FromReader] = []
        self.lost: list[str] = []

    def on_message_from_reader(self, message: FromReader) -> None:
        self.messages.append(message)

    def on_reader_lost(self, sentence: str) -> None:
        self.lost.append(sentence)

    @property
    def views(self) -> list[View]:
        return [message for message in self.messages if isinstance(message, View)]


class Started:
    """Starts readers and keeps them, so that a test can kill them."""

    def __init__(self) -> None:
        self.readers: list[ReaderProcess] = []

    def __call__(self) -> ReaderProcess:
        self.readers.append(start_reader("auto"))
        return self.readers[-1]


async def with_link(body: Callable[[ReaderLink, Heard, Started], Awaitable[None]]) -> None:
    start, heard = Started(), Heard()
    link = ReaderLink(start(), start)
    link.open(heard)
    try:
        await body(link, heard, start)
    finally:
        link.close()
        for reader in start.readers:
            assert reader.poll() is not None, "a reader was left behind"


async def test_the_newest_question_is_answered() -> None:
    async def body(link: ReaderLink, heard: Heard, _: Started) -> None:
        for serial in range(1, 50):
            link.ask(Query(serial=serial, interval=60))
        await until(lambda: heard.views and heard.views[-1].serial == 49)
        assert len(heard.views) < 49

    await with_link(body)


async def test_other_rows_are_asked_for_at_once() -> None:
    async def body(link: ReaderLink, heard: Heard, _: Started) -> None:
        for serial, text in enumerate(["n", "ng", "ngi", "ngin", "nginx", "nginx :80"], 1):
            link.ask(Query(serial=serial, filter=text, interval=60))
        await until(lambda: heard.views and heard.views[-1].serial == 6)

    await with_link(body)


async def test_pids_are_answered() -> None:
    async def body(link: ReaderLink, heard: Heard, _: Started) -> None:
        link.ask(Query(serial=1, interval=60))
        await until(lambda: heard.views)
        link.ask_pids(PidQuery(serial=7))
        await until(lambda: any(isinstance(m, Pids) and m.serial == 7 for m in heard.messages))

    await with_link(body)


async def test_a_killed_reader_is_said_and_replaced() -> None:
    async def body(link: ReaderLink, heard: Heard, start: Started) -> None:
        link.ask(Query(serial=1, filter="cw", interval=60))
        await until(lambda: heard.views)
        os.kill(start.readers[0].pid, signal.SIGKILL)
        await until(lambda: heard.lost)
        assert "starting it again" in heard.lost[0]
        known = len(heard.views)
        await until(lambda: len(heard.views) > known)
        assert heard.views[-1].serial == 1
        assert len(start.readers) == 2

    await with_link(body)


async def test_back_off_grows_while_readers_die() -> None:
    async def body(_: ReaderLink, heard: Heard, start: Started) -> None:
        os.kill(start.readers[0].pid, signal.SIGKILL)
        await until(lambda: len(start.readers) == 2)
        os.kill(start.readers[1].pid, signal.SIGKILL)
        await until(lambda: len(heard.lost) == 2)
        assert "in 0.2 s" in heard.lost[0]
        assert "in 1 s" in heard.lost[1]

    await with_link(body)


async def test_a_failed_question_does_not_block_the_next() -> None:
    async def body(link: ReaderLink, heard: Heard, _: Started) -> None:
        link.ask(Query(serial=1, filter="x" * 5000, interval=60))
        await until(lambda: any(isinstance(m, Trouble) for m in heard.messages))
        link.ask(Query(serial=2, interval=60))
        await until(lambda: heard.views and heard.views[-1].serial == 2)

    await with_link(body)


@pytest.mark.parametrize("error", [OSError(11, "Resource temporarily unavailable"), SockviewError("No interpreter.")])
async def test_a_reader_that_cannot_be_started_is_said_and_tried_again(error: Exception) -> None:
    tries = 0
    heard = Heard()

    def start() -> ReaderProcess:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise error
        return start_reader("auto")

    first = start_reader("auto")
    link = ReaderLink(first, start)
    link.open(heard)
    try:
        link.ask(Query(serial=1, interval=60))
        await until(lambda: heard.views)
        known = len(heard.views)
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: len(heard.views) > known)
        assert tries == 2
        assert any("could not be started" in sentence for sentence in heard.lost)
    finally:
        link.close()


@pytest.mark.parametrize("garbage", [b"{}\n", b'{"type": "Query", "serial": 1}\n', b"\xff\xfe\n"])
async def test_garbage_from_the_reader_ends_that_reader(garbage: bytes) -> None:
    import socket

    ours, theirs = socket.socketpair()
    heard = Heard()

    class Fake:
        def __init__(self) -> None:
            self.socket = ours
            self.pid = 0

        def close(self) -> None:
            ours.close()

    start = Started()
    link = ReaderLink(Fake(), start)  # type: ignore[arg-type]
    link.open(heard)
    try:
        theirs.send(garbage)
        await until(lambda: heard.lost)
        assert "unreadable" in heard.lost[0]
        link.ask(Query(serial=3, interval=60))
        await until(lambda: heard.views)
    finally:
        link.close()
        theirs.close()
