"""What a source keeps from look to look, on real sockets that come, change and go."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sockview.collect.native import NativeSource
from sockview.model.inet_socket import InetSocket
from sockview.model.snapshot import Snapshot
from sockview.model.steps import finish
from sockview.model.tcp_state import CLOSE_WAIT

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="needs Linux")

REFRESHES = 30
#: Connections that there are at the beginning.
CROWD = 300
_RESET = struct.pack("ii", 1, 0)

Pair = tuple[socket.socket, socket.socket]


class Connections:
    """Connections to one listener, of which some are opened, changed and closed at a time."""

    def __init__(self, family: int, host: str, stack: ExitStack) -> None:
        self.random = random.Random(20)
        self.listener = stack.enter_context(socket.socket(family))
        self.listener.bind((host, 0))
        self.listener.listen(512)
        self.port: int = self.listener.getsockname()[1]
        self.pairs: dict[int, Pair] = {}
        """By the client's port."""
        stack.callback(self.close)
        for _ in range(CROWD):
            self.open()

    def close(self) -> None:
        for pair in self.pairs.values():
            for end in pair:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.close()

    def open(self) -> None:
        client = socket.create_connection(self.listener.getsockname()[:2])
        port = client.getsockname()[1]
        if port % 3 == 0:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.pairs[port] = (client, self.listener.accept()[0])

    def churn(self) -> set[int]:
        """Something happens to some of them: the ports of their clients."""
        touched = set(self.random.sample(sorted(self.pairs), 12))
        for number, port in enumerate(sorted(touched)):
            client, server = self.pairs[port]
            if number < 4:
                client.close()
                server.close()
                del self.pairs[port]
            elif number < 8:
                server.send(b"x")
            else:
                client.shutdown(socket.SHUT_WR)
        for _ in range(4):
            self.open()
        return touched

    def of(self, snapshot: Snapshot) -> dict[tuple[int, int], InetSocket]:
        """(local, remote port) -> socket, of these connections and the listener."""
        return {
            (s.local_port, s.remote_port): s for s in snapshot.sockets if self.port in (s.local_port, s.remote_port)
        }


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"])
def connections(request: pytest.FixtureRequest) -> Iterator[Connections]:
    family, host = request.param
    with ExitStack() as stack:
        try:
            made = Connections(family, host, stack)
        except OSError as error:
            pytest.skip(f"no sockets at {host}: {error}")
        yield made


def still(s: InetSocket) -> InetSocket:
    """What does not move while nothing happens."""
    return s._replace(expires_ms=0, read_at=None)


def assert_change(before: Snapshot, after: Snapshot) -> None:
    """It is told, and it is exactly in what the two differ."""
    assert after.complete and after.change is not None and after.change.since == before.serial
    earlier, later = {id(s) for s in before.sockets}, {id(s) for s in after.sockets}
    assert len(later) == len(after.sockets) == len({s.cookie for s in after.sockets})
    assert {id(s) for s in after.change.gone} == earlier - later
    assert {id(s) for s in after.change.come} == later - earlier


def test_every_look_tells_what_a_first_look_tells(connections: Connections) -> None:
    source = NativeSource()
    before = finish(source.collect())
    touched_before: set[int] = set()
    for _ in range(REFRESHES):
        touched = connections.churn()
        after = finish(source.collect())
        fresh = finish(NativeSource().collect())
        assert_change(before, after)
        mine, first_seen, earlier = (connections.of(snapshot) for snapshot in (after, fresh, before))
        # A remnant may end between the two looks.
        of_both = mine.keys() & first_seen.keys()
        assert all(touched & set(ports) or not s.inode for ports, s in mine.items() if ports not in of_both)
        settled = [ports for ports in of_both if not touched & set(ports)]
        assert len(settled) > CROWD
        assert {ports: still(mine[ports]) for ports in settled} == {
            ports: still(first_seen[ports]) for ports in settled
        }
        for ports in settled:
            s = mine[ports]
            assert s.timer_left(fresh.clock) == pytest.approx(first_seen[ports].timer_left(fresh.clock), abs=0.5)
        # What was sent just before the last look may have been acknowledged since.
        unmoved = [ports for ports in mine.keys() & earlier.keys() if not (touched | touched_before) & set(ports)]
        assert len(unmoved) > CROWD
        assert [ports for ports in unmoved if mine[ports] is not earlier[ports]] == []
        before, touched_before = after, touched
    times = before.close_wait_times
    assert {s.cookie for s in connections.of(before).values() if s.state == CLOSE_WAIT} <= times.keys()
