"""The sockets of the JSON object, a line each.

Written from parts made once (an owner, an address, an age), because a row through json.dumps costs
six times as much and a busy server has 100,000 of them; tests compare it with json.loads.
"""

from __future__ import annotations

from collections.abc import Sequence
from json.encoder import encode_basestring_ascii as quoted

from sockview.model.age import Since
from sockview.model.inet_socket import TIMER_TIME_WAIT, InetSocket, address_text
from sockview.model.owner import Attribution, Evidence, Process
from sockview.model.query import Age
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import state_name


class RowWriter:
    """Makes the text of rows, and keeps the parts that come again and again."""

    def __init__(self, table: SocketTable) -> None:
        self._table = table
        self._start: dict[tuple[int, int], str] = {}
        self._addresses: dict[int, dict[bytes, str]] = {4: {}, 6: {}}
        self._user: dict[int | None, str] = {}
        self._seconds: dict[int, str] = {}
        """By the identity of a Since of the table: most sockets share a few."""
        self._held: dict[int, tuple[str, str]] = {}
        """By the identity of a Process of the table: what stands before and behind the number of its descriptor."""
        self._owner: dict[tuple[Process, Evidence, bool], tuple[str, str]] = {}
        self._candidates: dict[tuple[Process, ...], str] = {}

    def rows(self, sockets: Sequence[InetSocket]) -> list[str]:
        """The objects of these sockets of the table, each unpacked at once, for this is the inner loop."""
        table, addresses_of, texts = self._table, self._addresses, []
        holders_of, date_of = table.snapshot.holders.get, table.dates.get
        start_of, user_of, seconds_of, held_of = self._start.get, self._user.get, self._seconds.get, self._held.get
        for s in sockets:
            protocol, family, state, local, local_port, remote, remote_port = s[:7]
            recv_q, send_q, uid, inode, cookie, timer = s[7:13]
            addresses = addresses_of[family]
            holders = holders_of(inode) if inode else None
            if holders is not None and len(holders) == 1:  # nearly always; what its attribution would say
                process, fd = holders[0]
                before, after = held_of(id(process)) or self._new_holder(process)
                owners = f"{before}{fd if fd >= 0 else 'null'}{after}"
            else:
                attribution = table.attribution(s)
                owners = self._owners(attribution)
                uid = attribution.uid if uid is None else uid
            date = date_of(cookie)
            if date is None or timer == TIMER_TIME_WAIT:  # the timer tells the age of this one socket
                seconds = self._new_seconds(s)
            else:
                seconds = seconds_of(id(date)) or self._new_seconds(s, date)
            name = f'"{hex(cookie)}"' if cookie > 0 else "null"
            texts.append(
                f"{start_of((protocol, state)) or self._new_start(s)}"
                f'{addresses.get(local) or self._new_address(local, family)}{local_port}}}, "remote": '
                f"{addresses.get(remote) or self._new_address(remote, family)}{remote_port}}},"
                f' "recv_q": {"null" if recv_q is None else recv_q}, "send_q": {"null" if send_q is None else send_q},'
                f' {user_of(uid) or self._new_user(uid)}, "inode": {inode if inode > 0 else "null"},'
                f' "cookie": {name}, "age_s": {seconds}, "owners": {owners}}}'
            )
        return texts

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
        return self._addresses[family].setdefault(address, f'{{"address": "{text}", "port": ')

    def _new_user(self, uid: int | None) -> str:
        name = None if uid is None else self._table.snapshot.users.get(uid)
        text = f'"uid": {"null" if uid is None else uid}, "user": {"null" if name is None else quoted(name)}'
        return self._user.setdefault(uid, text)

    def _new_seconds(self, s: InetSocket, date: Since | None = None) -> str:
        """The age of `s`; kept as that of every socket with this date, if there is one."""
        age = self._table.age(s)
        text = "null" if age is None else _age(age)
        return text if date is None else self._seconds.setdefault(id(date), text)

    def _new_holder(self, process: Process) -> tuple[str, str]:
        before, after = self._new_owner(process, Evidence.FD, False)
        return self._held.setdefault(id(process), (f"[{before}", f'{after}], "no_owner": null'))

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


def _age(age: Age) -> str:
    at_most = "null" if age.at_most is None else _rounded_up(age.at_most)
    return f'{{"at_least": {_rounded_down(age.at_least)}, "at_most": {at_most}}}'


def _rounded_down(seconds: float) -> float:
    """To a tenth, and never above: the bound stays true."""
    tenth = round(seconds, 1)
    return tenth if tenth <= seconds else round(tenth - 0.1, 1)


def _rounded_up(seconds: float) -> float:
    """To a tenth, and never below."""
    return -_rounded_down(-seconds)
