"""The printed table: aligned, whole, plain, and harmless whatever a process calls itself."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sockview.model.clean_text import clean
from sockview.model.format_text import cell_width
from sockview.model.inet_socket import InetSocket
from sockview.model.snapshot import Snapshot
from sockview.output.table import ROWS_PER_PIECE, table_pieces
from tests.model.builders import make_process, make_snapshot, make_socket, make_table

LEAK = make_socket("CLOSE_WAIT", "10.0.0.7:8080", "10.2.3.4:51234", recv_q=1)
LONG = make_socket("ESTABLISHED", "[2001:db8:1111:2222:3333:4444:5555:6666]:50000", "[2001:db8::1]:443", recv_q=123456)


def lines_of(snapshot: Snapshot, sockets: Sequence[InetSocket] | None = None) -> list[str]:
    pieces = table_pieces(make_table(snapshot), snapshot.sockets if sockets is None else sockets)
    return "".join(pieces).splitlines()


def test_a_header_and_a_line_a_socket() -> None:
    header, line = lines_of(make_snapshot([LEAK], {make_process(7306, "gunicorn"): [LEAK]}))
    assert header.split() == ["PROTO", "STATE", "AGE", "LOCAL", "REMOTE", "RECV-Q", "SEND-Q", "PID", "PROCESS", "USER"]
    assert line.split()[1:2] + line.split()[3:] == [
        "CLOSE_WAIT", "10.0.0.7:8080", "10.2.3.4:51234", "1", "0", "7306", "gunicorn", "www-data",
    ]  # fmt: skip


def test_nothing_is_cut_however_long() -> None:
    name = "a-process-with-a-name-much-longer-than-any-column-of-any-screen " * 3
    text = "\n".join(lines_of(make_snapshot([LEAK, LONG], {make_process(7306, name): [LEAK, LONG]})))
    assert text.count(name.strip()) == 2
    assert "[2001:db8:1111:2222:3333:4444:5555:6666]:50000" in text
    assert "…" not in text


def test_columns_start_below_each_other_and_numbers_end_so() -> None:
    wide = make_process(7306, "データベース")
    lines = lines_of(make_snapshot([LEAK, LONG], {wide: [LEAK], make_process(1, "x"): [LONG]}))
    columns = [cell_width(line[: line.rindex(user)]) for line, user in zip(lines, ["USER", "www", "www"], strict=True)]
    assert len(set(columns)) == 1
    ends = [line.index(text) + len(text) for line, text in zip(lines, ["RECV-Q", " 1 ", "123,456"], strict=True)]
    assert ends[0] == ends[1] - 1 == ends[2]


def test_an_empty_table_is_its_header() -> None:
    assert len(lines_of(make_snapshot())) == 1


def test_every_row_in_the_given_order() -> None:
    sockets = [make_socket(local=f"10.0.0.7:{10_000 + number}") for number in range(2 * ROWS_PER_PIECE)]
    lines = lines_of(make_snapshot(sockets), sockets[::-1])
    assert [line.split()[3] for line in lines[1:]] == [f"10.0.0.7:{s.local_port}" for s in reversed(sockets)]


@given(st.text(min_size=1), st.text())
def test_no_name_reaches_the_terminal_raw(name: str, user: str) -> None:
    # Raw, as if it had not been cleaned at the entrance.
    lines = "".join(
        table_pieces(make_table(make_snapshot([LEAK], {make_process(1, name): [LEAK]}, users={33: user})), [LEAK])
    ).split("\n")
    assert len(lines) == 3 and lines[2] == ""
    assert all(line == clean(line, len(line)) for line in lines)
