"""The JSON object: exactly the promised fields, valid whatever the names, null for what is not known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview import __version__
from sockview.model.inet_socket import UDP, InetSocket
from sockview.model.snapshot import Snapshot
from sockview.output.json_text import ROWS_PER_PIECE, json_pieces
from tests.model.builders import busy_snapshot, make_process, make_snapshot, make_socket, make_table

GUNICORN = make_process(7306, "gunicorn")
LEAK = make_socket("CLOSE_WAIT", "10.0.0.7:8080", "10.2.3.4:51234", inode=4711, cookie=4, recv_q=1)


def text_of(snapshot: Snapshot, sockets: Sequence[InetSocket] | None = None) -> str:
    return "".join(
        json_pieces(make_table(snapshot), snapshot.sockets if sockets is None else sockets, snapshot.warnings)
    )


def object_of(snapshot: Snapshot, sockets: Sequence[InetSocket] | None = None) -> Any:
    return json.loads(text_of(snapshot, sockets))


def row_of(s: InetSocket, **more: Any) -> Any:
    return object_of(make_snapshot([s], **more))["sockets"][0]


def test_the_promised_object() -> None:
    snapshot = make_snapshot([LEAK], {GUNICORN: [(12, LEAK)]}, taken_at=1_767_614_400.9, warnings=("Two\nlines",))
    assert object_of(snapshot) == {
        "sockview": __version__,
        "taken_at": "2026-01-05T12:00:00Z",
        "host": "web-07",
        "complete": True,
        "warnings": ["Two\nlines"],
        "states": {"CLOSE_WAIT": 1},
        "sockets": [
            {
                "netid": "tcp",
                "state": "CLOSE_WAIT",
                "local": {"address": "10.0.0.7", "port": 8080},
                "remote": {"address": "10.2.3.4", "port": 51234},
                "recv_q": 1,
                "send_q": 0,
                "uid": 33,
                "user": "www-data",
                "inode": 4711,
                "cookie": "0x4",
                "age_s": None,
                "owners": [{"pid": 7306, "fd": 12, "name": "gunicorn", "evidence": "fd", "certain": True}],
                "no_owner": None,
            }
        ],
    }


def test_an_empty_table_is_an_object_too() -> None:
    found = object_of(make_snapshot(complete=False))
    assert found["sockets"] == [] and found["states"] == {} and found["complete"] is False


def test_every_descriptor_is_an_owner() -> None:
    worker = make_process(7307, "gunicorn: worker")
    snapshot = make_snapshot([LEAK], {GUNICORN: [(12, LEAK), (13, LEAK)], worker: [(12, LEAK)]})
    owners = object_of(snapshot)["sockets"][0]["owners"]
    assert [(owner["pid"], owner["fd"]) for owner in owners] == [(7306, 12), (7306, 13), (7307, 12)]


def test_likely_owners_are_not_certain_and_have_no_descriptor() -> None:
    listener = make_socket("LISTEN", "0.0.0.0:8080")
    left = make_socket("TIME_WAIT", "10.0.0.7:8080", time_left=48.0)
    snapshot = make_snapshot([listener, left], {GUNICORN: [listener]})
    row = object_of(snapshot)["sockets"][1]
    assert row["owners"] == [{"pid": 7306, "fd": None, "name": "gunicorn", "evidence": "listener", "certain": False}]
    assert row["age_s"] == 12.0


def test_a_socket_without_an_owner_says_why() -> None:
    orphan = row_of(make_socket("TIME_WAIT"))
    assert (orphan["owners"], orphan["no_owner"]) == ([], "orphan")
    assert (orphan["uid"], orphan["user"], orphan["inode"]) == (None, None, None)
    assert row_of(LEAK)["no_owner"] == "gone"
    assert row_of(LEAK, unreadable=3)["no_owner"] == "hidden"
    assert row_of(LEAK, owners_read=False)["no_owner"] == "unread"


def test_what_a_source_does_not_know_is_null() -> None:
    row = row_of(LEAK._replace(recv_q=None, send_q=None, uid=4242, inode=-7, cookie=-7))
    unknown = {name for name, value in row.items() if value is None}
    assert unknown == {"recv_q", "send_q", "user", "inode", "cookie", "age_s"}
    assert row["uid"] == 4242


def test_a_listener_has_the_wildcard_as_its_peer() -> None:
    listener = make_socket("LISTEN", "0.0.0.0:80")
    assert row_of(listener)["remote"] == {"address": "0.0.0.0", "port": 0}
    assert row_of(listener._replace(remote_address=b""))["remote"] == {"address": "0.0.0.0", "port": 0}
    v6 = make_socket("LISTEN", "[::]:80")
    assert row_of(v6._replace(remote_address=b""))["remote"] == {"address": "::", "port": 0}


def test_udp_and_states_that_are_not_known_yet() -> None:
    udp = row_of(make_socket("UNCONN", "127.0.0.1:53", protocol=UDP))
    assert (udp["netid"], udp["state"]) == ("udp", "UNCONN")
    assert row_of(LEAK._replace(state=77))["state"] == "STATE_77"


def test_states_count_the_sockets_that_are_listed() -> None:
    snapshot = busy_snapshot(240)
    chosen = [s for s in snapshot.sockets if s.netid == "tcp"][:40]
    found = object_of(snapshot, chosen)
    listed = [row["state"] for row in found["sockets"]]
    assert len(listed) == 40
    assert found["states"] == {state: listed.count(state) for state in set(listed)}


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_PIECE, ROWS_PER_PIECE + 1, 3 * ROWS_PER_PIECE])
def test_pieces_join_to_one_object_with_a_socket_a_line(count: int) -> None:
    sockets = [make_socket(local=f"10.0.0.7:{1 + number}") for number in range(count)]
    text = text_of(make_snapshot(sockets))
    ports = [row["local"]["port"] for row in json.loads(text)["sockets"]]
    assert ports == [s.local_port for s in sockets]
    assert sum(line.startswith('{"netid"') for line in text.splitlines()) == count


@given(st.text(), st.text(), st.text())
def test_no_name_breaks_the_object_or_reaches_a_terminal(name: str, user: str, host: str) -> None:
    snapshot = make_snapshot([LEAK], {make_process(1, name): [LEAK]}, users={33: user}, host=host, warnings=(name,))
    text = text_of(snapshot)
    assert text.replace("\n", "").isascii() and text.replace("\n", "").isprintable()
    found = json.loads(text)
    assert found["sockets"][0]["owners"][0]["name"] == name
    assert (found["sockets"][0]["user"], found["host"], found["warnings"]) == (user, host, [name])
