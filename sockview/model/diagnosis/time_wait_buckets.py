"""The rule ``time-wait-buckets``: the kernel's room for TIME_WAIT is nearly or wholly used up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sockview.model.diagnosis.owners import Owners, owners_of
from sockview.model.diagnosis.ranked import Found, Ranked
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.finding import Finding
from sockview.model.format_text import rate_text
from sockview.model.inet_socket import TIMER_TIME_WAIT
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import FIN_WAIT2, TIME_WAIT
from sockview.model.thresholds import Thresholds

KIND: Final = "time-wait-buckets"


def time_wait_buckets(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """At most one finding: the limit is one for the whole network namespace."""
    limit = table.snapshot.limits.number("net.ipv4.tcp_max_tw_buckets")
    # The remnant of an orphaned FIN_WAIT2 takes a bucket too (tcp_time_wait, net/ipv4/tcp_minisocks.c).
    remnants = sum([s.timer == TIMER_TIME_WAIT for s in suspects.of(FIN_WAIT2)])
    yield
    used = table.states.get(TIME_WAIT, 0) + remnants
    dropped = table.growth.get("TCPTimeWaitOverflow", 0)
    overflows = dropped >= thresholds.time_wait_overflow
    if not overflows and (not limit or used < limit * thresholds.time_wait_share):
        return []
    owners = yield from owners_of(table, suspects.of(TIME_WAIT))
    room = f" of {limit:,}" if limit else ""
    finding = Finding(
        kind=KIND,
        urgency="warning" if overflows else "notice",
        title=(
            f"TIME_WAIT overflows: {dropped:,} cut short in the last minute, {used:,}{room} buckets used"
            if overflows
            else f"TIME_WAIT nears its limit: {used:,}{room} buckets used"
        ),
        facts=tuple(_facts(table, used, limit, remnants, dropped, owners)),
        remedies=(
            "Keep connections and use them again: a pool, HTTP keep-alive. One that is not closed leaves no TIME_WAIT.",
            "Let the client close first where this is a server: then the TIME_WAIT is there.",
            "Last, a larger net.ipv4.tcp_max_tw_buckets: a bucket takes some 250 bytes of kernel memory.",
        ),
        state=TIME_WAIT,
        filter="tw",
    )
    return [Ranked(finding, used)]


def _facts(
    table: SocketTable, used: int, limit: int | None, remnants: int, dropped: int, owners: Owners
) -> Iterator[str]:
    known = f"net.ipv4.tcp_max_tw_buckets is {limit:,}" if limit else "net.ipv4.tcp_max_tw_buckets could not be read"
    both = f", {remnants:,} of them FIN_WAIT2 without a process, which take one too" if remnants else ""
    yield f"{used:,} buckets are used{both}; {known}."
    rate = next((line.trend.rate for line in table.lines if line.state == TIME_WAIT), None)
    if rate is not None:
        yield f"At present TIME_WAIT changes by {rate_text(rate)}."
    if dropped:
        yield (
            f"TCPTimeWaitOverflow grew by {dropped:,} in the last minute: these sockets ended without TIME_WAIT, so a "
            "late packet of one can be taken for one of its successor."
        )
    said = owners.sentence("The side that closes first keeps the TIME_WAIT. Left by")
    if said:
        yield said
    yield "TIME_WAIT is normal: it holds no descriptor and no memory of a process, and ends by itself after 60 s."
