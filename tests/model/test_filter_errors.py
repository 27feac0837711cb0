"""What a bad filter says, and where."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sockview.errors import UsageError
from sockview.model.filter import FILTER_KEYS, FilterError, parse_filter
from sockview.model.selection import Selection
from sockview.model.steps import finish
from tests.model.builders import busy_snapshot, make_table

ERRORS: list[tuple[str, str, str]] = [
    # text, what is marked, what is said
    ("port:", "port:", "port: needs a port number or a range, such as port:8000-8100"),
    ("cw lport:,80", "lport:,80", "lport: needs a port number or a range, such as lport:8080"),
    ('proc:""', 'proc:""', "proc: needs part of a process name, such as proc:gunicorn"),
    ("cw stat:cw", "stat:cw", "unknown key 'stat:', did you mean 'state:'?"),
    ("prot:80", "prot:80", "unknown key 'prot:', did you mean 'proto:'?"),
    ("zzzzz:1", "zzzzz:1", "unknown key 'zzzzz:', put the word in quotes to find it as text"),
    ("state:clos_wait", "clos_wait", "unknown state 'clos_wait', did you mean close_wait?"),
    ("state:cw,xyzzy", "xyzzy", "unknown state 'xyzzy', write one such as cw, tw, established or listen"),
    ("!proto:icmp", "icmp", "unknown protocol 'icmp', write one of tcp, udp, tcp4, tcp6, udp4, udp6"),
    ("port:http", "http", "'http' is not a port: write a number or a range such as 8000-8100"),
    ("port:1,70000", "70000", "there is no port 70000: ports go up to 65535"),
    ("port:8000-", "8000-", "the port range '8000-' needs an end, such as 8000-8100"),
    (":8100-8000", ":8100-8000", "the port range ':8100-8000' runs backwards: write 8000-8100"),
    (":x", ":x", "':x' is not a port: write a number or a range such as 8000-8100"),
    ("port:٣", "٣", "'٣' is not a port: write a number or a range such as 8000-8100"),
    ("pid:x", "x", "'x' is not a PID: write a number such as 7306, or none for sockets without owner"),
    ("recvq:>", ">", "recvq: needs a number of bytes, such as recvq:>0 or recvq:>=64k"),
    ("sendq:lots", "lots", "sendq: needs a number of bytes, such as sendq:>0 or sendq:>=64k"),
    ("age:5m", "5m", "age: needs a comparison, such as age:>5m for longer than five minutes"),
    ("age:>", ">", "age: needs a time after '>', such as age:>5m or age:>1h30m (s m h d)"),
    ("age:<=5w", "<=5w", "age: needs a time after '<=', such as age:<=5m or age:<=1h30m (s m h d)"),
    ("addr:10.0.0.0/33", "10.0.0.0/33", "'10.0.0.0/33' is not a network: after / write the prefix length, 0 to 32"),
    ("10.0.0.0/", "10.0.0.0/", "'10.0.0.0/' is not a network: after / write the prefix length, 0 to 32"),
    ("addr:web/24", "web/24", "'web/24' is not a network: write it as 10.0.0.0/8"),
    ("10.0.0.7:", "10.0.0.7:", "'10.0.0.7:' is not a port: write a number or a range such as 8000-8100"),
    ("[::1", "[::1", "'[::1' is not an address: write it as [::1] or [::1]:443"),
    ("raddr:[::g]:80", "[::g]:80", "'[::g]:80' is not an address: write it as [::1] or [::1]:443"),
    (
        "10.0.0.7:1-2",
        "10.0.0.7:1-2",
        "an address takes one port: write the range as its own word, such as port:8000-8100",
    ),
    ("fe80::1%eth0", "fe80::1%eth0", "addresses are kept without their zone: leave out what follows %"),
    ("nginx,port:80", "port:80", "a key cannot follow a comma: write port:80 as a word of its own"),
    ("cw !", "!", "'!' needs a word right after it, such as !cw"),
    ("-- cw", "--", "'-' needs a word right after it, such as -cw"),
    ("cw,", "cw,", "a word is missing: commas and quotes need text on each side, such as cw,tw"),
    ('nginx "wor', '"wor', 'a quote is opened and not closed: add another "'),
]


@pytest.mark.parametrize(("text", "marked", "sentence"), ERRORS, ids=[text for text, _, _ in ERRORS])
def test_says_what_is_wrong_and_where(text: str, marked: str, sentence: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert str(caught.value) == sentence
    assert text[caught.value.position : caught.value.position + caught.value.length] == marked


def test_it_is_wrong_usage() -> None:
    assert issubclass(FilterError, UsageError)


def test_hostile_text_is_harmless_in_the_sentence() -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter("state:\x1b[2J" + "x" * 1000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("text", ["1" * 5000, "port:" + "1" * 5000, "STATE" + "1" * 5000, "age:>" + "9" * 5000 + "d"])
def test_numbers_beyond_all_measure(text: str) -> None:
    try:
        parse_filter(text)
    except FilterError as error:
        assert error.length >= 1


_PIECES = st.sampled_from(
    [key.key + ":" for key in FILTER_KEYS]
    + [*'!-,":[]*%/<>=.', " ", "cw", "tw", "lo", "tcp6", "80", "8000-8100", "10.0.0.7", "::1", "fe80::", ">5m", "1h30m"]
)
_TEXTS = st.one_of(st.text(max_size=40), st.lists(_PIECES, max_size=12).map("".join))
_TABLE = make_table(busy_snapshot(5))


@settings(max_examples=400, deadline=None)
@given(_TEXTS)
@example("state:²")
@example("::/0,[::]:*")
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        chosen = parse_filter(text)
    except FilterError as error:
        assert 0 <= error.position < len(text)
        assert 1 <= error.length <= len(text) - error.position
        assert str(error).isprintable()
        return
    passing = finish(chosen.sieve_steps(Selection(_TABLE, _TABLE.snapshot.sockets))).sockets
    assert set(passing) <= set(_TABLE.snapshot.sockets)
    assert chosen.narrows(chosen)
    assert chosen.is_everything == (not text.strip())
