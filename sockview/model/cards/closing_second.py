"""The states of the side that closes second: CLOSE_WAIT and LAST_ACK."""

from __future__ import annotations

from typing import Final

from sockview.model import tcp_state
from sockview.model.cards import sources
from sockview.model.state_card import Check, Parameter, Remedy, StateCard, beside, lost, received, sent

CLOSE_WAIT_CARD: Final = StateCard(
    state=tcp_state.CLOSE_WAIT,
    in_short="the peer has closed; the process here has not called close()",
    meaning=(
        "The peer has sent its FIN: it will send nothing more. The kernel has acknowledged it and tells the process"
        " by an end of file. Now the process has to call close(), and until it does the descriptor is taken."
    ),
    waits_for=(
        "the kernel waits for this machine's process, without any time limit. The peer waits in FIN_WAIT2 or has"
        " forgotten the connection long ago."
    ),
    timeline=(
        beside("ESTABLISHED", "ESTABLISHED"),
        received("", "FIN", "close()  FIN_WAIT1"),
        sent("CLOSE_WAIT", "ACK", "FIN_WAIT2", here=True),
        beside("read() gives 0: end of file"),
        sent("close()  LAST_ACK", "FIN", "TIME_WAIT"),
        received("CLOSED", "ACK"),
    ),
    reasons=(
        "Recv-Q is 0: the process has read the end of file and still does not close. An error branch, an early return"
        " or an exception between open and close; a library handle (response, cursor, channel) nobody closes.",
        "Recv-Q is 1 or more: it has not read that far, for the FIN counts as 1 until the end of file is read. Threads"
        " blocked or all busy, an event loop that stands still, a process that is stopped.",
        "A connection pool keeps idle connections that the server has closed; it finds out at their next use. Their"
        " number never exceeds the size of the pool: no leak, but the next request on one may fail.",
        "A child process inherited the descriptor: the connection is closed when the last holder closes it.",
        "No process at all: the client gave up while the connection waited for accept(). See the LISTEN row's Recv-Q.",
        "On purpose: the peer closed its sending half only, and this process is still answering. Then data flows.",
    ),
    checks=(
        Check("ss -tnpo state close-wait", "process, descriptor and queues; the same ports after a minute are stuck"),
        Check("lsof -nP -a -p PID -iTCP -sTCP:CLOSE_WAIT", "the descriptor numbers of one process"),
        Check(
            "strace -f -p PID -e trace=read,recvfrom,shutdown,close",
            "is the descriptor read again (0 is the end of file), is it ever closed?",
        ),
        Check("grep 'open files' /proc/PID/limits", "how many descriptors until accept() and open() fail: EMFILE"),
        Check("py-spy dump --pid PID   or   jstack PID", "where the threads stand (Python, Java)"),
    ),
    remedies=(
        Remedy(
            "Close where you open, on every way out. Python, Go, Java:",
            (
                "with socket.create_connection(address, timeout=10) as s: ...",
                "resp, err := client.Get(url); if err != nil { return err }",
                "defer resp.Body.Close()",
                "try (Socket s = new Socket(host, port)) { ... }",
            ),
        ),
        Remedy(
            "An end of file is a reason to close, not to try again. Python asyncio, Node:",
            (
                "try: await serve(reader, writer)   # reader.read() gave b''",
                "finally: writer.close()",
                "socket.on('end', () => socket.end())   // with allowHalfOpen: true",
                "socket.on('error', () => socket.destroy())",
            ),
        ),
        Remedy(
            "Pools: let idle connections go before the server closes them. In Go IdleConnTimeout, in HikariCP"
            " maxLifetime, in Apache HttpClient evictIdleConnections()."
        ),
        Remedy("Give every read a timeout, so that no thread hangs before it comes to its close()."),
        Remedy(
            "Descriptors that children inherit: SOCK_CLOEXEC in C; Python and Go set it themselves; close the"
            " listening and the accepted sockets in a forked child that does not serve them."
        ),
        Remedy(
            "Until it is mended a restart frees them all. `ss -K` (root) ends the connection, not the leak: the"
            " descriptor stays open."
        ),
    ),
    parameters=(
        Parameter("net.ipv4.tcp_fin_timeout", "does NOT end CLOSE_WAIT: it limits FIN_WAIT2 without a process"),
        Parameter(
            "net.ipv4.tcp_keepalive_time",
            "idle seconds before a probe, with SO_KEEPALIVE only. A peer that has forgotten the connection answers"
            " with a reset and the row goes, but the process still holds the descriptor: the leak goes on unseen.",
        ),
    ),
    no_parameter="No kernel parameter limits the time in CLOSE_WAIT: only the process can end it.",
    sources=(sources.OVERVIEW, sources.CLOSING, sources.TCP_7, sources.IP_SYSCTL),
)

LAST_ACK_CARD: Final = StateCard(
    state=tcp_state.LAST_ACK,
    in_short="both sides have closed; the peer has not acknowledged our FIN",
    meaning=(
        "The peer closed first, this side has closed too and sent its FIN. Only the acknowledgement is missing. The"
        " process is done with it: after close() no process holds such a socket."
    ),
    waits_for="the kernel waits for the peer's last ACK and repeats the FIN; when it gives up the socket is gone.",
    timeline=(
        received("ESTABLISHED", "FIN", "close()  FIN_WAIT1"),
        sent("CLOSE_WAIT", "ACK", "FIN_WAIT2"),
        beside("close()"),
        lost("LAST_ACK", "FIN", "TIME_WAIT if it arrives", here=True),
        received("CLOSED", "ACK"),
    ),
    reasons=(
        "For a moment: one round trip is normal.",
        "The peer is gone or cut off: machine down, cable, VPN, NAT gateway. Nobody answers, so the FIN is repeated.",
        "The socket was in CLOSE_WAIT for long, and a firewall or NAT in between has forgotten it and drops the FIN"
        " without a word. (A peer that has forgotten it answers with a reset, and the socket is gone at once.)",
        "The peer does not read: the FIN stands behind data that it has no room for. Send-Q is then more than 1.",
    ),
    checks=(
        Check("ss -tno state last-ack", "timer:(on,...) shows the time to the next repeat and how many there were"),
        Check("tcpdump -ni any host 10.2.3.4 and tcp port 8080", "does the FIN leave, does anything come back?"),
        Check("ip route get 10.2.3.4", "which way the FIN takes"),
    ),
    remedies=(
        Remedy("Many of them after a CLOSE_WAIT leak: close in time, while the way to the peer is still open."),
        Remedy("Idle connections across NAT or firewalls: keep-alive probes more often than their idle timeout."),
        Remedy("Nothing else to do in the application: it has closed, and the kernel ends it by itself."),
    ),
    parameters=(
        Parameter(
            "net.ipv4.tcp_orphan_retries",
            "how often the FIN of a socket without process is repeated; 0 counts as 8, which is over 100 s",
        ),
        Parameter("net.ipv4.tcp_max_orphans", "above so many sockets without process new ones are reset at once"),
        Parameter("net.ipv4.tcp_fin_timeout", "does NOT apply: it limits FIN_WAIT2 without a process"),
    ),
    sources=(sources.CLOSING, sources.TCP_7, sources.IP_SYSCTL, "Linux net/ipv4/tcp_timer.c: tcp_orphan_retries()"),
)
