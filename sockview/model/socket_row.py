"""One socket of a table as the row that is shown of it."""

from __future__ import annotations

from sockview.model.inet_socket import InetSocket, endpoint_text
from sockview.model.query import SocketRow
from sockview.model.socket_table import SocketTable


def socket_row(table: SocketTable, s: InetSocket) -> SocketRow:
    """One socket of the table as a row."""
    attribution = table.attribution(s)
    owner = attribution.owners[0] if attribution.owners else None
    return SocketRow(
        key=str(s.cookie),
        netid=s.netid,
        state=s.state,
        age=table.age(s),
        local=endpoint_text(s.local_address, s.local_port),
        remote=endpoint_text(s.remote_address, s.remote_port),
        recv_q=s.recv_q,
        send_q=s.send_q,
        pid=owner.process.pid if owner else None,
        process=owner.process.name if owner else "",
        holders=len({(o.process.pid, o.process.started) for o in attribution.owners}),
        certain=attribution.certain,
        exited=owner.exited if owner else False,
        no_owner=attribution.no_owner.value if attribution.no_owner else None,
        user=table.user(s),
        candidates=len(attribution.candidates),
    )
