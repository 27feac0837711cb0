"""What the CLOSE_WAITs of a process look like from the kernel, and what to do about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from typing import Final

from sockview.model.diagnosis.accounts import Traits
from sockview.model.diagnosis.leak import Group, Leak
from sockview.model.diagnosis.owners import ASK_ROOT
from sockview.model.diagnosis.words import about, addresses_text, counted, listing, most_common
from sockview.model.format_text import bytes_text
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import NoOwner, Process
from sockview.model.socket_table import SocketTable
from sockview.model.steps import parts

#: Sockets looked at between two yields: about 2 ms.
STEP: Final = 1000
#: Descriptors written out.
_SHOWN: Final = 3
#: More different ports than this are those of many connections, not of a service.
_SERVICE_PORTS: Final = 3

_NEVER_READ: Final = "end of file is not read: the process does not look at them any more"
_KNOWN: Final = "end of file is read, but close() is missing: the process knows that the peer has gone"

#: Beginning of a process name -> how to see where its threads are; ``{pid}`` is filled in.
_STACKS: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("python", "gunicorn", "uwsgi", "celery", "uvicorn"),
        "py-spy dump --pid {pid} shows where its threads are: whether they hang, and who holds the connections.",
    ),
    "java": "jstack {pid} shows where its threads are: whether they hang, and who holds the connections.",
}


def find_traits(table: SocketTable, group: Group) -> Generator[None, None, Traits]:
    """What its sockets have in common, and the descriptors of its first process; in steps of a few milliseconds."""
    if group.account is not None and not group.others:
        return group.account.traits
    traits = group.account.traits.copy() if group.account is not None else Traits()
    for part in parts(group.others, STEP):
        traits.add(part, _descriptors(table, group.processes[0], part) if group.processes else ())
        yield
    return traits


def _descriptors(table: SocketTable, process: Process, sockets: Sequence[InetSocket]) -> list[int]:
    """The numbers under which the process holds the sockets; those that are known."""
    holders_of = table.snapshot.holders.get
    identity = process.identity
    return [fd for s in sockets for who, fd in holders_of(s.inode, ()) if who.identity == identity and fd >= 0]


def how_read(traits: Traits) -> str:
    """What the process has read of them: the most frequent case first."""
    if not any(number for queue, number in traits.unread.items() if queue is not None):
        return "Whether the process has read their end is not known from this source."
    # The peer's FIN counts as one byte of Recv-Q until end of file is read (tcp_diag_get_info, ``net/ipv4/tcp_diag.c``;
    # tcp_recvmsg, ``net/ipv4/tcp.c``).
    data = {queue: number for queue, number in traits.unread.items() if queue is not None and queue > 1}
    size = sum((queue - 1) * number for queue, number in data.items())
    parts = [
        (traits.unread[1], _NEVER_READ),
        (traits.unread[0], _KNOWN),
        (sum(data.values()), f"{bytes_text(size)} of data and the end of file are not read"),
    ]
    said = [f"on {number:,} of them {text}" for number, text in sorted(parts, key=lambda part: -part[0]) if number]
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def where(traits: Traits) -> Iterator[str]:
    """The peers, and the service: its own port, or the port that it is a client of."""
    yield f"The peers: {addresses_text(traits.addresses)}."
    local, remote = traits.local_ports, traits.remote_ports
    if len(local) <= min(_SERVICE_PORTS, len(remote)):
        yield f"Connections that it accepted on local port {_ports(local)}, to judge by the ports."
    elif len(remote) <= _SERVICE_PORTS:
        yield f"Connections that it opened to remote port {_ports(remote)}, to judge by the ports."


def _ports(counts: Counter[int]) -> str:
    if len(counts) == 1:
        return str(next(iter(counts)))
    return listing([f"{port} ({number:,})" for port, number in most_common(counts, len(counts))])


def descriptors_fact(leak: Leak, traits: Traits) -> Iterator[str]:
    """Which descriptors they are, and how many are left."""
    if traits.fds:
        fds = listing([str(fd) for fd in traits.fds[:_SHOWN]], _SHOWN, len(traits.fds))
        yield f"{'fd' if len(traits.fds) == 1 else 'fds'} {fds}."
    use = leak.use
    if use is None:
        return
    if not use.limit:
        yield f"{counted(use.used, 'descriptor')} used; the limit is not known, or there is none."
        return
    said = f"{use.used:,} of {use.limit:,} descriptors used"
    if leak.forecast is not None:
        said += f": at this rate they run out in {about(leak.forecast)}"
    yield f"{said}. Without a free one accept(), connect() and open() fail (EMFILE)."


def remedies(table: SocketTable, leak: Leak, traits: Traits) -> tuple[str, ...]:
    """The code first; no kernel parameter helps."""
    group = leak.group
    hidden = group.reason is NoOwner.HIDDEN and not table.snapshot.privileged
    return (
        *((ASK_ROOT,) if hidden else ()),
        "Find the code that sees the peer's end (a read of 0 bytes, an empty result, an end event) and let every "
        "path through it call close(), errors too: with or finally, try-with-resources, defer.",
        "Where it is a pool of connections: let it drop those that the peer closed, and idle ones earlier than the "
        "server's time-out does.",
        *(_tools(group.processes[0], traits) if group.processes else ()),
        "A restart frees them and buys time only.",
        "No kernel parameter helps: the socket stays until the process closes its descriptor.",
    )


def _tools(process: Process, traits: Traits) -> Iterator[str]:
    pid = process.pid
    example = f" (such as fd {traits.fds[0]})" if traits.fds else ""
    yield (
        f"lsof -nP -a -p {pid} -i TCP lists the descriptors; strace -f -p {pid} -e trace=desc,network shows whether "
        f"the process ever touches one{example}."
    )
    for name, text in _STACKS.items():
        if process.name.startswith(name):
            yield text.format(pid=pid)
