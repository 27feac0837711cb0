"""What the kernel allows and what it counted: the numbers that findings and state cards stand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class DescriptorUse(NamedTuple):
    """How many descriptors a process has, and may have."""

    used: int
    limit: int | None
    """Soft RLIMIT_NOFILE (getrlimit(2)); None: not readable, or unlimited."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Parameters and counters of this network namespace; what could not be read is absent."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    """sysctl name -> cleaned text, such as ``net.ipv4.tcp_fin_timeout`` -> ``60`` (ip-sysctl.rst)."""
    counters: Mapping[str, int] = field(default_factory=dict)
    """TcpExt counters of ``/proc/net/netstat``: ListenOverflows, ListenDrops, TCPTimeWaitOverflow ..."""

    def number(self, name: str) -> int | None:
        """A parameter that is one whole number; None where it is not known."""
        try:
            return int(self.parameters.get(name, ""))
        except ValueError:
            return None

    @property
    def ephemeral_ports(self) -> tuple[int, int] | None:
        """First and last port of ``net.ipv4.ip_local_port_range``."""
        parts = self.parameters.get("net.ipv4.ip_local_port_range", "").split()
        if len(parts) != 2 or not all(part.isascii() and part.isdecimal() for part in parts):
            return None
        return int(parts[0]), int(parts[1])
