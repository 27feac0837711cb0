"""The JSON object: exactly the promised fields, valid whatever the names, null for what is not known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview import __version__
from sockview.model.finding import Finding
from sockview.model.inet_socket import UDP, InetSocket
from sockview.model.query import Age
from sockview.model.snapshot import Snapshot
from sockview.model.tcp_state import CLOSE_WAIT, TIME_WAIT
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
        "findings": [],
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
                "age_s": {"at_least": 0.0, "at_most": None},
                "owners": [
                    {"pid": 7306, "fd": 12, "name": "gunicorn", "evidence": "fd", "certain": True, "exited": False}
                ],
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
    assert row["owners"] == [
        {"pid": 7306, "fd": None, "name": "gunicorn", "evidence": "listener", "certain": False, "exited": False}
    ]
    assert row["age_s"] == {"at_least": 12.0, "at_most": 12.0}


def test_an_owner_that_has_exited_is_told_from_a_living_one() -> None:
    closed = LEAK._replace(state=TIME_WAIT, inode=0, uid=None)
    table = make_table(
        make_snapshot([LEAK], {GUNICORN: [LEAK]}, clock=1, pids=[7306]),
        make_snapshot([closed], clock=2, pids=[]),
    )
    (row,) = json.loads("".join(json_pieces(table, [closed], [])))["sockets"]
    (owner,) = row["owners"]
    assert (owner["pid"], owner["evidence"], owner["certain"], owner["exited"]) == (7306, "seen", True, True)


def test_rows_without_an_owner_name_their_candidates() -> None:
    listener = make_socket("LISTEN", "0.0.0.0:8080")
    left = make_socket("TIME_WAIT", "10.0.0.7:8080")
    other = make_process(7307, 'a "quoted" name')
    rows = object_of(make_snapshot([listener, left], {GUNICORN: [listener], other: [listener]}))["sockets"]
    assert "candidates" not in rows[0]
    assert (rows[1]["owners"], rows[1]["no_owner"]) == ([], "orphan")
    assert rows[1]["candidates"] == [{"pid": 7306, "name": "gunicorn"}, {"pid": 7307, "name": 'a "quoted" name'}]
    assert row_of(left)["candidates"] == []


def test_a_socket_without_an_owner_says_why() -> None:
    orphan = row_of(make_socket("TIME_WAIT"))
    assert (orphan["owners"], orphan["no_owner"]) == ([], "orphan")
    assert (orphan["uid"], orphan["user"], orphan["inode"]) == (None, None, None)
    assert row_of(LEAK)["no_owner"] == "gone"
    assert row_of(LEAK, unreadable=3)["no_owner"] == "hidden"
    assert row_of(LEAK, owners_read=False)["no_owner"] == "unread"


def test_findings_are_of_the_whole_table() -> None:
    found = Finding("leak", "critical", "Says \u202e", ("One.", "Two."), ("Do.",), CLOSE_WAIT, "cw", "pid:1:1", 1, True)
    bare = Finding("listen-drops", "notice", "Dropped")
    table = make_table(make_snapshot([LEAK]))
    table.findings = (found, bare)
    text = "".join(json_pieces(table, [], []))
    assert text.replace("\n", "").isascii()
    assert json.loads(text)["findings"] == [
        {
            "kind": "leak",
            "urgency": "critical",
            "title": "Says \u202e",
            "facts": ["One.", "Two."],
            "remedies": ["Do."],
            "state": "CLOSE_WAIT",
            "filter": "cw",
            "pid": 1,
            "certain": True,
        },
        {
            "kind": "listen-drops",
            "urgency": "notice",
            "title": "Dropped",
            "facts": [],
            "remedies": [],
            "state": None,
            "filter": "",
            "pid": None,
            "certain": False,
        },
    ]


@given(st.floats(0, 1e9), st.floats(0, 1e6))
def test_an_age_is_rounded_to_a_tenth_that_keeps_its_bounds_true(seconds: float, more: float) -> None:
    age = Age(seconds, seconds + more)
    with pytest.MonkeyPatch.context() as patch:
        table = make_table(make_snapshot([LEAK]))
        patch.setattr(table, "age", lambda _s: age)
        (row,) = json.loads("".join(json_pieces(table, [LEAK], [])))["sockets"]
    least, most = row["age_s"]["at_least"], row["age_s"]["at_most"]
    assert age.at_least - 0.11 < least <= age.at_least
    assert age.at_most is not None and age.at_most <= most < age.at_most + 0.11
    assert (round(least, 1), round(most, 1)) == (least, most)


def test_an_age_that_is_not_known_is_null() -> None:
    table = make_table(make_snapshot([LEAK]))
    row = row_of(LEAK, clock=5.0)
    assert row["age_s"] == {"at_least": 0.0, "at_most": None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "age", lambda _s: None)
        (row,) = json.loads("".join(json_pieces(table, [LEAK], [])))["sockets"]
    assert row["age_s"] is None


def test_each_row_has_its_own_age_and_address_however_much_it_shares_with_others() -> None:
    fresh = make_socket("ESTABLISHED", "10.0.0.7:8081")
    states = [make_socket("TIME_WAIT", f"10.0.0.7:{port}", time_left=60.0 - port) for port in (1, 2)]
    bare = [make_socket("LISTEN", end)._replace(remote_address=b"") for end in ("[::]:80", "0.0.0.0:80")]
    before = make_snapshot([LEAK, *bare], clock=1)
    table = make_table(before, make_snapshot([LEAK, fresh, *states, *bare], clock=5))
    rows = json.loads("".join(json_pieces(table, table.snapshot.sockets, [])))["sockets"]
    ages = [{"at_least": a, "at_most": b} for a, b in ((4, None), (0, 4), (1, 1), (2, 2), (4, None), (4, None))]
    assert [row["age_s"] for row in rows] == ages
    assert [row["remote"]["address"] for row in rows[-2:]] == ["::", "0.0.0.0"]


def test_what_a_source_does_not_know_is_null() -> None:
    row = row_of(LEAK._replace(recv_q=None, send_q=None, uid=4242, inode=-7, cookie=-7))
    unknown = {name for name, value in row.items() if value is None}
    assert unknown == {"recv_q", "send_q", "user", "inode", "cookie"}
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
