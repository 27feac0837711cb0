"""The states before a connection: LISTEN, SYN_SENT and SYN_RECV."""

from __future__ import annotations

from typing import Final

from sockview.model import tcp_state
from sockview.model.cards import sources
from sockview.model.state_card import Check, Parameter, Remedy, StateCard, beside, lost, received, sent

_SOMAXCONN: Final = Parameter(
    "net.core.somaxconn",
    "listen() cuts its backlog to this; a socket that listens already keeps its limit until the program restarts",
)
_SYN_BACKLOG: Final = Parameter(
    "net.ipv4.tcp_max_syn_backlog",
    "half-open connections of a listener where syncookies are off; where they are on, its backlog is the limit",
)
_SYNCOOKIES: Final = Parameter(
    "net.ipv4.tcp_syncookies",
    "1: with too many half-open connections it answers without remembering them; 0: it drops the SYN",
)
_ABORT: Final = Parameter(
    "net.ipv4.tcp_abort_on_overflow",
    "what a full accept queue does. 0: silence, the client tries again; 1: a reset. Neither makes accept() faster",
)

LISTEN_CARD: Final = StateCard(
    state=tcp_state.LISTEN,
    in_short="a process waits here for connections; it stays so, by design",
    meaning=(
        "A process has called listen(). This is no connection but a service that is up, and it stays in LISTEN until"
        " the process closes it or ends. Recv-Q is the number of connections that wait for accept(), Send-Q the most"
        " that may wait."
    ),
    waits_for="the process waits for clients; where Recv-Q is not 0, clients wait for the process to call accept().",
    timeline=(
        beside("bind(), listen()"),
        beside("LISTEN", here=True),
        received("", "SYN", "connect()  SYN_SENT"),
        sent("SYN_RECV", "SYN+ACK"),
        received("ESTABLISHED, queued", "ACK", "ESTABLISHED"),
        beside("accept()  a new descriptor"),
        beside("LISTEN, as before"),
    ),
    reasons=(
        "By design: every connection becomes a socket of its own beside it, and LISTEN itself never changes.",
        "No client gets through, and it is bound to 127.0.0.1 or [::1]: then this machine alone reaches it. On"
        " 0.0.0.0 all IPv4 addresses of this machine do; on [::] usually those of IPv4 too.",
        "No client gets through, and a firewall, a security group or a container port that is not published drops"
        " the SYN: clients wait in SYN_SENT. 'Connection refused' is something else: on that address and port nobody"
        " listens, or a firewall rejects.",
        "Recv-Q is above Send-Q: the accept queue is full. The process does not call accept() (blocked, stopped, no"
        " descriptors left: EMFILE); further SYNs are dropped, and clients need seconds or give up.",
        "The program has ended, but a child still holds the descriptor: 'Address already in use' at the next start.",
        "Several processes listen on the port (SO_REUSEPORT), and the connections go to the others.",
    ),
    checks=(
        Check("ss -ltnp 'sport = :8080'", "addresses, queue (Recv-Q of Send-Q), every process that holds it"),
        Check("nstat -az TcpExtListenOverflows TcpExtListenDrops", "grow: connections lost at a full queue"),
        Check("nc -vz 127.0.0.1 8080", "here; then from the client with this machine's address: what is between them?"),
        Check(
            "tcpdump -ni any 'tcp port 8080 and tcp[tcpflags] & tcp-syn != 0'",
            "SYNs come in? none: routing or a firewall before; without answer: a firewall here, or a full queue",
        ),
        Check("nft list ruleset   or   iptables -L -n -v", "the rule that drops it"),
        Check("strace -f -p PID -e trace=accept,accept4", "is accept() called, does it fail with EMFILE?"),
    ),
    remedies=(
        Remedy(
            "Bind to the address that clients use. Python, Go, Node:",
            (
                'server = socket.create_server(("0.0.0.0", 8080), backlog=1024)',
                'ln, err := net.Listen("tcp", ":8080")',
                'server.listen(8080, "0.0.0.0")',
            ),
        ),
        Remedy(
            "'Address already in use' at a restart: before bind(); it does not help while another socket listens.",
            ("s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)",),
        ),
        Remedy(
            "Bursts fill the queue: raise the backlog and somaxconn together, then restart. Defaults are small: Java"
            " 50, Python's socketserver 5 (request_queue_size), Node and nginx 511.",
        ),
        Remedy(
            "Accept in a loop that does nothing else; hand the work on. Raise `ulimit -n` before descriptors run out."
        ),
    ),
    parameters=(_SOMAXCONN, _SYN_BACKLOG, _SYNCOOKIES, _ABORT),
    sources=(sources.OVERVIEW, sources.OPENING, "listen(2)", sources.TCP_7, sources.IP_SYSCTL),
)

SYN_SENT_CARD: Final = StateCard(
    state=tcp_state.SYN_SENT,
    in_short="connect() has sent its SYN; nobody has answered yet",
    meaning=(
        "A process here has called connect(), the SYN is sent, and nothing has come back: no answer, no refusal."
        " Where somebody answers this lasts one round trip."
    ),
    waits_for="the process, in connect(), waits for the remote machine. The kernel repeats the SYN until it gives up.",
    timeline=(
        beside("connect()"),
        lost("SYN_SENT", "SYN", "LISTEN if it arrives", here=True),
        lost("again, and again", "SYN"),
        received("", "SYN+ACK", "SYN_RECV"),
        sent("ESTABLISHED", "ACK", "ESTABLISHED"),
    ),
    reasons=(
        "A firewall or a security group drops the SYN. (One that rejects, or a port where nobody listens, answers at"
        " once: 'Connection refused' or 'No route to host'.)",
        "The address is wrong or old, the machine is down, or its answers take a way that leads nowhere.",
        "The server's accept queue is full: it drops the SYN on purpose.",
        "A NAT gateway or connection tracking table on the way is full.",
    ),
    checks=(
        Check("ss -tnpo state syn-sent", "process, remote end, timer:(on,3sec,2): two repeats, the next in 3 s"),
        Check("nc -vz -w 3 10.2.3.4 443", "refused, no route, or silence?"),
        Check(
            "tcpdump -ni any 'host 10.2.3.4 and tcp[13] & 6 != 0'",
            "SYN and RST only: does the SYN leave, does anything come back?",
        ),
        Check("ip route get 10.2.3.4", "by which interface and with which local address"),
        Check("ss -ltn 'sport = :443'", "on the server: does it listen on that address, is its queue full?"),
    ),
    remedies=(
        Remedy(
            "A timeout of your own for connect(), some seconds, and then another address. Python, Go, Java:",
            (
                "socket.create_connection((host, port), timeout=3)",
                "d := net.Dialer{Timeout: 3 * time.Second}",
                "s.connect(address, 3000)",
            ),
        ),
        Remedy("Try again with growing pauses: a server whose queue is full gets worse by retries at once."),
    ),
    parameters=(
        Parameter(
            "net.ipv4.tcp_syn_retries",
            "repeats of the SYN before connect() fails with ETIMEDOUT; 6 takes about 127 s, with 4 linear ones 131 s",
        ),
        Parameter(
            "net.ipv4.tcp_syn_linear_timeouts",
            "so many repeats come at one second each before the pauses double (newer kernels)",
        ),
        Parameter(
            "net.ipv4.ip_local_port_range",
            "connect() takes its port from here; none left gives 'Cannot assign requested address', not SYN_SENT",
        ),
    ),
    sources=(sources.OPENING, sources.FAILURES, sources.TCP_7, sources.IP_SYSCTL),
)

SYN_RECV_CARD: Final = StateCard(
    state=tcp_state.SYN_RECV,
    in_short="a client's SYN is answered; its ACK has not come (half-open)",
    meaning=(
        "A client wants a connection, the kernel has answered, and the client's ACK is missing. The application knows"
        " nothing of it yet: the row has no process, it is a small entry of the LISTEN socket."
    ),
    waits_for="the kernel waits for the client's ACK, and repeats the SYN+ACK until it gives up.",
    timeline=(
        received("LISTEN", "SYN", "connect()  SYN_SENT"),
        lost("SYN_RECV", "SYN+ACK", here=True),
        received("ESTABLISHED, queued", "ACK", "ESTABLISHED"),
        beside("accept()"),
    ),
    reasons=(
        "For a moment: one round trip is normal, and a busy server with clients far away always has some.",
        "The answer does not reach the client: asymmetric routing, or a firewall that lets the SYN in only.",
        "Many, from addresses that never finish: a SYN flood with forged senders, or a port scan.",
        "The ACK has come, but the accept queue is full and the kernel dropped it: see the LISTEN row's Recv-Q.",
        "The listener uses TCP_DEFER_ACCEPT: it waits for the client's first data.",
    ),
    checks=(
        Check("ss -tno state syn-recv", "from whom, and how many repeats"),
        Check("ss -Htn state syn-recv | wc -l", "compare with the backlog of the listener"),
        Check("ss -ltn", "Recv-Q above Send-Q: the accept queue is full"),
        Check(
            "nstat -az TcpExtTCPReqQFullDoCookies TcpExtTCPReqQFullDrop",
            "cookies sent, SYNs dropped at a full queue",
        ),
        Check(
            "tcpdump -ni any 'tcp port 443 and tcp[tcpflags] & tcp-syn != 0'",
            "is the SYN+ACK sent, and sent again?",
        ),
    ),
    remedies=(
        Remedy("Full accept queue: accept faster, a larger backlog; see the card of LISTEN."),
        Remedy("A flood: leave syncookies on, and limit new connections at the firewall or the load balancer."),
        Remedy("Lost answers: look for the way back (ip route get CLIENT) and for firewalls that see one way only."),
    ),
    parameters=(
        Parameter("net.ipv4.tcp_synack_retries", "repeats of the SYN+ACK; with 5 it is given up after 63 s"),
        _SYN_BACKLOG,
        _SYNCOOKIES,
        _SOMAXCONN,
        _ABORT,
    ),
    sources=(sources.OPENING, sources.TCP_7, sources.IP_SYSCTL, "Linux net/ipv4/tcp_input.c: tcp_conn_request()"),
)
