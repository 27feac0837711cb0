"""One look as one JSON object: for other programs.

    {"sockview": VERSION, "taken_at": "2026-01-02T03:04:05Z", "host": "web-07", "complete": true,
     "warnings": [], "states": {"CLOSE_WAIT": 1, ...}, "findings": [
    {"kind": "close-wait-leak", "urgency": "warning", "title": "...", "facts": ["..."], "remedies": ["..."],
     "state": "CLOSE_WAIT", "filter": "cw pid:7306", "pid": 7306, "certain": true},
    ...
    ], "sockets": [
    {"netid": "tcp", "state": "CLOSE_WAIT", "local": {"address": "10.0.0.7", "port": 8080},
     "remote": {...}, "recv_q": 1, "send_q": 0, "uid": 33, "user": "www-data", "inode": 4711,
     "cookie": "0x4", "age_s": {"at_least": 12.5, "at_most": null}, "owners": [{"pid": 7306, "fd": 12,
     "name": "gunicorn", "evidence": "fd", "certain": true, "exited": false}], "no_owner": null},
    {..., "owners": [], "no_owner": "orphan", "candidates": [{"pid": 7306, "name": "gunicorn"}, ...]},
    ...
    ]}

`states` counts the sockets in `sockets`, so after the filter; `findings` are of the whole table.
`candidates`, on rows without an owner, are processes of which one may have had it. null stands for
what is not known. The text is ASCII: everything else is escaped, so it survives any terminal, locale and log.

Written row by row from parts made once (an owner, an address), because a row through json.dumps
costs four times as much and a busy server has 100,000 of them; tests compare it with json.loads.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from sockview import __version__
from sockview.model.finding import Finding
from sockview.model.inet_socket import InetSocket, address_text
from sockview.model.owner import Attribution, Evidence, Process
from sockview.model.query import Age
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import state_name, state_rank

#: Rows in one piece of text: large enough for few writes, small enough to end soon on a closed pipe.
ROWS_PER_PIECE: Final = 500


def json_pieces(table: SocketTable, sockets: Sequence[InetSocket], warnings: Sequence[str]) -> Iterator[str]:
    """The object for these sockets of the table, as pieces of text to write one after the other.

    `warnings`: sentences on what makes it less than the whole truth.
    """
    yield _head(table, sockets, warnings)
    row = _RowWriter(table).row
    for start in range(0, len(sockets), ROWS_PER_PIECE):
        piece = ",\n".join([row(s) for s in sockets[start : start + ROWS_PER_PIECE]])
        yield f",\n{piece}" if start else f"\n{piece}"
    yield "\n]}\n"


def _head(table: SocketTable, sockets: Sequence[InetSocket], warnings: Iterable[str]) -> str:
    snapshot = table.snapshot
    taken_at = datetime.fromtimestamp(snapshot.taken_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = ", ".join(map(quoted, warnings))
    counts = sorted(Counter(s.state for s in sockets).items(), key=lambda item: state_rank(item[0]))
    states = ", ".join(f'"{state_name(state)}": {count}' for state, count in counts)
    findings = ",\n".join(map(_finding, table.findings))
    findings = f"\n{findings}\n" if findings else ""
    return (
        f'{{"sockview": {quoted(__version__)}, "taken_at": "{taken_at}", "host": {quoted(snapshot.host)},'
        f' "complete": {"true" if snapshot.complete else "false"}, "warnings": [{said}],'
        f' "states": {{{states}}}, "findings": [{findings}], "sockets": ['
    )


def _finding(finding: Finding) -> str:
    return json.dumps(
        {
            "kind": finding.kind,
            "urgency": finding.urgency,
            "title": finding.title,
            "facts": finding.facts,
            "remedies": finding.remedies,
            "state": None if finding.state is None else state_name(finding.state),
            "filter": finding.filter,
            "pid": finding.pid,
            "certain": finding.certain,
        }
    )


class _RowWriter:
    """Makes the text of rows, and keeps the parts that come again and again."""

    def __init__(self, table: SocketTable) -> None:
        self._table = table
        self._holders = table.snapshot.holders
        self._start: dict[tuple[int, int], str] = {}
        self._address: dict[tuple[bytes, int], str] = {}
        self._user: dict[int | None, str] = {}
        self._age: dict[tuple[float, float | None], str] = {}
        self._owner: dict[tuple[Process, str, bool], tuple[str, str]] = {}
        self._candidates: dict[tuple[Process, ...], str] = {}

    def row(self, s: InetSocket) -> str:
        """One socket. It is unpacked at once and known parts are looked up, for this is the inner loop."""
        protocol, family, state, local, local_port, remote, remote_port, recv_q, send_q, uid, inode, cookie = s[:12]
        start = self._start.get((protocol, state)) or self._new_start(s)
        here = self._address.get((local, family)) or self._new_address(local, family)
        there = self._address.get((remote, family)) or self._new_address(remote, family)
        holders = self._holders.get(inode) if inode else None
        if holders is not None and len(holders) == 1:  # nearly always; what its attribution would say
            process, fd = holders[0]
            owners = f'[{self._one_owner(process, fd, Evidence.FD, False)}], "no_owner": null'
        else:
            attribution = self._table.attribution(s)
            owners = self._owners(attribution)
            uid = attribution.uid if uid is None else uid
        age = self._table.age(s)
        seconds = "null" if age is None else self._age.get((age.at_least, age.at_most)) or self._new_age(age)
        return (
            f'{start}{here}{local_port}}}, "remote": {there}{remote_port}}},'
            f' "recv_q": {"null" if recv_q is None else recv_q}, "send_q": {"null" if send_q is None else send_q},'
            f" {self._user.get(uid) or self._new_user(uid)},"
            f' "inode": {inode if inode > 0 else "null"}, "cookie": {_cookie(cookie)},'
            f' "age_s": {seconds}, "owners": {owners}}}'
        )

    def _owners(self, attribution: Attribution) -> str:
        reason = attribution.no_owner
        if reason is not None:
            candidates = attribution.candidates
            named = (self._candidates.get(candidates) or self._new_candidates(candidates)) if candidates else ""
            return f'[], "no_owner": "{reason.value}", "candidates": [{named}]'
        owners = [self._one_owner(o.process, o.fd, o.evidence, o.exited) for o in attribution.owners]
        return f'[{", ".join(owners)}], "no_owner": null'

    def _one_owner(self, process: Process, fd: int, evidence: Evidence, exited: bool) -> str:
        before, after = self._owner.get((process, evidence, exited)) or self._new_owner(process, evidence, exited)
        return f"{before}{fd if fd >= 0 else 'null'}{after}"

    def _new_start(self, s: InetSocket) -> str:
        text = f'{{"netid": "{s.netid}", "state": "{state_name(s.state)}", "local": '
        return self._start.setdefault((s.protocol, s.state), text)

    def _new_address(self, address: bytes, family: int) -> str:
        # A socket without a peer has the wildcard address, whether or not its source spells it out.
        text = address_text(address or bytes(4 if family == 4 else 16))
        return self._address.setdefault((address, family), f'{{"address": "{text}", "port": ')

    def _new_user(self, uid: int | None) -> str:
        name = None if uid is None else self._table.snapshot.users.get(uid)
        text = f'"uid": {"null" if uid is None else uid}, "user": {"null" if name is None else quoted(name)}'
        return self._user.setdefault(uid, text)

    def _new_age(self, age: Age) -> str:
        at_most = "null" if age.at_most is None else _rounded_up(age.at_most)
        text = f'{{"at_least": {_rounded_down(age.at_least)}, "at_most": {at_most}}}'
        return self._age.setdefault((age.at_least, age.at_most), text)

    def _new_owner(self, process: Process, evidence: Evidence, exited: bool) -> tuple[str, str]:
        before = f'{{"pid": {process.pid}, "fd": '
        after = (
            f', "name": {quoted(process.name)}, "evidence": "{evidence.value}",'
            f' "certain": {"true" if evidence.certain else "false"}, "exited": {"true" if exited else "false"}}}'
        )
        return self._owner.setdefault((process, evidence, exited), (before, after))

    def _new_candidates(self, candidates: tuple[Process, ...]) -> str:
        named = ", ".join(f'{{"pid": {process.pid}, "name": {quoted(process.name)}}}' for process in candidates)
        return self._candidates.setdefault(candidates, named)


def _cookie(cookie: int) -> str:
    return f'"{cookie:#x}"' if cookie > 0 else "null"


def _rounded_down(seconds: float) -> float:
    """To a tenth, and never above: the bound stays true."""
    tenth = round(seconds, 1)
    return tenth if tenth <= seconds else round(tenth - 0.1, 1)


def _rounded_up(seconds: float) -> float:
    """To a tenth, and never below."""
    return -_rounded_down(-seconds)
