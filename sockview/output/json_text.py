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
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from sockview import __version__
from sockview.model.finding import Finding
from sockview.model.inet_socket import InetSocket
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import state_name, state_rank
from sockview.output.json_rows import RowWriter

#: Rows in one piece of text: large enough for few writes, small enough to end soon on a closed pipe.
ROWS_PER_PIECE: Final = 500


def json_pieces(table: SocketTable, sockets: Sequence[InetSocket], warnings: Sequence[str]) -> Iterator[str]:
    """The object for these sockets of the table, as pieces of text to write one after the other.

    `warnings`: sentences on what makes it less than the whole truth.
    """
    yield _head(table, sockets, warnings)
    rows = RowWriter(table).rows
    for start in range(0, len(sockets), ROWS_PER_PIECE):
        piece = ",\n".join(rows(sockets[start : start + ROWS_PER_PIECE]))
        yield f",\n{piece}" if start else f"\n{piece}"
    yield "\n]}\n"


def _head(table: SocketTable, sockets: Sequence[InetSocket], warnings: Iterable[str]) -> str:
    snapshot = table.snapshot
    taken_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(snapshot.taken_at))
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
