"""What the pane says of a LISTEN socket."""

from __future__ import annotations

import pytest

from sockview.model.diagnosis.listen_notes import listen_notes
from tests.model.builders import make_process, make_snapshot, make_socket, make_table

NGINX = make_process(80, "nginx")
WORKER = make_process(81, "nginx")
NODE = make_process(12, "node")


def notes(*held: tuple[str, int], connected: str = "", recv_q: int | None = 0) -> str:
    """Of the first of the listeners (address, cookie), held by nginx; the others are node's."""
    sockets = [
        make_socket("LISTEN", end, cookie=number, inode=number, recv_q=recv_q, send_q=128) for end, number in held
    ]
    others = [make_socket("ESTABLISHED", connected, "10.2.3.4:50000")] if connected else []
    table = make_table(make_snapshot([*sockets, *others], {NGINX: sockets[:1], NODE: sockets[1:]}))
    return " ".join(listen_notes(table, sockets[0]))


@pytest.mark.parametrize(
    ("end", "text"),
    [
        ("127.0.0.1:8080", "Reachable from this machine only: it is bound to 127.0.0.1."),
        ("[::1]:8080", "Reachable from this machine only: it is bound to ::1."),
        ("10.0.0.7:8080", "Reachable at 10.0.0.7 only, not at 127.0.0.1"),
        ("0.0.0.0:8080", "Reachable at every IPv4 address of this machine, not over IPv6."),
        ("[::]:8080", "Reachable at every IPv6 address of this machine, and at every IPv4 address unless"),
    ],
)
def test_who_can_reach_it(end: str, text: str) -> None:
    assert notes((end, 1)).startswith(text)


def test_where_else_the_port_is_taken() -> None:
    assert "taken at other addresses: 127.0.0.1:8080 by node 12." in notes(("10.0.0.7:8080", 1), ("127.0.0.1:8080", 2))
    assert "other addresses" not in notes(("10.0.0.7:8080", 1), ("127.0.0.1:8081", 2))


def test_who_else_has_a_socket_at_its_address() -> None:
    text = notes(("0.0.0.0:8080", 1), ("0.0.0.0:8080", 2))
    assert "2 sockets listen at this address and port (SO_REUSEPORT), of node 12 and nginx 80" in text
    assert "SO_REUSEPORT" not in notes(("0.0.0.0:8080", 1))


def test_who_shares_it() -> None:
    listener = make_socket("LISTEN", "0.0.0.0:80", cookie=1, inode=1)
    table = make_table(make_snapshot([listener], {NGINX: [listener], WORKER: [listener]}))
    assert "2 processes hold this socket and accept from one queue." in listen_notes(table, listener)


def test_its_queue() -> None:
    assert "In its accept queue: 3 connections to be accepted, of at most 129." in notes(("0.0.0.0:80", 1), recv_q=3)
    assert "Its accept queue is full: 129 connections to be" in notes(("0.0.0.0:80", 1), recv_q=129)
    assert "queue" not in notes(("0.0.0.0:80", 1))
    assert "queue" not in notes(("0.0.0.0:80", 1), recv_q=None)


def test_who_is_connected() -> None:
    assert "1 connection to it now." in notes(("0.0.0.0:80", 1), connected="10.0.0.7:80")
    assert "firewall" not in notes(("0.0.0.0:80", 1), connected="10.0.0.7:80")
    nobody = notes(("10.0.0.7:80", 1), connected="10.0.0.8:80")
    assert "Nobody is connected to it now." in nobody
    assert "a firewall" in nobody
    assert "firewall" not in notes(("127.0.0.1:80", 1)), "another machine can't reach it anyhow"


def test_nothing_is_said_of_other_sockets() -> None:
    s = make_socket()
    assert listen_notes(make_table(make_snapshot([s])), s) == ()
