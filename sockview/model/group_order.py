"""The order of groups by each column: total, the same every time, made in small steps."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from struct import Struct
from typing import Any, Final, TypeVar

from sockview.model.age import age_rank
from sockview.model.group import Group, OwnerGroup, RemoteGroup
from sockview.model.order import STEP, by_value_steps, is_descending
from sockview.model.steps import parts

_MOST: Final = (1 << 32) - 1
_COUNTS: Final = Struct(">III")
_PID: Final = Struct(">Q")

_G = TypeVar("_G", bound=OwnerGroup | RemoteGroup)


def order_group_steps(groups: Sequence[_G], column: str, reverse: bool = False) -> Generator[None, None, Sequence[_G]]:
    """Groups in the order of a column of PROCESS_COLUMNS or REMOTE_COLUMNS; an unknown column is `close_wait`.

    Equal ones: the most CLOSE_WAIT first, then the most TIME_WAIT, the most sockets, then by name. In steps of a few
    milliseconds: there may be as many remote addresses as sockets.
    """
    value = _VALUES.get(column, _VALUES["close_wait"])
    descending = is_descending(column if column in _VALUES else "close_wait", reverse)
    standing = yield from by_value_steps(groups, (list(map(_standing, part)) for part in parts(groups, STEP)))
    values = (list(map(value, part)) for part in parts(standing, STEP))
    return (yield from by_value_steps(standing, values, descending))


def _standing(group: OwnerGroup | RemoteGroup) -> bytes:
    """Bytes that sort as the standing order does."""
    counts = _COUNTS.pack(_MOST - group.close_wait, _MOST - group.time_wait, _MOST - group.total)
    return counts + _name(group)


def _name(group: OwnerGroup | RemoteGroup) -> bytes:
    """Addresses in numeric order, names without regard to case, then by PID; what is in parentheses after them all."""
    if isinstance(group, RemoteGroup):
        return bytes((len(group.identity) or 0xFF,)) + group.identity
    if group.pid is None:
        return b"\xff" + group.name.encode()
    names = f"{group.name.casefold()}\0{group.name}\0".encode("utf-8", "surrogatepass")
    return b"\xfe" + names + _PID.pack(group.pid) + group.identity.encode()


def _ports(group: Group) -> tuple[bool, int] | None:
    """One port by its number, before several by how many they are."""
    ports = group.ports if isinstance(group, RemoteGroup) else set()
    if not ports:
        return None
    return (True, len(ports)) if len(ports) > 1 else (False, ports.pop())


def _growth(group: OwnerGroup | RemoteGroup) -> int | None:
    """Over all of the time that is known."""
    series = group.trend.series if isinstance(group, OwnerGroup) and group.trend is not None else ()
    return series[-1] - series[0] if series else None


def _of_owner(value: Callable[[OwnerGroup], Any]) -> Callable[[OwnerGroup | RemoteGroup], Any]:
    """A value that only groups by process have."""
    return lambda group: value(group) if isinstance(group, OwnerGroup) else None


_VALUES: Final[dict[str, Callable[[OwnerGroup | RemoteGroup], Any]]] = {
    "pid": _of_owner(lambda group: group.pid),
    "process": _name,
    "remote": _name,
    "user": _of_owner(lambda group: group.user or None),
    "ports": _ports,
    "close_wait": lambda group: group.close_wait,
    "time_wait": lambda group: group.time_wait,
    "established": lambda group: group.established,
    "other": lambda group: group.other,
    "oldest": lambda group: None if group.oldest is None else age_rank(group.oldest),
    "rate": _of_owner(lambda group: None if group.trend is None else group.trend.rate),
    "trend": _growth,
}
