"""What the tests of the findings share: many sockets at once, a table some time later, what a filter selects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sockview.model.diagnosis import diagnose
from sockview.model.filter import parse_filter
from sockview.model.finding import Finding
from sockview.model.inet_socket import TIMER_NONE, InetSocket
from sockview.model.selection import Selection
from sockview.model.snapshot import Snapshot
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from sockview.model.thresholds import Thresholds
from sockview.model.trend import Trend
from tests.model.builders import make_socket, make_table

#: Cells of a title that an 80 column screen shows.
SHOWN = 74


def many(
    number: int,
    state: str,
    local: str = "10.0.0.7:8080",
    remote: str = "10.2.3.4:{}",
    *,
    first: int = 0,
    orphan: bool = False,
    recv_q: int = 0,
    send_q: int = 0,
    timer: int = TIMER_NONE,
    expires_ms: int = 0,
    retransmits: int = 0,
    uid: int = 33,
) -> list[InetSocket]:
    """Sockets with cookies from ``first`` on; ``{}`` in an address stands for a port that is another for each."""
    return [
        make_socket(
            state,
            local.format(20_000 + count),
            remote.format(20_000 + count),
            cookie=1_000_000 + count,
            inode=0 if orphan else 1_000_000 + count,
            recv_q=recv_q,
            send_q=send_q,
            timer=timer,
            expires_ms=expires_ms,
            retransmits=retransmits,
            uid=uid,
        )
        for count in range(first, first + number)
    ]


def later(
    snapshot: Snapshot,
    seconds: float = 0.0,
    *,
    rates: Mapping[tuple[int, int], float] | None = None,
    growth: Mapping[str, int] | None = None,
) -> SocketTable:
    """The table of the same sockets after so many seconds; `rates` of CLOSE_WAIT by (PID, start)."""
    table = make_table(snapshot, replace(snapshot, clock=snapshot.clock + seconds)) if seconds else make_table(snapshot)
    known = rates or {}
    table.trend = lambda identity, _state: Trend((1, 2), 60.0, known[identity]) if identity in known else None
    table.growth = growth or {}
    return table


def found(table: SocketTable, thresholds: Thresholds | None = None) -> tuple[Finding, ...]:
    """All findings, each checked for what every finding must keep to."""
    findings = finish(diagnose(table, thresholds or Thresholds()))
    for finding in findings:
        assert finding.title and not finding.title.endswith(".") and "\n" not in finding.title
        assert all(sentence.endswith(".") for sentence in (*finding.facts, *finding.remedies)), finding
        assert "  " not in " ".join((finding.title, *finding.facts, *finding.remedies)), finding
        parse_filter(finding.filter)
    return findings


def only(table: SocketTable, thresholds: Thresholds | None = None) -> Finding:
    """The one finding that there is."""
    findings = found(table, thresholds)
    assert len(findings) == 1, [finding.title for finding in findings]
    return findings[0]


def selects(table: SocketTable, finding: Finding, sockets: Iterable[InetSocket]) -> bool:
    """Whether the finding's filter selects exactly these."""
    passing = finish(parse_filter(finding.filter).sieve_steps(Selection(table, table.snapshot.sockets))).sockets
    assert finding.filter
    return {s.cookie for s in passing} == {s.cookie for s in sockets}


def text_of(sentences: Sequence[str]) -> str:
    """All sentences in one line."""
    return " ".join(sentences)
