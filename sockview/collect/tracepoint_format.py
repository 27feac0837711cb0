"""Where the fields of a tracepoint lie in its records, from the text of its ``format`` file in tracefs.

The offsets differ from kernel to kernel (``Documentation/trace/events.rst``), so none is written down here.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"(\w+)(?:\[[^\]]*\])?$")
_NUMBER: Final = re.compile(r"(offset|size|signed):(\d{1,6})$")


class Field(NamedTuple):
    """One field; `offset` and `size` in bytes from the beginning of the record."""

    offset: int
    size: int
    signed: bool


def parse_format(text: str) -> dict[str, Field]:
    """Name -> field, in the order of the file. Lines that tell of no field are passed over."""
    fields: dict[str, Field] = {}
    for line in text.splitlines():
        declaration, *rest = (part.strip() for part in line.strip().split(";"))
        name = _NAME.search(declaration)
        if not declaration.startswith("field:") or name is None:
            continue
        numbers = {key: int(value) for key, value in (found.groups() for found in map(_NUMBER.match, rest) if found)}
        if numbers.get("size", 0) > 0 and "offset" in numbers:
            fields[name[1]] = Field(numbers["offset"], numbers["size"], numbers.get("signed") == 1)
    return fields
