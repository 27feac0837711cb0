"""What the kernel's reports become: who opened and closed which socket, and where reports are missing."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.collect import close_trace
from sockview.collect.close_trace import CloseTrace
from sockview.collect.perf_event import Ring
from sockview.collect.traced_processes import TracedProcesses
from sockview.model.owner import Process
from sockview.model.tcp_state import CLOSE, CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, LAST_ACK, SYN_SENT
from sockview.model.trace import NOBODY, Trace, Transition
from tests.collect.perf_bytes import FilledRing, comm, decoder, fork, lost, namespaces, sample

#: The clock of these tests stands here, in nanoseconds, when the trace begins.
START: Final = 5_000_000_000
OURS: Final = 4026531840
THEIRS: Final = 4026532999
IN_SOFTIRQ: Final = 0x10


class Scene:
    """A trace over rings that a test fills; no process is in /proc any more when it is looked for there."""

    def __init__(
        self,
        proc: Path,
        rings: int = 1,
        *,
        most: int = close_trace.MOST,
        size: int = 1 << 16,
        onlooker: int | None = None,
        renewed: Callable[[], Sequence[Ring] | None] = lambda: None,
    ) -> None:
        self.now = START
        self.rings = [FilledRing(size) for _ in range(rings)]
        processes = TracedProcesses(str(proc), OURS, lambda ticks: ticks, 1)
        self.trace = CloseTrace(
            self.rings,
            decoder(),
            processes,
            clock=lambda: self.now,
            most=most,
            onlooker=onlooker,
            renewed=renewed,
        )
        self.rings[0].write(*born(10, b"web"), *born(20, b"curl"))
        self.trace.drain()

    def take(self, *records: bytes, ring: int = 0, now: int = 10**9) -> Trace:
        """What is taken after `now` more nanoseconds, with these records in a ring."""
        self.rings[ring].write(*records)
        self.now += now
        return self.trace.take()


def born(pid: int, name: bytes, net: int = OURS, at: int = 0) -> tuple[bytes, ...]:
    return fork(START + at, pid, 1), namespaces(START + at, pid, net), comm(START + at, pid, name)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def processes(trace: Trace) -> list[tuple[int, str, int]]:
    """(new state, name, port of the remote end) of each."""
    return [(one.state, one.process.name, one.remote_port) for one in trace.transitions]


# ------------------------------------------------------------------ what is told
def test_a_close_names_who_closed_and_both_ends(scene: Scene) -> None:
    found = scene.take(sample(START + 500, ESTABLISHED, FIN_WAIT1))
    (closed,) = found.transitions
    assert closed == Transition(
        5.0000005, FIN_WAIT1, Process(10, "web", "", -1), b"\x0a\0\0\x07", 8080, b"\x0a\x02\x03\x04", 51234, parent=1
    )
    assert (found.on, found.since, found.lost, found.gaps, found.why_not) == (True, 5.0, 0, [], "")
    assert scene.take().transitions == []


def test_a_connection_names_who_opened_it_when_its_local_port_is_known(scene: Scene) -> None:
    begun = sample(START + 1, CLOSE, SYN_SENT, pid=20, name=7, local=("10.0.0.7", 0))
    assert scene.take(begun).transitions == []
    stands = sample(START + 9, SYN_SENT, ESTABLISHED, pid=10, name=7, flags=IN_SOFTIRQ)
    found = scene.take(stands, sample(START + 10, CLOSE_WAIT, LAST_ACK, pid=20, name=7))
    assert processes(found) == [(SYN_SENT, "curl", 51234), (LAST_ACK, "curl", 51234)]
    assert [one.local_port for one in found.transitions] == [8080, 8080]
    assert found.transitions[0].clock == 5.000000009


def test_a_connection_that_never_stood_opens_no_other_one(scene: Scene) -> None:
    found = scene.take(
        sample(START + 1, CLOSE, SYN_SENT, pid=20, name=7),
        sample(START + 2, SYN_SENT, CLOSE, pid=20, name=7),
        sample(START + 3, SYN_SENT, ESTABLISHED, pid=10, name=7, flags=IN_SOFTIRQ),
    )
    assert found.transitions == []


@pytest.mark.parametrize(
    ("local", "remote", "packed"),
    [
        (("2001:db8::7", 1), ("2001:db8::8", 2), (16, 16)),
        (("::ffff:10.0.0.7", 1), ("::ffff:10.0.0.8", 2), (4, 4)),
    ],
)
def test_addresses_are_those_of_the_table(
    scene: Scene, local: tuple[str, int], remote: tuple[str, int], packed: tuple[int, int]
) -> None:
    (found,) = scene.take(sample(START + 1, ESTABLISHED, FIN_WAIT1, local=local, remote=remote)).transitions
    assert (len(found.local_address), len(found.remote_address)) == packed
    assert (found.local_address[-1], found.local_port, found.remote_address[-1], found.remote_port) == (7, 1, 8, 2)


def test_other_namespaces_are_left_out_and_who_cannot_be_named_is_nobody(scene: Scene) -> None:
    scene.take(*born(30, b"theirs", THEIRS, 1))
    found = scene.take(
        sample(START + 5, ESTABLISHED, FIN_WAIT1, pid=30),
        sample(START + 6, CLOSE, SYN_SENT, pid=30, name=7),
        sample(START + 7, SYN_SENT, ESTABLISHED, pid=10, name=7),
        sample(START + 8, ESTABLISHED, FIN_WAIT1, pid=10, flags=IN_SOFTIRQ),
        sample(START + 9, ESTABLISHED, FIN_WAIT1, pid=0),
        sample(START + 10, ESTABLISHED, FIN_WAIT1, pid=99),
    )
    assert [one.process for one in found.transitions] == [NOBODY] * 3
    assert [one.state for one in found.transitions] == [FIN_WAIT1] * 3


# ------------------------------------------------------------------ several CPUs
def test_reports_of_several_cpus_are_put_in_order(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rings=2)
    scene.rings[1].write(*born(40, b"child", at=2), sample(START + 9, SYN_SENT, ESTABLISHED, name=7))
    found = scene.take(
        sample(START + 1, ESTABLISHED, FIN_WAIT1),
        sample(START + 5, CLOSE, SYN_SENT, pid=40, name=7),
        sample(START + 12, ESTABLISHED, FIN_WAIT1, pid=40, name=7),
    )
    assert processes(found) == [(FIN_WAIT1, "web", 51234), (SYN_SENT, "child", 51234), (FIN_WAIT1, "child", 51234)]


def test_what_comes_while_the_rings_are_read_waits_for_what_another_ring_still_has(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rings=2)
    late = sample(scene.now + 100 + 50, SYN_SENT, ESTABLISHED, name=7)
    assert scene.take(late, ring=1, now=100).transitions == []
    begun = sample(scene.now + 20, CLOSE, SYN_SENT, pid=20, name=7)
    assert processes(scene.take(begun)) == [(SYN_SENT, "curl", 51234)]


# ------------------------------------------------------------------ what is missing
def test_a_ring_that_is_full_is_a_gap_and_its_loss_is_counted(tmp_path: Path) -> None:
    scene = Scene(tmp_path, size=4096)
    one = sample(START + 10, ESTABLISHED, FIN_WAIT1)
    found = scene.take(*[one] * 100)
    assert len(found.transitions) == 4096 // len(one) and found.lost == 0
    assert found.gaps == [(5.00000001, 6.0)], "from the last report to the look that made room"
    found = scene.take(lost(START + 10**9 + 10, 61), sample(START + 10**9 + 11, ESTABLISHED, FIN_WAIT1))
    assert (found.lost, found.gaps) == (61, [])
    assert [one.process for one in found.transitions] == [NOBODY], "whoever has that PID now"
    assert scene.take().lost == 61


def test_a_loss_that_came_alone_has_its_gap_too(scene: Scene) -> None:
    scene.take(sample(START + 10, ESTABLISHED, FIN_WAIT1))
    found = scene.take(lost(START + 30, 2))
    assert (found.lost, found.gaps) == (2, [(5.00000001, 5.00000003)])


def test_damaged_bytes_are_a_gap(scene: Scene) -> None:
    found = scene.take(b"\1" * 64)
    assert (found.lost, len(found.gaps), found.transitions) == (1, 1, [])
    assert found.gaps[0][1] == 6.0


@pytest.mark.parametrize("time", [0, START - 2 * 10**9, START + 4 * 10**9, 1 << 63])
def test_impossible_times_are_a_gap(scene: Scene, time: int) -> None:
    found = scene.take(sample(time, ESTABLISHED, FIN_WAIT1), sample(START + 10, ESTABLISHED, FIN_WAIT1))
    assert (found.lost, len(found.gaps)) == (1, 1)
    assert [one.clock for one in found.transitions] == [5.00000001]


def test_after_a_loss_no_connection_is_given_an_earlier_opener(scene: Scene) -> None:
    scene.take(sample(START + 1, CLOSE, SYN_SENT, pid=20, name=7))
    found = scene.take(lost(START + 5, 1), sample(START + 9, SYN_SENT, ESTABLISHED, name=7))
    assert found.transitions == []


def test_what_nobody_takes_is_given_up_from_the_oldest(tmp_path: Path) -> None:
    scene = Scene(tmp_path, most=100)
    for number in range(5):
        at = START + 1000 * (number + 1)
        scene.rings[0].write(*(sample(at + n, ESTABLISHED, FIN_WAIT1) for n in range(30)))
        scene.now += 10**6
        scene.trace.drain()
    found = scene.trace.take()
    assert len(found.transitions) + found.lost == 150 and 80 <= len(found.transitions) <= 100
    begins, ends = zip(*found.gaps, strict=True)
    assert begins[0] == 5.000001 and found.transitions[0].clock - 2e-6 < ends[-1] < found.transitions[0].clock


def test_its_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close_trace, "MOST_OPENING", 10)
    monkeypatch.setattr(close_trace, "MOST_GAPS", 10)
    scene = Scene(tmp_path)
    for name in range(30):
        scene.rings[0].write(sample(scene.now + 1, CLOSE, SYN_SENT, pid=20, name=name))
        scene.now += 100
        scene.trace.drain()
    assert len(scene.trace._opening) == 10
    for _ in range(30):
        scene.rings[0].write(lost(scene.now + 1, 1))
        scene.now += 100
        scene.trace.drain()
    found = scene.trace.take()
    assert found.lost == 30 and len(found.gaps) <= 10
    assert min(found.gaps)[0] <= 5.000003 and max(end for _, end in found.gaps) >= 5.0000059


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_any_bytes_in_a_ring_are_survived(tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]) -> None:
    scene = Scene(tmp_path_factory.mktemp("proc"))
    for chunk in chunks:
        scene.take(chunk)
    assert processes(scene.take(sample(scene.now + 1, ESTABLISHED, FIN_WAIT1), now=100))[-1][0] == FIN_WAIT1


def test_who_only_looks_on_is_nobody(tmp_path: Path) -> None:
    scene = Scene(tmp_path, onlooker=20)
    found = scene.take(sample(START + 5, ESTABLISHED, FIN_WAIT1, pid=20), sample(START + 6, ESTABLISHED, FIN_WAIT1))
    assert [(one.process.name, one.parent) for one in found.transitions] == [("", 0), ("web", 1)]


def test_rings_that_are_dead_are_replaced_and_that_is_a_gap(tmp_path: Path) -> None:
    fresh, answers = FilledRing(1 << 16), list[Sequence[Ring] | None]()
    scene = Scene(tmp_path, renewed=lambda: answers.pop() if answers else None)
    scene.take()
    checked = scene.now
    answers.append([fresh])
    found = scene.take(sample(scene.now + 5, ESTABLISHED, FIN_WAIT1))
    assert found.on and [one.process.name for one in found.transitions] == ["web"]
    assert found.gaps == [(checked / 10**9, scene.now / 10**9)]
    fresh.write(sample(scene.now + 5, ESTABLISHED, FIN_WAIT1, pid=99))
    found = scene.take()
    assert [one.process for one in found.transitions] == [NOBODY] and found.gaps == []


def test_without_new_rings_it_says_why_it_is_off(tmp_path: Path) -> None:
    def refuse() -> NoReturn:
        raise OSError(errno.EMFILE, "")

    scene = Scene(tmp_path, renewed=refuse)
    scene.now += close_trace.CHECK_EVERY
    scene.trace.drain()
    assert not scene.trace.on
    found = scene.trace.take()
    assert (found.on, found.why_not) == (False, "CPUs have changed: Too many open files")


def test_what_was_read_when_something_failed_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(tmp_path)
    drained = scene.now
    with monkeypatch.context() as patched, pytest.raises(OSError, match="Input"):
        patched.setattr(TracedProcesses, "who", _fail)
        scene.take(sample(START + 5, ESTABLISHED, FIN_WAIT1))
    found = scene.take(now=0)
    assert (found.on, found.transitions) == (True, [])
    assert found.lost == 1 and found.gaps == [(drained / 10**9, scene.now / 10**9)]


def _fail(*_: object) -> NoReturn:
    raise OSError(errno.EIO, "Input")


def test_closing_it_twice_is_nothing(scene: Scene) -> None:
    assert scene.trace.on
    scene.trace.close()
    scene.trace.close()
    assert not scene.trace.on
