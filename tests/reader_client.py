"""A screen without a screen: talks to a real reader process, one message at a time."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Literal, TypeVar, get_args

from sockview.model.query import Detail, FromReader, FromScreen, Pids, Query, Trouble, View
from sockview.reader_process import ReaderProcess, start_reader
from sockview.wire import LineBuffer, decode_from_reader, encode

_M = TypeVar("_M", View, Detail, Pids, Trouble)

#: Generous: a test that waits so long has found that the thing does not happen.
DEADLINE = 20.0


class ReaderClient:
    """Starts a reader; leaves none behind when used in a `with`."""

    def __init__(
        self, source: Literal["auto", "netlink", "psutil"] = "auto", proc: str = "/proc", *, trace: bool = True
    ) -> None:
        self.process: ReaderProcess = start_reader(source, proc, trace=trace)
        self._lines = LineBuffer()
        self._waiting: deque[FromReader] = deque()

    def __enter__(self) -> ReaderClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.process.close()

    def send(self, message: FromScreen) -> None:
        self.send_bytes(encode(message))

    def send_bytes(self, raw: bytes) -> None:
        """What no screen would send."""
        self.process.socket.sendall(raw)

    def receive(self, seconds: float = DEADLINE) -> FromReader:
        """The next message. EOFError when the reader has gone, TimeoutError when nothing comes."""
        until = time.monotonic() + seconds
        while not self._waiting:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"nothing from the reader in {seconds} s")
            self.process.socket.settimeout(left)
            try:
                chunk = self.process.socket.recv(1 << 18)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise EOFError("the reader has gone")
            self._waiting += [decode_from_reader(line) for line in self._lines.feed(chunk)]
        return self._waiting.popleft()

    def wait_for(self, kind: type[_M], seconds: float = DEADLINE) -> _M:
        """The next message of one kind; others are passed over, but a Trouble that is not wanted is an error."""
        assert kind in get_args(FromReader)
        until = time.monotonic() + seconds
        while True:
            message = self.receive(max(0.0, until - time.monotonic()))
            if isinstance(message, kind):
                return message
            if isinstance(message, Trouble):
                raise AssertionError(f"the reader is in trouble: {message.text}")

    def ask(self, query: Query, seconds: float = DEADLINE) -> View:
        """Send a query and wait for its view."""
        self.send(query)
        until = time.monotonic() + seconds
        while True:
            view = self.wait_for(View, max(0.0, until - time.monotonic()))
            if view.serial == query.serial:
                return view
