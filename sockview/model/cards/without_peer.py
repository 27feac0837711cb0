"""Sockets without a connection: CLOSE, BOUND and, for UDP, UNCONN."""

from __future__ import annotations

from typing import Final

from sockview.model import tcp_state
from sockview.model.cards import sources
from sockview.model.state_card import Check, Parameter, Remedy, StateCard, beside, received, sent

CLOSE_CARD: Final = StateCard(
    state=tcp_state.CLOSE,
    in_short="no connection: not opened yet, or over (CLOSED in RFC 9293)",
    meaning=(
        "There is no connection: not yet (before connect() or listen()), or no more. Linux takes such sockets out of"
        " its table, so a row is rare and goes at once; the descriptor may stay with its process unseen."
    ),
    waits_for="nobody waits. Where a process still holds the descriptor, the process has to call close().",
    timeline=(
        beside("socket()"),
        beside("CLOSE", here=True),
        sent("connect()  SYN_SENT", "SYN"),
        beside("...", "..."),
        received("CLOSED again", "ACK, or RST"),
    ),
    reasons=(
        "The look at the table fell into the moment between two states.",
        "A socket was made and neither connected nor closed: a leak that ss does not show.",
        "The connection was reset or given up, and the process has not closed the descriptor.",
    ),
    checks=(
        Check("lsof -nP -p PID | grep 'protocol: TCP'", "descriptors of TCP sockets in no table"),
        Check("ls -l /proc/PID/fd | grep -c socket:", "all sockets of a process; ss -tunap shows fewer"),
        Check("grep TCP: /proc/net/sockstat", "alloc: all of the machine; inuse: those in this namespace's table"),
    ),
    remedies=(
        Remedy(
            "Close in the error branch too, where connect() failed. Python, C:",
            ("with socket.socket() as s: s.connect(address)", "if (connect(fd, ...) < 0) { close(fd); return -1; }"),
        ),
        Remedy("A write or read that fails with ECONNRESET, EPIPE or ETIMEDOUT: close the descriptor."),
    ),
    parameters=(),
    no_parameter="No kernel parameter matters here.",
    sources=(sources.OVERVIEW, sources.TCP_7),
)

BOUND_CARD: Final = StateCard(
    state=tcp_state.BOUND_INACTIVE,
    in_short="bound to a port, neither listening nor connected; not listed",
    meaning=(
        "A process has called bind(), and neither listen() nor connect() since. The port is taken, and nobody can"
        " reach it. It is no state of RFC 9293, and sockview leaves such sockets out, as ss -a and netstat do."
    ),
    waits_for="nobody waits; the process has yet to call listen() or connect().",
    timeline=(
        beside("socket()  CLOSE"),
        beside("bind()  BOUND", here=True),
        beside("listen()  LISTEN", "can connect only now"),
    ),
    reasons=(
        "A program reserves a port and uses it later.",
        "listen() or connect() failed, and the error branch does not close.",
        "'Address already in use', and no LISTEN row on that port: such a socket may be what has it.",
    ),
    checks=(
        Check("ss -tanp --bound-inactive", "process and port; needs Linux 6.8 and an iproute2 of that time"),
        Check("strace -f -p PID -e trace=bind,listen,connect,close", "what is called, and with which error"),
    ),
    remedies=(Remedy("Call listen() right after bind(), and close the socket where either of them fails."),),
    parameters=(Parameter("net.ipv4.ip_local_port_range", "bind() to port 0 takes a port from here"),),
    sources=("bind(2)", "Linux include/net/tcp_states.h: TCP_BOUND_INACTIVE"),
    is_listed=False,
)

UNCONN_CARD: Final = StateCard(
    state=tcp_state.UNCONN,
    in_short="UDP: open for datagrams; UDP has no connections and no states",
    meaning=(
        "A UDP socket that takes datagrams from anybody. UDP knows no handshake and no end, so this is how every UDP"
        " server looks. Recv-Q is what the process has not read yet, in bytes of memory."
    ),
    waits_for="the process waits for datagrams; nobody else waits, and nobody learns when one is lost.",
    timeline=(
        beside("bind()"),
        beside("UNCONN", here=True),
        received("recvfrom()", "datagram", "sendto()"),
        sent("sendto()", "datagram", "recvfrom()"),
        beside("connect()  ESTABLISHED", "knows nothing of it"),
        beside("close()  gone", "knows nothing of it"),
    ),
    reasons=(
        "By design: a UDP server stays so until it closes.",
        "Recv-Q grows: the process does not read fast enough; what comes to a full buffer is dropped.",
        "A port that changes with each look: a client (DNS, NTP, QUIC) that waits for its answers.",
        "No datagram comes: bound to 127.0.0.1 only, or a firewall drops them. UDP tells nobody.",
    ),
    checks=(
        Check("ss -uanpm", "process, queue, memory; d in skmem is the number of datagrams dropped here"),
        Check("nstat -az UdpInErrors UdpRcvbufErrors UdpNoPorts", "dropped at a full buffer, sent to no socket"),
        Check("tcpdump -ni any udp port 53", "do they arrive at all?"),
        Check("nc -uv 127.0.0.1 53", "'refused' after a line sent: nobody is bound there"),
    ),
    remedies=(
        Remedy("Read in a loop that does nothing else, and hand the work on; several sockets with SO_REUSEPORT."),
        Remedy(
            "A larger buffer for bursts (up to rmem_max), and close sockets that have their answer:",
            ("s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_194_304)",),
        ),
    ),
    parameters=(
        Parameter("net.core.rmem_default", "receive buffer of a UDP socket that asks for none, in bytes"),
        Parameter("net.core.rmem_max", "the most that SO_RCVBUF may ask for"),
        Parameter("net.ipv4.ip_local_port_range", "ports of clients that bind to none"),
    ),
    sources=("RFC 768", "udp(7)", "socket(7)", sources.IP_SYSCTL),
)
