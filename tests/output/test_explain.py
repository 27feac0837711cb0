"""``sockview explain``: the card of a state in plain text, whatever the spelling and the terminal."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from sockview.errors import CollectError, UsageError
from sockview.model.cards import CARDS
from sockview.model.snapshot import Snapshot
from sockview.model.tcp_state import state_name
from sockview.output.explain import explain
from tests.model.builders import make_snapshot, make_socket


def look() -> Snapshot:
    sockets = [make_socket("CLOSE_WAIT", f"10.0.0.7:{8000 + number}") for number in range(3)]
    return make_snapshot(sockets, parameters={"net.ipv4.tcp_fin_timeout": "42"})


def explained(state: str, look: Callable[[], Snapshot] = look, width: int = 80) -> tuple[str, list[str]]:
    out, said = io.StringIO(), list[str]()
    explain(state, look, out, width, said.append)
    return out.getvalue(), said


@pytest.mark.parametrize("spelling", ["close-wait", "CLOSE_WAIT", "closewait", "cw", "close wait"])
def test_any_spelling_of_the_filter_will_do(spelling: str) -> None:
    text, said = explained(spelling)
    assert text.startswith("CLOSE_WAIT: 3 sockets now\n")
    assert "net.ipv4.tcp_fin_timeout = 42\n" in text
    assert said == []


@pytest.mark.parametrize(
    ("spelling", "name"), [("udp", "UNCONN"), ("syn-received", "SYN_RECV"), ("FIN-WAIT-1", "FIN_WAIT1")]
)
def test_names_of_the_rfc_and_udp(spelling: str, name: str) -> None:
    assert explained(spelling)[0].startswith(f"{name}: no sockets now\n")


def test_without_a_state_all_are_listed() -> None:
    def no_look() -> Snapshot:
        raise AssertionError("the list needs no look at the sockets")

    text, said = explained("", no_look)
    assert [line.split()[0] for line in text.splitlines()] == [state_name(card.state) for card in CARDS]
    assert max(map(len, text.splitlines())) <= 76
    assert len(said) == 1 and "sockview explain close-wait" in said[0]


@pytest.mark.parametrize(
    ("state", "hint"),
    [
        ("tiem-wait", "did you mean time_wait?"),
        ("zzzz", "write one such as cw, tw, established or listen."),
        ("state_14", "write one such as cw, tw, established or listen."),
        ("\x1b[31mcw", "'\\x1b[31mcw'"),
    ],
)
def test_an_unknown_state_is_one_sentence_with_a_hint(state: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        explained(state)
    assert hint in str(caught.value)
    assert str(caught.value).isprintable()


def test_without_sockets_to_count_the_card_comes_all_the_same() -> None:
    def refuse() -> Snapshot:
        raise CollectError("sock_diag cannot be opened: try elsewhere.")

    text, said = explained("cw", refuse)
    assert text.startswith("CLOSE_WAIT\nThe peer has sent its FIN")
    assert "net.ipv4.tcp_fin_timeout is not known here\n" in text
    assert said == ["sock_diag cannot be opened: try elsewhere."]


def test_an_incomplete_table_is_not_counted() -> None:
    text, _ = explained("cw", lambda: make_snapshot([make_socket("CLOSE_WAIT")], complete=False))
    assert text.startswith("CLOSE_WAIT\n")


@pytest.mark.parametrize(("width", "most"), [(80, 80), (200, 100)])
def test_lines_are_no_longer_than_can_be_read(width: int, most: int) -> None:
    longest = max(map(len, explained("tw", width=width)[0].splitlines()))
    assert most - 10 < longest <= most


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_output_without_lines_and_arrows_gets_ascii(encoding: str) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace")
    explain("cw", look, out, 80, lambda _: None)
    text = raw.getvalue().decode("ascii")
    assert "you are here > CLOSE_WAIT | ----- ACK -----> | FIN_WAIT2" in text
    assert "\\x" not in text and "\\u" not in text
