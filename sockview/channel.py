"""The reader's end of the wire: never blocks, and holds a bounded amount of what is unsent.

A screen that is stopped, or slow, must not hold up a collection. What waits to be sent is therefore
replaced by newer messages of its kind: an old view is of no use to anybody. Answers to a copy are
never replaced; while many of them wait, nothing more is read, so that they cannot pile up.
"""

from __future__ import annotations

import selectors
import socket
from typing import Final

from sockview.model.query import FromReader, FromScreen, Pids, Trouble
from sockview.wire import LineBuffer, WireError, decode_from_screen, encode

READ_SIZE: Final = 1 << 16
#: Chunks of one long line read at one look at the wire.
READS_AT_ONCE: Final = 16
#: Unsent answers to a copy above which nothing more is read.
MAX_UNSENT_PIDS: Final = 32


class Channel:
    """Messages in and out of one connected stream socket, which it makes non-blocking."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._lines = LineBuffer()
        self._sending = memoryview(b"")
        self._unsent: dict[tuple[str, int], FromReader] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)
        self._events = selectors.EVENT_READ
        self.is_open = True
        """False once the screen has gone or sent an endless line; nothing can be sent any more."""

    def close(self) -> None:
        """Close the socket; may be called twice."""
        if self._connection.fileno() >= 0:
            self._selector.close()
            self._connection.close()
        self.is_open = False

    # ------------------------------------------------------------ out
    def send(self, message: FromReader) -> None:
        """Send it now, or as soon as the screen takes it, unless a newer one of its kind comes first."""
        kind = type(message).__name__
        key = (kind, message.serial if isinstance(message, Pids) else 0)
        self._unsent.pop(key, None)
        self._unsent[key] = message
        self._flush()

    def _flush(self) -> None:
        while self.is_open:
            if not self._sending:
                if not self._unsent:
                    return
                self._sending = memoryview(self._next_line())
            try:
                sent = self._connection.send(self._sending)
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):
                self.is_open = False
                return
            self._sending = self._sending[sent:]

    def _next_line(self) -> bytes:
        message = self._unsent.pop(next(iter(self._unsent)))
        try:
            return encode(message)
        except WireError as error:
            return encode(Trouble(str(error)))

    # ------------------------------------------------------------ in
    def receive(self, timeout: float) -> list[FromScreen | Trouble]:
        """What the screen has sent, waiting for it at most `timeout` seconds; sends what is unsent.

        A damaged line is a Trouble in its place. An endless one, an end of file or a reset closes.
        """
        self._watch()
        messages: list[FromScreen | Trouble] = []
        for _, events in self._selector.select(timeout):
            if events & selectors.EVENT_WRITE:
                self._flush()
            if events & selectors.EVENT_READ:
                self._read(messages)
        return messages

    def _watch(self) -> None:
        """Wait for room only while something is unsent, for input only while its answers find room."""
        pids = sum(kind == Pids.__name__ for kind, _ in self._unsent)
        events = selectors.EVENT_READ if pids < MAX_UNSENT_PIDS else 0
        if self._sending or self._unsent:
            events |= selectors.EVENT_WRITE
        if events != self._events:
            self._selector.modify(self._connection, events)
            self._events = events

    def _read(self, messages: list[FromScreen | Trouble]) -> None:
        for _ in range(READS_AT_ONCE):
            try:
                chunk = self._connection.recv(READ_SIZE)
            except BlockingIOError:
                return
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                self.is_open = False
                return
            try:
                lines = self._lines.feed(chunk)
            except WireError as error:
                self.send(Trouble(f"{error} The reader ends."))
                self.is_open = False
                return
            for line in lines:
                try:
                    messages.append(decode_from_screen(line))
                except WireError as error:
                    messages.append(Trouble(str(error)))
            if lines or len(chunk) < READ_SIZE:
                return
