"""The states of the side that closes first, before TIME_WAIT: FIN_WAIT1, FIN_WAIT2 and CLOSING."""

from __future__ import annotations

from typing import Final

from sockview.model import tcp_state
from sockview.model.cards import sources
from sockview.model.state_card import Check, Parameter, Remedy, StateCard, beside, lost, received, sent

_ORPHAN_RETRIES: Final = Parameter(
    "net.ipv4.tcp_orphan_retries",
    "how often a socket without process repeats its FIN; 0 counts as 8, which is over 100 s",
)
_TIMER_SOURCE: Final = "Linux net/ipv4/tcp_timer.c: tcp_orphan_retries()"

FIN_WAIT1_CARD: Final = StateCard(
    state=tcp_state.FIN_WAIT1,
    in_short="this side has closed; the peer has not acknowledged our FIN",
    meaning=(
        "This side has closed first. Its FIN is on the way, or stands behind data that is not sent yet; the"
        " acknowledgement is missing. After close() no process holds the socket, after shutdown() one still does."
    ),
    waits_for="the kernel waits for the peer's ACK, and repeats data and FIN until it gives up.",
    timeline=(
        beside("ESTABLISHED", "ESTABLISHED"),
        beside("close()"),
        lost("FIN_WAIT1", "FIN", "CLOSE_WAIT if it arrives", here=True),
        received("FIN_WAIT2", "ACK"),
        received("TIME_WAIT", "FIN", "close()  LAST_ACK"),
    ),
    reasons=(
        "For a moment: one round trip is normal, and on a busy server some are always there.",
        "The peer is gone without a word: switched off, out of the mobile net, VPN down.",
        "A firewall or NAT in between has forgotten the connection and drops what comes.",
        "The peer does not read: its window is 0, Send-Q is more than 1 and the FIN has to wait behind that data.",
    ),
    checks=(
        Check("ss -tnoi state fin-wait-1", "timer on: repeats; persist: the peer's window is 0; Send-Q: what is left"),
        Check("tcpdump -ni any host 10.2.3.4 and tcp port 443", "does the FIN leave, does anything come back?"),
        Check("grep TCP: /proc/net/sockstat", "orphan: the sockets without process; compare with tcp_max_orphans"),
    ),
    remedies=(
        Remedy(
            "The application has closed and can do no more. For peers that vanish, let the kernel notice before the"
            " close: keep-alive, or a limit for unacknowledged data in ms:",
            ("s.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)",),
        ),
        Remedy("A slow reader at the other end: mend it there, or send less before the close."),
    ),
    parameters=(
        _ORPHAN_RETRIES,
        Parameter("net.ipv4.tcp_retries2", "the same for a socket that a process holds; 15 is at least 924.6 s"),
        Parameter("net.ipv4.tcp_max_orphans", "above so many sockets without process new ones are reset at once"),
        Parameter("net.ipv4.tcp_fin_timeout", "does NOT apply yet: it limits FIN_WAIT2, the state after this one"),
    ),
    sources=(sources.CLOSING, sources.WINDOW, sources.TCP_7, sources.IP_SYSCTL, _TIMER_SOURCE),
)

FIN_WAIT2_CARD: Final = StateCard(
    state=tcp_state.FIN_WAIT2,
    in_short="this side has closed; the peer knows, but has not closed",
    meaning=(
        "This side has closed and the peer has acknowledged it, but the peer has not closed itself: over there the"
        " connection is in CLOSE_WAIT. Data of the peer may still come."
    ),
    waits_for=(
        "this side waits for the peer's process to call close(). Without a process (after close()) for"
        " tcp_fin_timeout seconds; held by one (after shutdown()) without limit."
    ),
    timeline=(
        beside("ESTABLISHED", "ESTABLISHED"),
        sent("close()  FIN_WAIT1", "FIN", "CLOSE_WAIT"),
        received("FIN_WAIT2", "ACK", "has to call close() now", here=True),
        received("TIME_WAIT", "FIN", "close()  LAST_ACK"),
        sent("", "ACK", "CLOSED"),
    ),
    reasons=(
        "The peer's process leaks CLOSE_WAIT: look there. A peer on this machine has its row in this table.",
        "The peer is still sending: a long answer after our shutdown() is what half-close is for.",
        "The peer vanished after its ACK, or its FIN is lost on the way.",
        "No process and less than a minute old: normal. Clients that close and do not wait leave them.",
        "A process holds it for long: it called shutdown(), and neither reads on nor closes.",
    ),
    checks=(
        Check("ss -tnpo state fin-wait-2", "with a process: half-closed; without: timer:(timewait,...) seconds left"),
        Check("ss -tnp state close-wait", "on the peer: which process does not close"),
        Check("lsof -nP -a -p PID -iTCP -sTCP:FIN_WAIT2", "the descriptor that shutdown() left open"),
    ),
    remedies=(
        Remedy("Mend the peer: see the card of CLOSE_WAIT."),
        Remedy(
            "After shutdown(), read to the end of file with a timeout, then close in any case. Python:",
            (
                "s.shutdown(socket.SHUT_WR); s.settimeout(10)",
                "try:",
                "    while s.recv(65536): pass",
                "finally: s.close()",
            ),
        ),
        Remedy("One socket shall wait shorter than the rest: TCP_LINGER2 in seconds, before close()."),
    ),
    parameters=(
        Parameter(
            "net.ipv4.tcp_fin_timeout",
            "seconds that a FIN_WAIT2 without a process lasts. One that a process holds has no limit, and TIME_WAIT"
            " is NOT shortened by it",
        ),
        Parameter("net.ipv4.tcp_max_orphans", "above so many sockets without process new ones are reset at once"),
        Parameter(
            "net.ipv4.tcp_keepalive_time",
            "finds a vanished peer of a socket that a process holds, with SO_KEEPALIVE only",
        ),
    ),
    sources=(sources.CLOSING, sources.TCP_7, sources.IP_SYSCTL),
)

CLOSING_CARD: Final = StateCard(
    state=tcp_state.CLOSING,
    in_short="both sides closed at once; the ACK of our FIN is missing",
    meaning=(
        "Both sides closed at the same moment and their FINs crossed. This side has the peer's FIN, but not yet the"
        " acknowledgement of its own. It is rare, and lasts one round trip."
    ),
    waits_for="the kernel waits for the peer's ACK of our FIN, and repeats the FIN until it gives up.",
    timeline=(
        beside("ESTABLISHED", "ESTABLISHED"),
        beside("close()  FIN_WAIT1", "close()  FIN_WAIT1"),
        sent("", "FIN", "CLOSING"),
        received("CLOSING", "FIN", here=True),
        sent("", "ACK", "TIME_WAIT"),
        received("TIME_WAIT", "ACK"),
    ),
    reasons=(
        "For a moment: both ends have the same idle timeout, or one message tells both to stop.",
        "It stays: the peer's ACK is lost and the peer is gone, or our FIN stands behind data that it does not take.",
    ),
    checks=(
        Check("ss -tno state closing", "timer:(on,...) shows the time to the next repeat and how many there were"),
        Check("tcpdump -ni any host 10.2.3.4 and tcp port 443", "does the FIN leave, does anything come back?"),
    ),
    remedies=(
        Remedy("Nothing to mend for one or two. Many: let one side, best the client, have the shorter idle timeout."),
    ),
    parameters=(
        _ORPHAN_RETRIES,
        Parameter("net.ipv4.tcp_fin_timeout", "does NOT apply: it limits FIN_WAIT2 without a process"),
    ),
    sources=("RFC 9293, 3.6 Closing a Connection, case 3", sources.IP_SYSCTL, _TIMER_SOURCE),
)
