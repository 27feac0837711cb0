"""The screen's one link to the reader: sends the newest query, delivers what comes back.

While a query is unanswered, only the newest of those that ask for the same rows is kept: a held key
never queues work in the reader. A query for other rows is sent at once, and replaces it there. When
the reader dies it is started again with back-off, and the query that it gets at once tells it everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from sockview.errors import SockviewError
from sockview.model.query import FromReader, PidQuery, Query, RefreshNow, Trouble, View, alike
from sockview.reader_process import ReaderProcess
from sockview.wire import LineBuffer, WireError, decode_from_reader, encode

#: Seconds before the reader is started again: after its first death, second, and so on.
BACK_OFF: Final = (0.2, 1.0, 3.0, 10.0)
#: A reader that lived this long counts as healthy: the back-off starts anew.
HEALTHY_SECONDS: Final = 30.0
READ_SIZE: Final = 1 << 18


class Listener(Protocol):
    """What the link tells the screen."""

    def on_message_from_reader(self, message: FromReader) -> None: ...

    def on_reader_lost(self, sentence: str) -> None: ...


class Link(Protocol):
    """What the screen asks of a link; tests put a reader of their own behind it."""

    def open(self, listener: Listener) -> None: ...

    def ask(self, query: Query) -> None: ...

    def ask_pids(self, request: PidQuery) -> None: ...

    def refresh_now(self) -> None: ...

    def close(self) -> None: ...


class ReaderLink:
    """The real link, over the reader's socketpair, in the screen's event loop."""

    def __init__(self, first: ReaderProcess, start: Callable[[], ReaderProcess]) -> None:
        self._reader: ReaderProcess | None = first
        self._start = start
        self._listener: Listener | None = None
        self._buffer = LineBuffer()
        self._outgoing = bytearray()
        self._query: Query | None = None
        self._unsent: Query | None = None
        self._awaited: Query | None = None
        self._deaths = 0
        self._started_at = 0.0
        self._restart: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------ what the screen calls
    def open(self, listener: Listener) -> None:
        """Start delivering; call it inside the running event loop."""
        self._listener = listener
        self._attach()

    def ask(self, query: Query) -> None:
        self._query = query
        if self._awaited is not None and alike(self._awaited, query):
            self._unsent = query
            return
        # Other rows make the awaited answer worthless: the reader gives it up when it sees this.
        self._send_query(query)

    def ask_pids(self, request: PidQuery) -> None:
        """Raises WireError when the keys are too many for one line."""
        self._send(encode(request))

    def refresh_now(self) -> None:
        self._send(encode(RefreshNow()))

    def close(self) -> None:
        """End the reader; nothing is delivered afterwards."""
        self._listener = None
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        self._detach()

    def end(self) -> None:
        """As `close`, when the event loop is no more."""
        self._listener = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # ------------------------------------------------------------ sending
    def _send_query(self, query: Query) -> None:
        self._awaited = query
        self._unsent = None
        self._send(encode(query))

    def _send(self, line: bytes) -> None:
        if self._reader is None:
            return
        idle = not self._outgoing
        self._outgoing += line
        if idle:
            self._write()

    def _write(self) -> None:
        if self._reader is None:
            return
        loop = asyncio.get_running_loop()
        descriptor = self._reader.socket.fileno()
        try:
            sent = self._reader.socket.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except (BrokenPipeError, ConnectionResetError):
            # The end of file that follows is where the death is handled.
            self._outgoing.clear()
            return
        del self._outgoing[:sent]
        if self._outgoing:
            loop.add_writer(descriptor, self._write)
        else:
            loop.remove_writer(descriptor)

    # ------------------------------------------------------------ receiving
    def _read(self) -> None:
        if self._reader is None:
            return
        try:
            data = self._reader.socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self._lost("The reader has ended")
            return
        try:
            lines = self._buffer.feed(data)
            messages = [decode_from_reader(line) for line in lines]
        except WireError as error:
            self._lost(f"The reader sent something unreadable ({error})")
            return
        for message in self._newest(messages):
            if self._listener is not None:
                self._listener.on_message_from_reader(message)

    def _newest(self, messages: list[FromReader]) -> list[FromReader]:
        """Without the views that a later one in the same batch replaces; frees the next query."""
        views = [message for message in messages if isinstance(message, View)]
        answered = bool(views) and self._awaited is not None and views[-1].serial >= self._awaited.serial
        # A query that fails in the reader is answered by a Trouble alone.
        if answered or any(isinstance(message, Trouble) for message in messages):
            self._awaited = None
            if self._unsent is not None:
                self._send_query(self._unsent)
        return [message for message in messages if not isinstance(message, View) or message is views[-1]]

    # ------------------------------------------------------------ life and death
    def _attach(self) -> None:
        assert self._reader is not None
        loop = asyncio.get_running_loop()
        self._reader.socket.setblocking(False)
        self._buffer = LineBuffer()
        self._outgoing.clear()
        self._awaited = None
        self._started_at = loop.time()
        loop.add_reader(self._reader.socket.fileno(), self._read)
        if self._query is not None:
            self._send_query(self._query)

    def _detach(self) -> None:
        reader, self._reader = self._reader, None
        if reader is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(reader.socket.fileno())
        loop.remove_writer(reader.socket.fileno())
        reader.close()

    def _lost(self, what: str) -> None:
        loop = asyncio.get_running_loop()
        self._detach()
        if loop.time() - self._started_at > HEALTHY_SECONDS:
            self._deaths = 0
        delay = BACK_OFF[min(self._deaths, len(BACK_OFF) - 1)]
        self._deaths += 1
        self._restart = loop.call_later(delay, self._start_again)
        if self._listener is not None:
            self._listener.on_reader_lost(f"{what}: starting it again in {delay:g} s, the rows are old until then")

    def _start_again(self) -> None:
        self._restart = None
        try:
            self._reader = self._start()
        except (OSError, SockviewError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._lost(f"The reader could not be started ({reason})")
            return
        self._attach()
