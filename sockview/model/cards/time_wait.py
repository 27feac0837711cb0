"""TIME_WAIT: the end of the side that closed first."""

from __future__ import annotations

from typing import Final

from sockview.model import tcp_state
from sockview.model.cards import sources
from sockview.model.state_card import Check, Parameter, Remedy, StateCard, beside, received, sent

TIME_WAIT_CARD: Final = StateCard(
    state=tcp_state.TIME_WAIT,
    in_short="this side closed first; the kernel remembers the ends for 60 s",
    meaning=(
        "This side closed first, and all is said. The kernel remembers the two ends for 60 s, so that a late segment is"
        " not taken for a new connection's and a FIN that the peer repeats is still answered. It is normal and cheap:"
        " no process, no descriptor, a few hundred bytes."
    ),
    waits_for="nobody waits, only the clock runs. It goes by itself 60 s after the peer's last FIN.",
    timeline=(
        beside("ESTABLISHED", "ESTABLISHED"),
        sent("close()  FIN_WAIT1", "FIN", "CLOSE_WAIT"),
        received("FIN_WAIT2", "ACK"),
        received("TIME_WAIT", "FIN", "close()  LAST_ACK", here=True),
        sent("", "ACK", "CLOSED"),
        beside("60 s later: gone"),
    ),
    reasons=(
        "It always stays for 60 s, a constant of the Linux kernel. Their number is 60 times the connections that this"
        " side closes a second: 500 a second are 30,000 rows, and that alone is no fault.",
        "Remote port always the same (a database, an API): this side is a client that opens a connection for each"
        " request and closes it. Each TIME_WAIT keeps a local port from being used to that remote again.",
        "Local port always the same: this side is a server that closes after each answer (Connection: close, HTTP/1.0,"
        " a short keep-alive time). They take no local port: harmless.",
        "Health checks and monitors that connect and close once a second.",
        "It hurts only where connect() fails with 'Cannot assign requested address' (all local ports to one remote are"
        " taken), where tcp_max_tw_buckets is reached, or where a server that starts again without SO_REUSEADDR gets"
        " 'Address already in use'.",
    ),
    checks=(
        Check(
            "ss -Htn state time-wait | awk '{print $4}' | sort | uniq -c | sort -n",
            "how many to each remote end; compare with the number of local ports",
        ),
        Check("ss -tno state time-wait", "timer:(timewait,42sec,0): the seconds left"),
        Check("nstat -az TcpExtTCPTimeWaitOverflow", "grows: tcp_max_tw_buckets is reached"),
        Check("grep TCP: /proc/net/sockstat", "tw: the number in this network namespace"),
    ),
    remedies=(
        Remedy(
            "Keep connections open and use them again: one client with a pool for the whole program, not one for each"
            " request. Python requests, Go (read the body to its end, or it is not used again), Node, nginx:",
            (
                "session = requests.Session()   # once; then session.get(...)",
                "io.Copy(io.Discard, resp.Body); resp.Body.Close()",
                "transport.MaxIdleConnsPerHost = 100   // 2 by default",
                "new http.Agent({ keepAlive: true })   // Node 19: globalAgent has it",
                "upstream app { server 10.0.0.8:8080; keepalive 32; }",
                'proxy_http_version 1.1; proxy_set_header Connection "";',
            ),
        ),
        Remedy("In Java one HttpClient for the program; for databases a pool such as HikariCP, in Python pool_size."),
        Remedy("Servers: a longer keep-alive time, and let the client close first where the protocol allows it."),
        Remedy(
            "'Address already in use' at a restart: before bind(). Go, Node, Java and Python's create_server() do it.",
            ("s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)",),
        ),
        Remedy("Ports still run out: more remote or local addresses, or a wider ip_local_port_range."),
        Remedy("Not this: SO_LINGER with 0 s. It leaves no TIME_WAIT because it resets the peer, and data is lost."),
    ),
    parameters=(
        Parameter("net.ipv4.tcp_fin_timeout", "does NOT shorten TIME_WAIT: it limits FIN_WAIT2 without a process"),
        Parameter(
            "net.ipv4.tcp_tw_reuse",
            "0 never; 1: connect() may take the port of a TIME_WAIT that is older than about a second; 2: on loopback"
            " only. For outgoing connections, and with timestamps at both ends; it frees no server's port.",
        ),
        Parameter("net.ipv4.tcp_timestamps", "0 makes tcp_tw_reuse useless"),
        Parameter(
            "net.ipv4.tcp_max_tw_buckets",
            "above so many a closed socket skips TIME_WAIT: a guard against attacks, do not lower it",
        ),
        Parameter(
            "net.ipv4.ip_local_port_range",
            "first and last local port for connect(), for each remote address and port anew",
        ),
    ),
    no_parameter="No kernel parameter shortens TIME_WAIT. tcp_tw_recycle broke clients behind NAT; gone since 4.12.",
    sources=(
        sources.CLOSING,
        sources.QUIET,
        sources.TCP_7,
        sources.IP_SYSCTL,
        "Linux include/net/tcp.h: TCP_TIMEWAIT_LEN",
    ),
)
