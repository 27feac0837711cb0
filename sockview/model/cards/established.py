"""ESTABLISHED: the connection is open."""

from __future__ import annotations

from typing import Final

from sockview.model import tcp_state
from sockview.model.cards import sources
from sockview.model.state_card import Check, Parameter, Remedy, StateCard, received, sent

ESTABLISHED_CARD: Final = StateCard(
    state=tcp_state.ESTABLISHED,
    in_short="the connection is open; data may flow both ways",
    meaning=(
        "The connection is open at this end. TCP sends nothing while nobody writes, so an idle connection looks the"
        " same whether the peer is there or not. Recv-Q is what the process has not read, Send-Q what the peer has not"
        " acknowledged."
    ),
    waits_for="nobody has to wait: it stays until one side closes, resets it, or does not acknowledge for too long.",
    timeline=(
        sent("connect()  SYN_SENT", "SYN", "LISTEN"),
        received("", "SYN+ACK", "SYN_RECV"),
        sent("ESTABLISHED", "ACK", "ESTABLISHED", here=True),
        sent("write()", "data", "read()"),
        received("read()", "data", "write()"),
    ),
    reasons=(
        "In use, or idle in a pool on purpose: normal.",
        "The peer has vanished without a FIN (power, cable, NAT or load balancer with an idle timeout), nothing is"
        " being sent, and keep-alive is off: the kernel cannot know, and it stays for ever.",
        "Recv-Q grows: the process here does not read. Blocked, busy, stopped, or nobody has accepted it yet.",
        "Send-Q stays: the peer does not read (its window is 0), or does not acknowledge, and the kernel repeats.",
        "UDP: a socket that called connect() is shown so too. UDP has no connection, and the peer knows of none.",
    ),
    checks=(
        Check("ss -tnpoi state established", "keepalive timer or none, lastsnd and lastrcv in ms, repeats"),
        Check("ss -tnp state established '( dport = :5432 )'", "those to one service: more than the pool may have?"),
        Check("strace -f -p PID -e trace=read,write,recvfrom,sendto", "is it read and written at all?"),
        Check("tcpdump -ni any host 10.2.3.4 and tcp port 5432", "data, probes, repeats, or silence"),
    ),
    remedies=(
        Remedy(
            "Keep-alive where the peer may vanish, with times of your own. Python, Node, Java; Go has it on, 15 s:",
            (
                "s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)",
                "s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)",
                "socket.setKeepAlive(true, 60_000)",
                "socket.setKeepAlive(true);   // and TCP_KEEPIDLE with setOption()",
            ),
        ),
        Remedy(
            "A limit in ms for data that nobody acknowledges:",
            ("s.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)",),
        ),
        Remedy("Timeouts for every read and write, an idle limit in servers, a maximal size and life in pools."),
    ),
    parameters=(
        Parameter(
            "net.ipv4.tcp_keepalive_time",
            "idle seconds before the first probe; for sockets with SO_KEEPALIVE, without it nothing is probed",
        ),
        Parameter("net.ipv4.tcp_keepalive_intvl", "seconds between probes without answer"),
        Parameter("net.ipv4.tcp_keepalive_probes", "so many without answer, and the connection is given up"),
        Parameter(
            "net.ipv4.tcp_retries2",
            "repeats of unacknowledged data before it is given up; 15 is at least 924.6 s. Idle ones are NOT ended",
        ),
    ),
    sources=(sources.OVERVIEW, sources.KEEP_ALIVE, sources.WINDOW, sources.TCP_7, sources.IP_SYSCTL),
)
