"""Made-up sockets, processes and snapshots for tests: short to write, the same on every run.

A socket's cookie and inode come from its two ends, so the same pair in another state is the same
socket, as in the kernel. Addresses are of the documentation and private ranges.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sockview.model import tcp_state
from sockview.model.inet_socket import TCP, TIMER_NONE, TIMER_TIME_WAIT, UDP, InetSocket, fold_mapped
from sockview.model.limits import DescriptorUse, Limits
from sockview.model.observation import Observation
from sockview.model.owner import Holder, Process
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from sockview.model.trace import Trace

#: States in which the kernel keeps neither inode nor uid.
_WITHOUT_INODE: Final = frozenset({tcp_state.TIME_WAIT, tcp_state.FIN_WAIT1, tcp_state.LAST_ACK, tcp_state.CLOSING})
_WITHOUT_PEER: Final = frozenset({tcp_state.LISTEN, tcp_state.UNCONN, tcp_state.BOUND_INACTIVE})

USERS: Final = {0: "root", 33: "www-data", 70: "postgres"}


def endpoint(text: str) -> tuple[bytes, int]:
    """``10.0.0.7:8080``, ``[fe80::1]:443``, ``0.0.0.0:*`` as address bytes and port."""
    host, _, port = text.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return fold_mapped(socket.inet_pton(family, host.strip("[]"))), 0 if port == "*" else int(port)


def make_socket(
    state: str | int = "ESTABLISHED",
    local: str = "10.0.0.7:8080",
    remote: str | None = None,
    *,
    protocol: int = TCP,
    inode: int | None = None,
    cookie: int | None = None,
    uid: int | None = 33,
    recv_q: int | None = 0,
    send_q: int | None = 0,
    timer: int = TIMER_NONE,
    expires_ms: int = 0,
    interface: int = 0,
    cgroup_id: int | None = None,
    time_left: float | None = None,
    retransmits: int = 0,
) -> InetSocket:
    """One socket. `state` in any spelling; `time_left` in seconds sets the TIME_WAIT timer.

    Without inode (TIME_WAIT and orphans by default) there is no uid either, as in the kernel.
    """
    number = state if isinstance(state, int) else tcp_state.parse_state(state)
    assert number is not None, f"unknown state {state}"
    local_address, local_port = endpoint(local)
    if remote is None:
        wildcard = "[::]:0" if len(local_address) == 16 else "0.0.0.0:0"
        remote = wildcard if number in _WITHOUT_PEER else "10.2.3.4:51234"
    remote_address, remote_port = endpoint(remote)
    name = zlib.crc32(f"{protocol} {local} {remote}".encode()) + 1
    if inode is None:
        inode = 0 if number in _WITHOUT_INODE else name
    if time_left is not None:
        timer, expires_ms = TIMER_TIME_WAIT, round(time_left * 1000)
    return InetSocket(
        protocol=protocol,
        family=6 if len(local_address) == 16 else 4,
        state=number,
        local_address=local_address,
        local_port=local_port,
        remote_address=remote_address,
        remote_port=remote_port,
        recv_q=recv_q,
        send_q=send_q,
        uid=uid if inode else None,
        inode=inode,
        cookie=name if cookie is None else cookie,
        timer=timer,
        expires_ms=expires_ms,
        interface=interface,
        cgroup_id=cgroup_id,
        retransmits=retransmits,
    )


def make_process(pid: int, name: str = "gunicorn", command: str | None = None, started: int = 1000) -> Process:
    """A process; its command line is its name unless given."""
    return Process(pid, name, name if command is None else command, started)


Held = Mapping[Process, Iterable[InetSocket | tuple[int, InetSocket]]]
"""Process -> the sockets it holds, each alone (fds count up from 3) or as (fd, socket)."""


def make_holders(held: Held) -> dict[int, tuple[Holder, ...]]:
    """Inode -> holders, sorted as a source delivers them."""
    found: dict[int, list[Holder]] = {}
    for process, sockets in held.items():
        for number, item in enumerate(sockets, 3):
            fd, s = (number, item) if isinstance(item, InetSocket) else item
            found.setdefault(s.inode, []).append(Holder(process, fd))
    return {inode: tuple(sorted(hs, key=lambda h: (h.process.pid, h.fd))) for inode, hs in found.items()}


def make_snapshot(
    sockets: Sequence[InetSocket] = (),
    holders: Held | None = None,
    *,
    clock: float = 100.0,
    taken_at: float | None = None,
    host: str = "web-07",
    source: str = "sock_diag",
    users: Mapping[int, str] | None = None,
    unreadable: int = 0,
    owners_read: bool = True,
    complete: bool = True,
    warnings: tuple[str, ...] = (),
    privileged: bool = True,
    pids: Iterable[int] | None = None,
    trace: Trace | None = None,
    parameters: Mapping[str, str] | None = None,
    counters: Mapping[str, int] | None = None,
    close_wait_times: Mapping[int, tuple[float, float | None]] | None = None,
    silent: Mapping[int, float] | None = None,
    descriptors: Mapping[Process, DescriptorUse] | None = None,
) -> Snapshot:
    """A snapshot; the wall clock goes with `clock`: 2026-01-05 12:00 UTC at 0.

    `close_wait_times`: cookie -> seconds before `clock` at which it came into the state, at least and at most.
    """
    return Snapshot(
        taken_at=1_767_614_400.0 + clock if taken_at is None else taken_at,
        clock=clock,
        host=host,
        source=source,
        sockets=tuple(sockets),
        holders=make_holders(holders or {}),
        users=USERS if users is None else users,
        unreadable=unreadable,
        owners_read=owners_read,
        complete=complete,
        warnings=warnings,
        privileged=privileged,
        pids=None if pids is None else frozenset(pids),
        trace=trace or Trace(),
        limits=Limits(parameters or {}, counters or {}),
        close_wait_times={
            cookie: (clock - at_least, None if at_most is None else clock - at_most)
            for cookie, (at_least, at_most) in (close_wait_times or {}).items()
        },
        silent=silent or {},
        descriptors={process.identity: use for process, use in (descriptors or {}).items()},
    )


def make_table(*snapshots: Snapshot, observation: Observation | None = None) -> SocketTable:
    """The table of the last snapshot, after the earlier ones were seen."""
    assert snapshots, "at least one snapshot"
    memory = Observation() if observation is None else observation
    return [finish(memory.add(snapshot)) for snapshot in snapshots][-1]


def busy_snapshot(count: int = 1000, *, clock: float = 100.0, offset: int = 0) -> Snapshot:
    """A busy server: 20 processes; of its sockets 8 in 12 ESTABLISHED, 2 TIME_WAIT, 1 each CLOSE_WAIT and FIN_WAIT2.

    `offset` shifts which sockets there are: two snapshots whose offsets differ by n share all but n.
    """
    states = ("ESTABLISHED",) * 8 + ("TIME_WAIT",) * 2 + ("CLOSE_WAIT", "FIN_WAIT2")
    processes = [make_process(7300 + number, f"worker-{number}") for number in range(20)]
    held: dict[Process, list[InetSocket | tuple[int, InetSocket]]] = {process: [] for process in processes}
    sockets: list[InetSocket] = []
    for number, process in enumerate(processes):
        listener = make_socket("LISTEN", f"0.0.0.0:{8000 + number}", cookie=1 + number)
        sockets.append(listener)
        held[process].append(listener)
    udp = make_socket("UNCONN", "0.0.0.0:53", protocol=UDP, cookie=21)
    sockets.append(udp)
    held[processes[0]].append(udp)
    for number in range(offset, offset + count):
        state = states[number % 12]
        s = make_socket(
            state,
            f"10.0.0.7:{8000 + number % 20}",
            f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:{1024 + number % 60000}",
            cookie=1000 + number,
            inode=0 if state in ("TIME_WAIT", "FIN_WAIT2") else 1000 + number,
            time_left=(number % 59) + 0.5 if state == "TIME_WAIT" else None,
        )
        sockets.append(s)
        if s.inode:
            held[processes[number % 20]].append(s)
    return make_snapshot(sockets, held, clock=clock)
