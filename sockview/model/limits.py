"""What the kernel allows and what it counted: the numbers that findings and state cards stand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

#: The kernel parameters that findings and state cards speak of, by their sysctl names
#: (``Documentation/networking/ip-sysctl.rst`` and ``admin-guide/sysctl/net.rst`` of the kernel).
PARAMETERS: Final = (
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.core.somaxconn",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_orphan_retries",
    "net.ipv4.tcp_retries1",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_rfc1337",
    "net.ipv4.tcp_syn_linear_timeouts",
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_synack_retries",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_tw_reuse_delay",
)

#: The TcpExt counters that they speak of (``Documentation/networking/snmp_counter.rst``).
COUNTERS: Final = (
    "EmbryonicRsts",
    "ListenDrops",
    "ListenOverflows",
    "SyncookiesFailed",
    "SyncookiesRecv",
    "SyncookiesSent",
    "TCPAbortOnClose",
    "TCPAbortOnData",
    "TCPAbortOnLinger",
    "TCPAbortOnMemory",
    "TCPAbortOnTimeout",
    "TCPBacklogDrop",
    "TCPReqQFullDoCookies",
    "TCPReqQFullDrop",
    "TCPTimeWaitOverflow",
    "TCPTimeouts",
    "TW",
    "TWKilled",
    "TWRecycled",
)


class DescriptorUse(NamedTuple):
    """How many descriptors a process has, and may have."""

    used: int
    limit: int | None
    """Soft RLIMIT_NOFILE (getrlimit(2)); None: not readable, or unlimited."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Parameters and counters of this network namespace; what could not be read is absent."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    """One of `PARAMETERS` -> cleaned text with single blanks: ``net.ipv4.tcp_fin_timeout`` -> ``60``."""
    counters: Mapping[str, int] = field(default_factory=dict)
    """One of `COUNTERS` -> its value in ``/proc/net/netstat``, counted since the namespace was made."""

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
