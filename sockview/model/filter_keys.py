"""The words of the filter language as data: parsing and the help are made from this table."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sockview.model.filter_logic import AnyOf
from sockview.model.filter_lookups import AgeTest, PidTest, ProcessTest, TextTest, UserTest
from sockview.model.filter_signs import parse_evidence, parse_silent, parse_timer, parse_tries
from sockview.model.filter_terms import (
    AddressTest,
    Condition,
    EndpointTest,
    Ends,
    PortTest,
    ProtocolTest,
    QueueTest,
    StateTest,
)
from sockview.model.filter_values import (
    AddressText,
    Endpoint,
    Loopback,
    is_number,
    parse_address,
    parse_bytes,
    parse_duration,
    parse_ports,
)
from sockview.model.filter_words import Value, known_as
from sockview.model.inet_socket import TCP, UDP
from sockview.model.tcp_state import BY_URGENCY, parse_state, state_name


@dataclass(frozen=True, slots=True)
class FilterKey:
    """A key of the language: what stands before a colon."""

    key: str
    needs: str
    """What its value is, after "needs": ``a port number or a range``."""
    meaning: str
    example: str
    """A word that parses."""
    parse: Callable[[Value], Condition]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BareWord:
    """A word without a key: documentation only, `bare_word` says what it means."""

    form: str
    meaning: str
    example: str


PROTOCOLS: Final[dict[str, tuple[int, int | None]]] = {
    "tcp": (TCP, None),
    "udp": (UDP, None),
    "tcp4": (TCP, 4),
    "tcp6": (TCP, 6),
    "udp4": (UDP, 4),
    "udp6": (UDP, 6),
}


def _state(value: Value) -> Condition:
    number = parse_state(value.text)
    if number is not None:
        return StateTest(frozenset({number}))
    raise value.error(f"unknown state '{value.shown}', {state_hint(value.text)}")


def state_hint(text: str) -> str:
    """What to write instead of a state that nobody knows."""
    names = [state_name(state).lower() for state in BY_URGENCY]
    close = difflib.get_close_matches(text[:40].lower(), names, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else "write one such as cw, tw, established or listen"


def _protocol(value: Value) -> Condition:
    found = PROTOCOLS.get(value.text.lower())
    if found is None:
        raise value.error(f"unknown protocol '{value.shown}', write one of {', '.join(PROTOCOLS)}")
    return ProtocolTest(*found)


def _ports(ends: Ends) -> Callable[[Value], Condition]:
    return lambda value: PortTest(ends, parse_ports(value))


def _address(ends: Ends) -> Callable[[Value], Condition]:
    def parse(value: Value) -> Condition:
        found = None if value.quoted else parse_address(value)
        if isinstance(found, Endpoint):
            return EndpointTest(ends, found)
        if found is None and not value.quoted and "/" in value.text:
            raise value.error(f"'{value.shown}' is not a network: write it as 10.0.0.0/8")
        return AddressTest(ends, AddressText(value.text.lower()) if found is None else found)

    return parse


def _pid(value: Value) -> Condition:
    if value.text.lower() == "none":
        return PidTest(frozenset(), ownerless=True)
    if not is_number(value.text):
        raise value.error(
            f"'{value.shown}' is not a PID: write a number such as 7306, or none for sockets without owner"
        )
    return PidTest(frozenset({int(value.text)}))


FILTER_KEYS: Final[tuple[FilterKey, ...]] = (
    FilterKey("state", "a state", "the state, in any spelling: cw, tw, close-wait, ESTAB", "state:cw,tw", _state),
    FilterKey("port", "a port number or a range", "the port of either end", "port:8000-8100", _ports(Ends.EITHER)),
    FilterKey("lport", "a port number or a range", "the local port", "lport:8080", _ports(Ends.LOCAL), ("sport",)),
    FilterKey("rport", "a port number or a range", "the remote port", "rport:5432", _ports(Ends.REMOTE), ("dport",)),
    FilterKey(
        "addr",
        "an address, a network, or part of an address",
        "the address of either end: whole, with its port, CIDR, or a part of its text",
        "addr:10.2.0.0/16",
        _address(Ends.EITHER),
    ),
    FilterKey(
        "laddr",
        "an address, a network, or part of an address",
        "the local address",
        "laddr:[::1]:443",
        _address(Ends.LOCAL),
        ("local", "src"),
    ),
    FilterKey(
        "raddr",
        "an address, a network, or part of an address",
        "the remote address",
        "raddr:10.2.3.4",
        _address(Ends.REMOTE),
        ("remote", "dst"),
    ),
    FilterKey(
        "pid", "a PID or none", "any process that owns it, certain or likely; none: no owner is known", "pid:7306", _pid
    ),
    FilterKey(
        "proc",
        "part of a process name",
        "the name of any process that owns it",
        "proc:gunicorn",
        lambda value: ProcessTest(value.text.casefold()),
        ("process",),
    ),
    FilterKey(
        "cmd",
        "part of a command line",
        "the command line of any process that owns it",
        'cmd:"worker [app]"',
        lambda value: ProcessTest(value.text.casefold(), name=False, command=True),
        ("command",),
    ),
    FilterKey(
        "user",
        "a login name or a user id",
        "the socket's user, by the whole name or the number",
        "user:www-data",
        lambda value: UserTest(value.text.casefold()),
        ("uid",),
    ),
    FilterKey(
        "proto",
        f"one of {', '.join(PROTOCOLS)}",
        "the protocol; tcp and udp mean both address families",
        "proto:tcp6",
        _protocol,
        ("netid",),
    ),
    FilterKey(
        "recvq",
        "a number of bytes, with > >= < <= =",
        "bytes that the process has not read (LISTEN: connections not yet accepted)",
        "recvq:>0",
        lambda value: QueueTest(True, parse_bytes(value, "recvq")),
    ),
    FilterKey(
        "sendq",
        "a number of bytes, with > >= < <= =",
        "bytes that the peer has not acknowledged (LISTEN: the accept queue's limit)",
        "sendq:>=64k",
        lambda value: QueueTest(False, parse_bytes(value, "sendq")),
    ),
    FilterKey(
        "age",
        "a time after > >= < <= or =",
        "time in the present state, only where it is certain; units s m h d",
        "age:>1h30m",
        lambda value: AgeTest(parse_duration(value, "age")),
    ),
    FilterKey(
        "evidence",
        "fd, traced, seen, listener or peer, or a reason such as hidden",
        "how its owner is known, or why none is: orphan hidden gone unread",
        "evidence:listener",
        parse_evidence,
    ),
    FilterKey(
        "timer",
        "retransmit, keepalive, timewait or window",
        "what the kernel's timer waits for; window: the peer to read",
        "timer:window",
        parse_timer,
    ),
    FilterKey(
        "tries", "a number, with > >= < <= =", "repetitions that the peer has not answered", "tries:>=3", parse_tries
    ),
    FilterKey(
        "silent",
        "a time after > >= < <= or =",
        "ESTABLISHED without keep-alive: time without a byte, where known",
        "silent:>2h",
        parse_silent,
    ),
)

BARE_WORDS: Final[tuple[BareWord, ...]] = (
    BareWord("STATE", "a state in any spelling", "cw"),
    BareWord("NUMBER", "a port of either end, or a PID, exactly", "8080"),
    BareWord(":PORT", "a port of either end", ":443"),
    BareWord("ADDRESS:PORT", "that endpoint at either end", "10.0.0.7:8080"),
    BareWord("ADDRESS or CIDR", "that address or network at either end", "10.2.0.0/16"),
    BareWord("PROTOCOL", "tcp udp tcp4 tcp6 udp4 udp6", "udp"),
    BareWord("lo", "loopback at either end", "lo"),
    BareWord("TEXT", "part of process name, command line, address or user, in any case", "nginx"),
    BareWord('"TEXT"', "the same for text with blanks, or that would mean something else", '"worker [app]"'),
)

_BY_NAME: Final[dict[str, FilterKey]] = {name: key for key in FILTER_KEYS for name in (key.key, *key.aliases)}


def find_key(name: str) -> FilterKey | None:
    """The key of that name or alias, in lower case and without ``-`` and ``_``."""
    return _BY_NAME.get(name)


def nearest_key(name: str) -> str | None:
    """The key that the user may have meant."""
    close = difflib.get_close_matches(name[:40], _BY_NAME, n=1, cutoff=0.5)
    return close[0] if close else None


def bare_word(value: Value) -> Condition:
    """What a word without a key means. Raises FilterError for a damaged port, address or misplaced key."""
    if not value.quoted and (found := _exact_meaning(value)):
        return found
    return TextTest(value.text.casefold())


def _exact_meaning(value: Value) -> Condition | None:
    text = value.text
    if text.lower() == "lo":
        return AddressTest(Ends.EITHER, Loopback())
    if found := PROTOCOLS.get(text.lower()):
        return ProtocolTest(*found)
    if is_number(text):
        number = int(text)
        return AnyOf((PortTest(Ends.EITHER, frozenset({number})), PidTest(frozenset({number}))))
    if (state := parse_state(text)) is not None:
        return StateTest(frozenset({state}))
    for prefix in (":", "*:"):
        if text.startswith(prefix) and not text.startswith("::"):
            return PortTest(Ends.EITHER, parse_ports(value, text.removeprefix(prefix)))
    address = parse_address(value)
    if isinstance(address, Endpoint):
        return EndpointTest(Ends.EITHER, address)
    if address is not None:
        return AnyOf((AddressTest(Ends.EITHER, address), TextTest(text.casefold(), addresses=False)))
    name, colon, _ = text.partition(":")
    if colon and known_as(name) in _BY_NAME:
        raise value.error(f"a key cannot follow a comma: write {value.shown} as a word of its own")
    return None
