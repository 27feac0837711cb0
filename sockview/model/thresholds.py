"""From when on something is a finding: every number that the rules of `diagnosis` compare with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Counts in sockets, times in seconds, shares between 0 and 1. A value at its threshold is beyond it.

    The defaults leave a healthy machine without any finding: an idle pooled connection that its peer has
    closed, 10,000 TIME_WAIT of a busy proxy and a client that vanished are everyday.
    """

    findings_per_rule: int = 8
    """So many findings of one rule are told one by one, the rest in one."""

    # ---- CLOSE_WAIT of a process
    close_wait_age: float = 60.0
    """A CLOSE_WAIT at least so old counts as left: a sound application closes within milliseconds."""
    close_wait_count: int = 20
    """So many left CLOSE_WAITs of one process are a leak. Above the few that an idle pool of connections keeps."""
    close_wait_growing_count: int = 10
    """So many CLOSE_WAITs are a leak already when they keep coming as below."""
    close_wait_minutes: int = 3
    """In each of so many last minutes one came, and stayed. A pool that its server has closed gets them at once."""
    descriptor_share: float = 0.8
    """Of its descriptors that a leaking process has used: beyond it the leak is critical."""
    descriptor_forecast: float = 1800.0
    """Seconds until a leaking process has used its last descriptor: below it the leak is critical."""
    unaccepted_count: int = 5
    """So many connections of one listener, given up by their peers before they were accepted ..."""
    unaccepted_age: float = 10.0
    """... and at least so old: nobody accepts."""

    # ---- TIME_WAIT
    port_share: float = 0.7
    """Of the ephemeral ports towards one destination (local address, remote address, remote port): a warning."""
    port_share_critical: float = 0.9
    """The same: connect() soon fails with EADDRNOTAVAIL."""
    time_wait_share: float = 0.8
    """Of tcp_max_tw_buckets."""
    time_wait_overflow: int = 1
    """TIME_WAITs dropped for want of buckets in the last minute (TCPTimeWaitOverflow)."""

    # ---- LISTEN and SYN_RECV
    accept_queue_share: float = 0.7
    """Of a listener's accept queue: it is filling."""
    accept_queue_count: int = 10
    """Connections that wait at least before a queue is said to be filling; a full one always is a finding."""
    listen_drops: int = 10
    """Connection attempts that listeners dropped in the last minute (ListenDrops, ListenOverflows among them)."""
    half_open_share: float = 0.7
    """SYN_RECVs of a listener as a share of its backlog, or of tcp_max_syn_backlog where that limits them."""
    half_open_count: int = 64
    """SYN_RECVs of a listener that are at least needed; where no limit is known, four times as many."""

    # ---- the peer is silent or slow
    syn_tries: int = 3
    """Unanswered repetitions of a SYN, the last of them after 3 to 7 seconds, depending on the kernel ..."""
    syn_age: float = 7.0
    """... or seconds in SYN_SENT: nobody answers."""
    syn_many: int = 10
    """SYN_SENTs to one destination that are a warning rather than a notice."""
    closing_tries: int = 3
    """Unanswered repetitions in FIN_WAIT1, LAST_ACK or CLOSING ..."""
    closing_age: float = 30.0
    """... or seconds in such a state: the peer does not answer."""
    closing_count: int = 50
    """So many of these in one state are a notice: now and then a client vanishes ..."""
    closing_share: float = 0.005
    """... and of the clients of a busy server always some: at least this share of all sockets."""
    closing_many: int = 1000
    """So many are a warning."""
    half_closed_age: float = 300.0
    """Seconds in FIN_WAIT2 while the process still has the socket open: the kernel sets no limit then ..."""
    half_closed_count: int = 20
    """... and so many of one process: its peers do not close."""
    fin_wait2_age: float = 5.0
    """Seconds in FIN_WAIT2: a peer that closes at all has closed by then, as a rule."""
    fin_wait2_count: int = 1000
    """FIN_WAIT2s at least so old towards one remote address: it does not close."""
    stuck_tries: int = 5
    """Unanswered repetitions of data, the last after some 6 seconds at least: the peer does not answer."""
    stuck_probe: float = 2.0
    """Seconds until a closed window is probed again. The pauses double, so it has been closed for about as long; a
    peer that reads slowly opens it sooner."""
    stuck_count: int = 5
    """ESTABLISHED sockets of one process whose peers don't answer, or don't read."""
    stuck_many: int = 50
    """So many are a warning."""
    silent_age: float = 7200.0
    """Seconds without a byte or an answer, on a connection without keep-alive (tcp_keepalive_time by default)."""
    silent_count: int = 100
    """So many of one process, to other machines, are a notice."""
