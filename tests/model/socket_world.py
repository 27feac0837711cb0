"""A small made-up machine whose sockets live at random: what every look at it shows is deterministic by its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from sockview.model import tcp_state
from sockview.model.inet_socket import TIMER_NONE, TIMER_TIME_WAIT, InetSocket
from sockview.model.owner import Process
from sockview.model.snapshot import Snapshot
from sockview.model.trace import NOBODY, Trace, Transition
from tests.model.builders import make_holders, make_process, make_snapshot, make_socket
from tests.model.changes import following

_LOCAL = "10.0.0.7"
_SERVICES = (80, 81)
_REMOTES = ("10.9.1.1:5432", "10.9.1.2:5432", "10.9.1.1:443")
#: State of a socket -> those that may come next.
_NEXT = {
    "SYN_SENT": ("ESTABLISHED",),
    "ESTABLISHED": ("CLOSE_WAIT", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"),
    "CLOSE_WAIT": ("LAST_ACK", "CLOSE_WAIT"),
    "FIN_WAIT1": ("FIN_WAIT2", "TIME_WAIT", "CLOSING"),
    "FIN_WAIT2": ("TIME_WAIT", "FIN_WAIT2"),
    "CLOSING": ("TIME_WAIT",),
}
_CLOSED = ("FIN_WAIT1", "FIN_WAIT2", "CLOSING", "LAST_ACK", "TIME_WAIT")


@dataclass
class _Life:
    """One socket: what is true of it, also while nobody sees it."""

    socket: InetSocket
    holders: list[Process]
    seen: bool = True


class World:
    """`look` again and again."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._clock = 1000.0
        self._cookie = 0
        self._processes = [make_process(pid, f"worker-{pid}") for pid in (1, 2, 3)]
        self._lives: list[_Life] = []
        self._reports: list[Transition] = []
        self._traces = self._chance(0.6)
        self._privileged = self._chance(0.5)
        self._hides = 0
        self.last: Snapshot | None = None

    def look(self) -> Snapshot:
        """The next snapshot, with its true change. Now and then it is not complete, or the holders were not read."""
        self._clock += self._random.choice((1.0, 1.0, 1.0, 5.0, 70.0))
        for _ in range(self._random.randrange(8)):
            self._random.choice((self._come, self._come, self._move, self._move, self._pass, self._run))()
        for life in self._lives:
            life.seen = not self._chance(0.07)
        snapshot = self._snapshot()
        self._reports = []
        self.last = replace(snapshot, serial=1) if self.last is None else following(self.last, snapshot)
        return self.last

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    # ------------------------------------------------------------------ what happens
    def _come(self) -> None:
        self._cookie += 1
        cookie = -self._cookie if self._chance(0.05) else self._cookie
        service, port = self._random.choice(_SERVICES), self._random.randrange(40000, 40006)
        kind = self._random.randrange(10)
        if kind == 0:
            local = self._random.choice((f"{_LOCAL}:{service}", f"0.0.0.0:{service}"))
            s = make_socket("LISTEN", local, cookie=cookie, inode=self._cookie)
        else:
            accepted = (f"{_LOCAL}:{service}", f"10.1.1.1:{port}")
            ends = accepted if kind < 4 else (f"{_LOCAL}:{port}", self._random.choice(_REMOTES))
            state = self._random.choice(("ESTABLISHED", "ESTABLISHED", "SYN_SENT", "TIME_WAIT", "CLOSE_WAIT"))
            s = make_socket(state, *ends, cookie=cookie, inode=self._cookie, uid=self._random.choice((33, 70)))
            if state == "TIME_WAIT":
                s = self._closed(s, "TIME_WAIT")
        held = [] if not s.inode or self._chance(0.1) else [self._random.choice(self._processes)]
        if held and self._chance(0.3):
            self._report(s, tcp_state.SYN_SENT, held[0])
        self._lives.append(_Life(s, held))

    def _closed(self, s: InetSocket, state: str) -> InetSocket:
        number = tcp_state.parse_state(state) or 0
        timer, left, read_at = TIMER_NONE, 0, None
        if state == "TIME_WAIT":
            timer, left = TIMER_TIME_WAIT, self._random.choice((100, 30_000, 59_900, 60_000))
            read_at = None if self._chance(0.1) else self._clock
        return s._replace(inode=0, uid=None, state=number, timer=timer, expires_ms=left, read_at=read_at)

    def _move(self) -> None:
        """A socket goes, changes its state, or has other data in its queues."""
        if not self._lives:
            return
        life = self._random.choice(self._lives)
        s = life.socket
        state = self._random.choice(_NEXT.get(tcp_state.state_name(s.state), ("",)))
        if not state:
            if self._chance(0.7):
                self._lives.remove(life)
        elif state in _CLOSED:
            if s.inode and self._chance(0.8):
                closers = self._random.sample([*life.holders, *self._processes, NOBODY], self._random.choice((1, 1, 2)))
                for process in closers:
                    self._report(s, tcp_state.LAST_ACK if state == "LAST_ACK" else tcp_state.FIN_WAIT1, process)
            life.socket, life.holders = self._closed(s, state), []
        else:
            number = tcp_state.parse_state(state) or 0
            life.socket = s._replace(state=number, recv_q=self._random.randrange(3))

    def _pass(self) -> None:
        """A descriptor is passed on, inherited, or out of sight."""
        held = [life for life in self._lives if life.socket.inode]
        if held:
            self._random.choice(held).holders = self._random.sample(self._processes, self._random.choice((0, 1, 1, 2)))

    def _run(self) -> None:
        """A process executes another program, or exits and its PID becomes another's."""
        at = self._random.randrange(len(self._processes))
        old = self._processes[at]
        gone = self._chance(0.5)
        new = old._replace(started=old.started + 1) if gone else old._replace(name=f"{old.name[:8]}{int(self._clock)}")
        self._processes[at] = new
        for life in self._lives:
            life.holders = [new if one == old else one for one in life.holders if not (gone and one == old)]

    def _report(self, s: InetSocket, state: int, process: Process) -> None:
        moment = self._clock - self._random.choice((0.1, 0.5, 2.0))
        self._reports.append(Transition(moment, state, process, *s[3:7], parent=self._random.choice((0, 1, 2))))

    # ------------------------------------------------------------------ what is seen
    def _snapshot(self) -> Snapshot:
        seen = [life for life in self._lives if life.seen]
        sockets = [life.socket for life in seen]
        complete = not self._chance(0.1)
        if not complete and sockets and self._chance(0.3):
            sockets.append(sockets[0]._replace(recv_q=9))  # it moved while the table was read
        owners_read = not self._chance(0.08)
        held = {
            process: [life.socket for life in self._lives if process in life.holders] for process in self._processes
        }
        # A clock that is read after the look: what has no moment of its own was read in it.
        sockets = [self._timed(s) for s in sockets]
        close_waits = {s.cookie for s in sockets if s.state == tcp_state.CLOSE_WAIT and self._chance(0.8)}
        pids = {process.pid for process in self._processes if not self._chance(0.1)}
        snapshot = make_snapshot(
            sockets,
            users={uid: f"user-{uid}" for uid in {s.uid for s in sockets} if uid is not None},
            clock=self._clock,
            unreadable=self._unreadable(),
            owners_read=owners_read,
            complete=complete,
            privileged=self._privileged,
            pids=pids | {0} if self._chance(0.9) else None,
            trace=self._trace(),
            counters={"ListenDrops": int(self._clock)},
        )
        started = {process.pid: process.started for process in self._processes if self._chance(0.7)}
        holders = make_holders(held) if owners_read else {}
        return replace(
            snapshot,
            holders=holders,
            started=started,
            dump_seconds=self._random.choice((0.0, 0.3)),
            close_wait_times={c: (1000.0 + c * 0.5, 1000.0 + c * 0.3 if c % 2 else None) for c in close_waits},
        )

    def _timed(self, s: InetSocket) -> InetSocket:
        """One whose countdown has no moment is another value at each look."""
        if s.timer and s.read_at is None:
            return s._replace(expires_ms=max(0, s.expires_ms - int(self._clock) % 1000))
        return s

    def _unreadable(self) -> int:
        if self._chance(0.05):
            self._hides = 1 - self._hides
        return self._hides

    def _trace(self) -> Trace:
        if not self._traces or self._chance(0.03):
            return Trace()
        gaps = ((self._clock - 1.0, self._clock - 0.2),) if self._chance(0.1) else ()
        reports = sorted(self._reports, key=lambda report: report.clock)
        return Trace(on=True, since=1.0, transitions=tuple(reports), gaps=gaps)
