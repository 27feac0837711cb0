"""What crosses between screen and reader: one JSON object a line, strict in both directions.

A line is ``{"type": "View", ...}`` with a key per field of that dataclass in
:mod:`sockview.model.query`, in the form that :mod:`sockview.wire_codec` gives it. Whatever is not
exactly right is refused with one sentence: an unknown type or field, a missing field, a wrong type,
a number that is not finite, a line that is too long.
"""

from __future__ import annotations

import json
from typing import Any, Final, get_args

from sockview.errors import SockviewError
from sockview.model.clean_text import clean
from sockview.model.query import (
    MAX_FILTER,
    MAX_INTERVAL,
    MAX_KEY,
    MAX_KEYS,
    MAX_WINDOW,
    MIN_INTERVAL,
    Detail,
    FromReader,
    FromScreen,
    PidQuery,
    Pids,
    Query,
    RefreshNow,
    Trouble,
    View,
)
from sockview.wire_codec import Convert, Wrong, from_object, to_json

#: Longest line in bytes, without its newline. A copy of 100,000 tagged rows takes about 2 MB.
MAX_LINE: Final = 4 << 20
#: Serials and row numbers fit 53 bits, so that any JSON reader keeps them exact.
MAX_NUMBER: Final = 1 << 53


class WireError(SockviewError):
    """A line that is refused; the text is one sentence that says what is wrong with it."""


_FROM_SCREEN: Final[dict[str, Convert]] = {kind.__name__: from_object(kind) for kind in get_args(FromScreen)}
_FROM_READER: Final[dict[str, Convert]] = {kind.__name__: from_object(kind) for kind in get_args(FromReader)}

# Values are trees of frozen dataclasses, so there is no circle to look for.
_encoder: Final = json.JSONEncoder(
    check_circular=False, allow_nan=False, separators=(",", ":"), default=to_json, ensure_ascii=True
)


def encode(message: FromScreen | FromReader) -> bytes:
    """One line with its newline. WireError for a value that the other side would have to refuse."""
    name = type(message).__name__
    try:
        line = _encoder.encode({"type": name, **to_json(message)}).encode("ascii")
    except (TypeError, ValueError) as error:
        raise WireError(f"A message {name} cannot be sent: {clean(str(error), 200)}.") from error
    if len(line) > MAX_LINE:
        raise WireError(f"A message {name} of {len(line):,} bytes is too long to be sent.")
    return line + b"\n"


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no finite number")


# Infinity and NaN are not JSON, though Python's reader takes them unless told otherwise.
_decoder: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _decode(line: bytes, known: dict[str, Convert], foreign: dict[str, Convert], sender: str) -> Any:
    if len(line) > MAX_LINE:
        raise WireError(f"A line of {len(line):,} bytes from the {sender} is too long.")
    try:
        values = _decoder.decode(line.decode("utf-8"))
    except RecursionError:
        raise WireError(f"A line from the {sender} is nested too deep.") from None
    except ValueError as error:  # broken UTF-8, broken JSON, a number of too many digits
        raise WireError(f"A line from the {sender} is no JSON: {clean(str(error), 200)}.") from None
    if type(values) is not dict:
        raise WireError(f"A line from the {sender} is no JSON object.")
    name = values.pop("type", None)
    if type(name) is not str:
        raise WireError(f"A line from the {sender} does not say its type.")
    convert = known.get(name)
    if convert is None:
        why = f"does not come from the {sender}" if name in foreign else "is not known"
        raise WireError(f"A message of the type {clean(name, 40)!r} {why}.")
    try:
        return convert(values)
    except Wrong as wrong:
        where = f"{name}: {wrong.path}" if wrong.path else name
        raise WireError(f"A message from the {sender} is wrong: {where} {wrong.reason}.") from None


def decode_from_screen(line: bytes) -> FromScreen:
    """The message of one line (with or without its newline). WireError says why it is refused.

    Every number and text in it is within the bounds named beside Query.
    """
    message: FromScreen = _decode(line, _FROM_SCREEN, _FROM_READER, "screen")
    match message:
        case Query():
            _check_query(message)
        case PidQuery():
            _check_number("serial", message.serial)
            if message.keys is not None:
                _check_at_most("keys", len(message.keys), MAX_KEYS, "keys")
                _check_at_most("key", max(map(len, message.keys), default=0), MAX_KEY, "characters")
        case RefreshNow():
            pass
    return message


def decode_from_reader(line: bytes) -> FromReader:
    """The message of one line (with or without its newline). WireError says why it is refused."""
    message: View | Detail | Pids | Trouble = _decode(line, _FROM_READER, _FROM_SCREEN, "reader")
    return message


def _check_query(query: Query) -> None:
    for name in ("serial", "first", "position"):
        _check_number(name, getattr(query, name))
    if not 1 <= query.count <= MAX_WINDOW:
        raise WireError(f"A query may ask for 1 to {MAX_WINDOW:,} rows.")
    if not MIN_INTERVAL <= query.interval <= MAX_INTERVAL:
        raise WireError(f"The interval must be from {MIN_INTERVAL:g} to {MAX_INTERVAL:,.0f} seconds.")
    _check_at_most("filter", len(query.filter), MAX_FILTER, "characters")
    for name, text in (("sort", query.sort), ("group", query.group), ("cursor", query.cursor)):
        _check_at_most(name, len(text or ""), MAX_KEY, "characters")


def _check_number(name: str, number: int) -> None:
    if not 0 <= number < MAX_NUMBER:
        raise WireError(f"A number from the screen is out of range: {name}.")


def _check_at_most(name: str, length: int, limit: int, unit: str) -> None:
    if length > limit:
        raise WireError(f"The {name} is too long: {length:,} {unit}, at most {limit:,} are taken.")


class LineBuffer:
    """Cuts a stream of bytes into lines; what it holds never exceeds MAX_LINE and one chunk."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._pending = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without newlines.

        WireError when a line grows over the limit: the stream is then beyond repair.
        """
        first, newline, rest = chunk.partition(b"\n")
        self._pending += first
        self._check()
        if not newline:
            return []
        lines = [bytes(self._pending), *rest.split(b"\n")]
        self._pending[:] = lines.pop()
        self._check()
        return lines

    def _check(self) -> None:
        if len(self._pending) > self._limit:
            self._pending.clear()
            raise WireError(f"A line on the wire is longer than {self._limit:,} bytes.")
