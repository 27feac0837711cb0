"""The values of a filter: numbers, port ranges, comparisons, durations, addresses.

Each function takes one value as the user wrote it and gives what it means, or raises FilterError
with what is wrong and what would be right.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sockview.model.filter_words import Value
from sockview.model.inet_socket import address_text, fold_mapped, is_loopback

MAX_PORT: Final = 65535
#: More digits than any number the kernel reports (64 bits).
_MAX_DIGITS: Final = 19

_COMPARISON: Final = re.compile(r"(>=|<=|>|<|=)?(.*)\Z", re.DOTALL)
_SIZES: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"(?:[0-9]{1,9}[smhd])+\Z")
_DURATION_PART: Final = re.compile(r"([0-9]{1,9})([smhd])")

_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """``>0``: an operator and a number (bytes or seconds)."""

    sign: str
    number: int
    unit: int = 1
    """The smallest unit that was written; ``=5m`` means the whole fifth minute."""

    def holds(self, number: float) -> bool:
        return _OPERATORS[self.sign](number, self.number)


def is_number(text: str) -> bool:
    """Whether it is a decimal number of ASCII digits, short enough to be one of the kernel's."""
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def parse_ports(value: Value, text: str | None = None) -> frozenset[int]:
    """``8080`` or ``8000-8100``: the ports meant. `text` is the part of the value that is the port."""
    written = value.text if text is None else text
    first, dash, last = written.partition("-")
    if dash and not last:
        raise value.error(f"the port range '{value.shown}' needs an end, such as 8000-8100")
    for number in (first, last) if dash else (first,):
        if not is_number(number):
            raise value.error(f"'{value.shown}' is not a port: write a number or a range such as 8000-8100")
        if int(number) > MAX_PORT:
            raise value.error(f"there is no port {number}: ports go up to {MAX_PORT}")
    low, high = int(first), int(last) if dash else int(first)
    if low > high:
        raise value.error(f"the port range '{value.shown}' runs backwards: write {high}-{low}")
    return frozenset(range(low, high + 1))


def parse_bytes(value: Value, key: str) -> Comparison:
    """``>0``, ``<=64k``, ``12``: a comparison with a number of bytes; no sign means equal."""
    sign, written = _split_sign(value)
    number, size = (written[:-1], written[-1:].lower()) if written[-1:].lower() in ("k", "m", "g") else (written, "")
    if not is_number(number):
        raise value.error(f"{key}: needs a number of bytes, such as {key}:>0 or {key}:>=64k")
    return Comparison(sign or "=", int(number) * _SIZES[size])


def parse_count(value: Value, key: str) -> Comparison:
    """``>=3``, ``0``: a comparison with a number; no sign means equal."""
    sign, written = _split_sign(value)
    if not is_number(written):
        raise value.error(f"{key}: needs a number, such as {key}:>=3")
    return Comparison(sign or "=", int(written))


def parse_duration(value: Value, key: str) -> Comparison:
    """``>5m``, ``<=1h30m``, ``=12m``: a comparison with a time in seconds; a sign is needed."""
    sign, written = _split_sign(value)
    if not sign:
        raise value.error(f"{key}: needs a comparison, such as {key}:>5m for longer than five minutes")
    if is_number(written) and len(written) <= 9:
        return Comparison(sign, int(written))
    if not _DURATION.match(written.lower()):
        raise value.error(f"{key}: needs a time after '{sign}', such as {key}:{sign}5m or {key}:{sign}1h30m (s m h d)")
    parts = [(int(count), _SECONDS[unit]) for count, unit in _DURATION_PART.findall(written.lower())]
    return Comparison(sign, sum(count * unit for count, unit in parts), min(unit for _, unit in parts))


def _split_sign(value: Value) -> tuple[str, str]:
    found = _COMPARISON.match(value.text)
    return (found[1] or "", found[2]) if found else ("", value.text)


# ------------------------------------------------------------------ addresses
@dataclass(frozen=True, slots=True)
class ExactAddress:
    """One address of 4 or 16 bytes, IPv4-mapped ones folded."""

    address: bytes

    def matches(self, address: bytes) -> bool:
        return address == self.address


@dataclass(frozen=True, slots=True)
class Network:
    """A CIDR block. A block of one family never holds an address of the other."""

    prefix: int
    """The network's leading bits as a number."""
    shift: int
    """How many trailing bits are free."""
    size: int
    """4 or 16: bytes of its addresses."""

    def matches(self, address: bytes) -> bool:
        return len(address) == self.size and int.from_bytes(address, "big") >> self.shift == self.prefix


@dataclass(frozen=True, slots=True)
class AddressText:
    """Part of an address as it is shown."""

    text: str
    """Lower case."""

    @property
    def possible(self) -> bool:
        """Whether any address can hold it: most words can't, and then no address need be written out."""
        return set(self.text) <= _ADDRESS_CHARS

    def matches(self, address: bytes) -> bool:
        return self.text in address_text(address)


@dataclass(frozen=True, slots=True)
class Loopback:
    """127.0.0.0/8 or ::1."""

    def matches(self, address: bytes) -> bool:
        return is_loopback(address)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``10.0.0.7:8080``: an address with a port."""

    address: bytes
    port: int


_ADDRESS_CHARS: Final = frozenset("0123456789abcdef:.*")
_V4_ENDPOINT: Final = re.compile(r"([0-9]+(?:\.[0-9]+){3}):(.*)\Z", re.DOTALL)
_V6_BRACKETS: Final = re.compile(r"\[([^\]]*)\](?::(.*))?\Z", re.DOTALL)

WholeAddress = ExactAddress | Network | Endpoint
AddressMatcher = ExactAddress | Network | AddressText | Loopback


def parse_address(value: Value) -> WholeAddress | None:
    """A whole address, block or endpoint; None for text that is none of them.

    Raises FilterError for what begins as one and goes wrong: ``10.0.0.0/33``, ``[::1]:http``.
    """
    text = value.text
    bracketed = _V6_BRACKETS.match(text)
    if bracketed or text.startswith("["):
        return _bracketed(value, bracketed)
    if found := _V4_ENDPOINT.match(text):
        address = _packed(found[1])
        return Endpoint(address, _port(value, found[2])) if address else None
    host, slash, bits = text.partition("/")
    address = _packed(host)
    if address is None:
        if "%" in host and _packed(host.partition("%")[0]):
            raise value.error("addresses are kept without their zone: leave out what follows %")
        return None
    return _network(value, host, bits) if slash else ExactAddress(address)


def _bracketed(value: Value, found: re.Match[str] | None) -> WholeAddress:
    address = _packed(found[1]) if found else None
    if found is None or address is None:
        raise value.error(f"'{value.shown}' is not an address: write it as [::1] or [::1]:443")
    return ExactAddress(address) if found[2] is None else Endpoint(address, _port(value, found[2]))


def _port(value: Value, text: str) -> int:
    """The port of an endpoint; ``*`` is shown for 0."""
    if text == "*":
        return 0
    if "-" in text:
        raise value.error("an address takes one port: write the range as its own word, such as port:8000-8100")
    return min(parse_ports(value, text))


def _packed(text: str) -> bytes | None:
    if "%" in text:
        return None
    try:
        return fold_mapped(ipaddress.ip_address(text).packed)
    except ValueError:
        return None


def _network(value: Value, host: str, bits: str) -> Network:
    size = len(ipaddress.ip_address(host).packed)
    if not is_number(bits) or int(bits) > size * 8:
        raise value.error(f"'{value.shown}' is not a network: after / write the prefix length, 0 to {size * 8}")
    packed, length = ipaddress.ip_address(host).packed, int(bits)
    folded = fold_mapped(packed)
    if len(folded) < size and length >= 96:
        packed, size, length = folded, 4, length - 96
    shift = size * 8 - length
    return Network(int.from_bytes(packed, "big") >> shift, shift, size)
