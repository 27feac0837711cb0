"""The groups of sockets by process and by remote address: their keys and their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockview.model.inet_socket import InetSocket, address_text, is_wildcard, packed_address
from sockview.model.owner import NoOwner, Process
from sockview.model.socket_table import SocketTable

#: Names of the groups of sockets without an owner.
WITHOUT_OWNER: Final[dict[NoOwner, str]] = {
    NoOwner.HIDDEN: "(hidden)",
    NoOwner.ORPHAN: "(orphans)",
    NoOwner.GONE: "(gone)",
    NoOwner.UNREAD: "(not read)",
}
WITHOUT_PEER: Final = "(no peer)"


def process_key(process: Process) -> str:
    """``pid:PID:STARTED``"""
    return f"pid:{process.pid}:{process.started}"


def reason_key(reason: NoOwner) -> str:
    """``none:hidden`` and so on."""
    return f"none:{reason.value}"


def has_peer(s: InetSocket) -> bool:
    """False for LISTEN and unconnected UDP."""
    return s.remote_port != 0 or not is_wildcard(s.remote_address)


def remote_key(s: InetSocket) -> str:
    """``remote:ADDRESS``, or ``remote:*`` without a peer."""
    return f"remote:{address_text(s.remote_address)}" if has_peer(s) else "remote:*"


def group_identity(key: str) -> str | bytes:
    """What a group is compared by: the bytes of a remote address, empty without a peer; else its key."""
    kind, _, rest = key.partition(":")
    address = (b"" if rest == "*" else packed_address(rest)) if kind == "remote" else None
    return key if address is None else address


def key_of_identity(identity: str | bytes) -> str:
    """The key of a group, from what it is compared by."""
    return identity if isinstance(identity, str) else f"remote:{address_text(identity)}"


def process_identity(text: str) -> tuple[int, int] | None:
    """(PID, start) from ``PID:STARTED``, what a key of a process ends in; None from other text."""
    pid, _, started = text.partition(":")
    try:
        return (int(pid), int(started))
    except ValueError:
        return None


def process_of(table: SocketTable, key: str, sockets: Sequence[InetSocket]) -> Process | None:
    """The process of a group ``pid:...``, of which `sockets` are some; None for another group, or without any."""
    claims = table.claims(sockets[0]) if sockets else ()
    return next((claim.process for claim in claims if process_key(claim.process) == key), None)


def group_name(table: SocketTable, key: str, sockets: Sequence[InetSocket]) -> str | None:
    """``7306 gunicorn``, an address, or the reason in words; None for a process of which there are no `sockets`."""
    kind, _, rest = key.partition(":")
    if kind == "pid":
        process = process_of(table, key, sockets)
        return f"{process.pid} {process.name}" if process else None
    if kind == "none" and rest in WITHOUT_OWNER:
        return WITHOUT_OWNER[NoOwner(rest)]
    return WITHOUT_PEER if rest == "*" else rest
