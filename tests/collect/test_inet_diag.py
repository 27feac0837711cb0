"""Bytes in, values out."""

from __future__ import annotations

import socket
import struct
from dataclasses import asdict, dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.collect.inet_diag import ALL_STATES, Answer, dump_request, request_of_one
from sockview.collect.known_sockets import KnownSockets
from sockview.collect.socket_rows import read_rows
from sockview.model import tcp_state
from sockview.model.inet_socket import TCP, UDP, InetSocket
from tests.collect import messages as made
from tests.collect.dumps import read_dump


@dataclass
class Parsed(Answer):
    """One chunk."""

    sockets: list[InetSocket] = field(default_factory=list)


def parse(data: bytes, protocol: int = TCP) -> Parsed:
    sockets, answer = read_dump(KnownSockets(protocol), [data])
    return Parsed(**asdict(answer), sockets=sockets)


def only(data: bytes, protocol: int = TCP) -> InetSocket:
    parsed = parse(made.netlink(made.DIAG, data), protocol)
    assert (len(parsed.sockets), parsed.damaged, parsed.error, parsed.done) == (1, 0, 0, False)
    return parsed.sockets[0]


def test_the_request_is_what_the_headers_say() -> None:
    request = dump_request(6, UDP, 77, states=1 << 8, extensions=2)
    assert struct.unpack_from("=IHHII", request) == (len(request), 20, 0x301, 77, 0)
    assert struct.unpack_from("=BBBBI", request, 16) == (10, 17, 2, 0, 1 << 8)
    assert request[24:] == bytes(40) + b"\xff" * 8
    assert struct.unpack_from("=I", dump_request(4, TCP, 1), 20)[0] == ALL_STATES


@pytest.mark.parametrize(
    ("family", "local", "remote"),
    [
        (socket.AF_INET, "10.0.0.7", "10.2.3.4"),
        (socket.AF_INET6, "2001:db8::7", "2001:db8::8"),
        (socket.AF_INET6, "::ffff:10.0.0.7", "::ffff:10.2.3.4"),
    ],
)
def test_a_socket_is_asked_for_as_the_kernel_names_it(family: int, local: str, remote: str) -> None:
    message = made.inet_diag(family=family, local=(local, 80), remote=(remote, 999), interface=3, cookie=1 << 40)
    request = request_of_one(only(message), 7, 2)
    assert struct.unpack_from("=IHHII", request) == (len(request), 20, 1, 7, 0)
    assert struct.unpack_from("=BBB", request, 16) == (family, TCP, 2)
    assert request[24:] == message[4:52], "struct inet_diag_sockid"


@pytest.mark.parametrize("state", [s for s in range(1, 14) if s != tcp_state.BOUND_INACTIVE])
def test_all_states_are_asked_for(state: int) -> None:
    assert ALL_STATES >> state & 1


def test_every_field_of_an_ipv4_socket() -> None:
    found = only(made.inet_diag(state=8, timer=2, interface=3, expires=1500, queues=(5, 7), cookie=0xABCDEF0123456789))
    assert found == InetSocket(
        protocol=TCP,
        family=4,
        state=tcp_state.CLOSE_WAIT,
        local_address=bytes([10, 0, 0, 7]),
        local_port=8080,
        remote_address=bytes([10, 2, 3, 4]),
        remote_port=51234,
        recv_q=5,
        send_q=7,
        uid=33,
        inode=777,
        cookie=0xABCDEF0123456789,
        timer=2,
        expires_ms=1500,
        interface=3,
        cgroup_id=None,
        read_at=0.0,
    )


def test_ipv6_and_mapped_addresses() -> None:
    found = only(made.inet_diag(family=socket.AF_INET6, local=("fe80::1", 1), remote=("::", 0)))
    assert (found.family, found.local_address) == (6, socket.inet_pton(socket.AF_INET6, "fe80::1"))
    assert found.remote_address == bytes(16)
    found = only(made.inet_diag(family=socket.AF_INET6, local=("::ffff:127.0.0.1", 1), remote=("::ffff:1.2.3.4", 2)))
    assert (found.family, found.local_address, found.remote_address) == (6, b"\x7f\0\0\1", b"\1\2\3\4")


@pytest.mark.parametrize(
    ("inode", "uid", "expected"), [(0, 0, None), (0, 33, 33), (5, 0, 0), (5, 4294967295, 4294967295)]
)
def test_the_user_is_unknown_only_where_the_kernel_keeps_none(inode: int, uid: int, expected: int | None) -> None:
    assert only(made.inet_diag(inode=inode, uid=uid)).uid == expected


@pytest.mark.parametrize(
    ("protocol", "number", "expected"),
    [
        (TCP, 12, tcp_state.SYN_RECV),
        (TCP, 7, tcp_state.CLOSE),
        (TCP, 200, 200),
        (UDP, 7, tcp_state.UNCONN),
        (UDP, 1, tcp_state.ESTABLISHED),
    ],
)
def test_states(protocol: int, number: int, expected: int) -> None:
    assert only(made.inet_diag(state=number), protocol).state == expected


_CGROUP = made.attribute(made.CGROUP, struct.pack("=Q", 0x1234_5678_9ABC))
_SHUTDOWN = made.attribute(made.SHUTDOWN, b"\3")
_MARK = made.attribute(made.MARK, b"\1\2\3\4")
_SOCKOPT = made.attribute(made.SOCKOPT, b"\0\0")
_UNKNOWN = made.attribute(999, b"whatever it is")


@pytest.mark.parametrize(
    "attributes",
    [
        [_SHUTDOWN, _MARK, _CGROUP, _SOCKOPT],
        [_SHUTDOWN, _CGROUP, _SOCKOPT],
        [_UNKNOWN, _CGROUP],
        [_CGROUP],
        [_CGROUP, _UNKNOWN],
    ],
)
def test_the_cgroup_is_found_wherever_it_stands(attributes: list[bytes]) -> None:
    assert only(made.inet_diag(attributes=attributes)).cgroup_id == 0x1234_5678_9ABC


@pytest.mark.parametrize(
    "attributes",
    [
        [],
        [_SHUTDOWN, _MARK],
        [made.attribute(made.CGROUP, b"\1\2\3\4")],
        [struct.pack("=HH", 0, 0), _CGROUP],
        [made.attribute(999, _CGROUP)],
    ],
)
def test_no_cgroup_is_made_up(attributes: list[bytes]) -> None:
    assert only(made.inet_diag(attributes=attributes)).cgroup_id is None


def test_what_follows_a_short_message_is_not_taken_for_its_attributes() -> None:
    short = made.netlink(made.DIAG, made.inet_diag(attributes=[_SHUTDOWN, _MARK]))
    parsed = parse(short + made.netlink(made.DIAG, made.inet_diag(cookie=2, attributes=[_CGROUP])))
    assert [found.cgroup_id for found in parsed.sockets] == [None, 0x1234_5678_9ABC]


def test_several_messages_and_the_end() -> None:
    two = made.netlink(made.DIAG, made.inet_diag(cookie=1, attributes=[_SHUTDOWN]))
    two += made.netlink(made.DIAG, made.inet_diag(cookie=2))
    parsed = parse(two + made.done() + two)
    assert [found.cookie for found in parsed.sockets] == [1, 2]
    assert (parsed.answered, parsed.done, parsed.error, parsed.interrupted, parsed.damaged) == (True, True, 0, False, 0)


def test_errors_of_the_kernel() -> None:
    parsed = parse(made.error(2))
    assert (parsed.done, parsed.error) == (True, 2)
    parsed = parse(made.done(-13))
    assert (parsed.done, parsed.error) == (True, 13)
    parsed = parse(made.error(0) + made.netlink(made.DIAG, made.inet_diag()))
    assert (parsed.done, parsed.error, len(parsed.sockets)) == (False, 0, 1)


@pytest.mark.parametrize("flagged", [made.done(flags=0x12), made.netlink(made.DIAG, made.inet_diag(), flags=0x12)])
def test_an_interrupted_dump_is_noted(flagged: bytes) -> None:
    assert parse(flagged).interrupted


def test_messages_of_another_sequence_are_ignored() -> None:
    foreign = made.netlink(made.DIAG, made.inet_diag(), sequence=9) + made.done(-5, sequence=9)
    parsed = parse(foreign)
    assert parsed == Parsed()
    assert len(parse(foreign + made.netlink(made.DIAG, made.inet_diag())).sockets) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        bytes(16),
        made.netlink(made.DIAG, made.inet_diag())[:-4],
        made.netlink(made.DIAG, made.inet_diag()[:-4]),
        made.netlink(made.DIAG, b"\x07" + made.inet_diag()[1:]),
        made.netlink(made.ERROR, b"\1\2"),
        struct.pack("=IHHII", 0xFFFFFFFF, 20, 2, 1, 0) + made.inet_diag(),
    ],
)
def test_damage_is_counted(data: bytes) -> None:
    parsed = parse(data)
    assert (parsed.damaged, parsed.sockets, parsed.error) == (1, [], 0)


def test_a_damaged_message_does_not_hide_the_next() -> None:
    sound = made.netlink(made.DIAG, made.inet_diag())
    parsed = parse(made.netlink(made.DIAG, b"short") + sound)
    assert (parsed.damaged, len(parsed.sockets)) == (1, 1)


@given(st.binary(max_size=400), st.sampled_from([TCP, UDP, 0, 255]))
def test_random_bytes_never_raise(data: bytes, protocol: int) -> None:
    parsed = parse(data, protocol)
    assert len(parsed.sockets) * 88 <= len(data)


_SOUND = b"".join(
    made.netlink(made.DIAG, made.inet_diag(cookie=n, attributes=[_SHUTDOWN, _MARK, _CGROUP][: n % 4])) for n in range(4)
)


@given(st.integers(0, len(_SOUND) - 1), st.integers(0, 600))
def test_truncation_never_raises_and_keeps_what_is_whole(cut: int, claimed: int) -> None:
    rows = read_rows(_SOUND[:cut], claimed, 1, Answer())
    known = KnownSockets(TCP)
    known.begin()
    for some in rows:
        known.take(some, 0.0)
    whole = {s.cookie: s for s in parse(_SOUND).sockets}
    found = {s.cookie: s for s in known.come}
    assert found == {cookie: whole[cookie] for cookie in sorted(found)}
    assert sorted(found) == list(range(len(found)))


@given(st.integers(0, len(_SOUND) - 1), st.integers(0, 255))
def test_a_changed_byte_never_raises(position: int, value: int) -> None:
    changed = bytearray(_SOUND)
    changed[position] = value
    assert len(parse(bytes(changed)).sockets) <= 4
