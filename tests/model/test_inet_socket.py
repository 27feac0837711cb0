"""Addresses of a socket as text, and what they are."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model.inet_socket import (
    TCP,
    UDP,
    address_text,
    endpoint_text,
    fold_mapped,
    is_loopback,
    is_wildcard,
)
from tests.model.builders import make_socket


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


@pytest.mark.parametrize(
    ("address", "port", "text"),
    [
        ("10.0.0.7", 8080, "10.0.0.7:8080"),
        ("fe80::1", 443, "[fe80::1]:443"),
        ("0.0.0.0", 0, "0.0.0.0:*"),
        ("::", 0, "[::]:*"),
    ],
)
def test_an_endpoint_as_text(address: str, port: int, text: str) -> None:
    assert endpoint_text(packed(address), port) == text


def test_no_address() -> None:
    assert address_text(b"") == "*"
    assert endpoint_text(b"", 0) == "*:*"
    assert not is_loopback(b"")


@given(st.ip_addresses())
def test_the_text_of_an_address_leads_back_to_it(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert packed(address_text(address.packed)) == address.packed
    assert is_loopback(address.packed) == address.is_loopback
    assert is_wildcard(address.packed) == address.is_unspecified


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_its_ipv4_address(address: ipaddress.IPv4Address) -> None:
    assert fold_mapped(packed(f"::ffff:{address}")) == address.packed
    assert fold_mapped(address.packed) == address.packed


def test_other_addresses_are_not_folded() -> None:
    for text in ("::1", "::", "::10.0.0.7", "2001:db8::ffff:a00:7", "::fffe:10.0.0.7"):
        assert fold_mapped(packed(text)) == packed(text)


def test_loopback() -> None:
    assert is_loopback(packed("127.255.0.1"))
    assert is_loopback(packed("::1"))
    assert not is_loopback(packed("128.0.0.1"))
    assert not is_loopback(packed("::2"))
    assert not is_loopback(packed("1::1"))


def test_netid() -> None:
    assert make_socket(protocol=TCP).netid == "tcp"
    assert make_socket("UNCONN", protocol=UDP).netid == "udp"
