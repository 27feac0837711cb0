"""Where the facts on the cards are from, named once."""

from __future__ import annotations

from typing import Final

OVERVIEW: Final = "RFC 9293, 3.3.2 State Machine Overview"
OPENING: Final = "RFC 9293, 3.5 Establishing a Connection"
CLOSING: Final = "RFC 9293, 3.6 Closing a Connection"
QUIET: Final = "RFC 9293, 3.4.2 Knowing When to Keep Quiet"
FAILURES: Final = "RFC 9293, 3.8.3 TCP Connection Failures"
KEEP_ALIVE: Final = "RFC 9293, 3.8.4 TCP Keep-Alives"
WINDOW: Final = "RFC 9293, 3.8.6 Managing the Window"
TCP_7: Final = "tcp(7)"
IP_SYSCTL: Final = "Linux documentation, networking/ip-sysctl"
