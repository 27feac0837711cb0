"""The tests of a filter on what a table knows of a socket: its age, its user, its owners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sockview.model.age import Since
from sockview.model.filter_terms import AddressTest, Cost, Ends, Mask, any_mask
from sockview.model.filter_values import AddressText, Comparison, is_number
from sockview.model.inet_socket import TIMER_TIME_WAIT, InetSocket
from sockview.model.memo import Memo
from sockview.model.owner import Process
from sockview.model.query import Age
from sockview.model.selection import Owners, Selection
from sockview.model.socket_table import SocketTable


@dataclass(frozen=True, slots=True)
class AgeTest:
    """Matches only what is certain.

    An age is known as bounds: ``>`` holds when the lower bound is beyond the limit, ``<`` when
    there is an upper bound and it is below the limit, ``=`` when the age is exact and lies within
    the unit that was written. An unknown age matches none of them.
    """

    comparison: Comparison
    cost: ClassVar[Cost] = Cost.AGE

    def compile(self, table: SocketTable) -> Mask:
        age_of, holds, since_of = table.age, self._holds, table.dates.get
        known: dict[Since | None, bool] = {}

        def ask(s: InetSocket, since: Since | None) -> bool:
            found = holds(age_of(s))
            if s.timer != TIMER_TIME_WAIT:  # the same for all that were first seen at one look
                known[since] = found
            return found

        def mask(asked: Selection) -> list[bool]:
            dates = [since_of(s.cookie) for s in asked.sockets]
            return [
                known[since] if since in known and s.timer != TIMER_TIME_WAIT else ask(s, since)
                for s, since in zip(asked.sockets, dates, strict=True)
            ]

        return mask

    def _holds(self, age: Age | None) -> bool:
        comparison = self.comparison
        if age is None:
            return False
        if comparison.sign == "=":
            return age.exact and comparison.number <= age.at_least < comparison.number + comparison.unit
        bound = age.at_least if comparison.sign in (">", ">=") else age.at_most
        return bound is not None and comparison.holds(bound)


@dataclass(frozen=True, slots=True)
class UserTest:
    """A login name, or a user id."""

    user: str
    """Case-folded."""
    cost: ClassVar[Cost] = Cost.USER

    def compile(self, table: SocketTable) -> Mask:
        wanted = self.user
        uid = int(wanted) if is_number(wanted) else -1
        return _by_user(table, lambda found, name: found == uid or name.casefold() == wanted)


def _by_user(table: SocketTable, test: Callable[[int | None, str], bool]) -> Mask:
    """A test of the user's id and name, made once for each user."""
    uid_of = table.uid
    known = Memo[int | None, bool](lambda uid: test(uid, table.login(uid)))
    return lambda asked: [known[s.uid if s.uid is not None else uid_of(s)] for s in asked.sockets]


def by_owner(test: Callable[[Process], bool], ownerless: bool = False) -> Mask:
    """A test of the owners, certain and likely alike, made once for each process: one of them is enough.

    `ownerless` is the answer for a socket without any.
    """

    def ask(owners: Owners) -> bool:
        if isinstance(owners, Process):
            return test(owners)
        return any(test(claim.process) for claim in owners) if owners else ownerless

    known = Memo(ask)
    return lambda asked: [known[owners] for owners in asked.owners]


@dataclass(frozen=True, slots=True)
class PidTest:
    """Any owner has one of the PIDs; or there is no owner at all."""

    pids: frozenset[int]
    ownerless: bool = False
    cost: ClassVar[Cost] = Cost.OWNER

    def compile(self, table: SocketTable) -> Mask:
        del table
        pids = self.pids
        return by_owner(lambda process: process.pid in pids, self.ownerless)


@dataclass(frozen=True, slots=True)
class ProcessTest:
    """Any owner has the text in its name, or in its command line."""

    text: str
    """Case-folded."""
    name: bool = True
    command: bool = False
    cost: ClassVar[Cost] = Cost.OWNER

    def compile(self, table: SocketTable) -> Mask:
        del table
        return by_owner(self._matches)

    def _matches(self, process: Process) -> bool:
        return (self.name and self.text in process.name.casefold()) or (
            self.command and self.text in process.command.casefold()
        )


@dataclass(frozen=True, slots=True)
class TextTest:
    """A bare word: in the address, the user, the process name or the command line."""

    text: str
    """Case-folded."""
    addresses: bool = True
    """False where the address has its own test."""
    cost: ClassVar[Cost] = Cost.TEXT

    def compile(self, table: SocketTable) -> Mask:
        text = self.text
        shown = AddressText(text)
        masks = [
            ProcessTest(text, command=True).compile(table),
            _by_user(table, lambda _uid, name: text in name.casefold()),
        ]
        if self.addresses and shown.possible:
            address = AddressTest(Ends.EITHER, shown).compile(table)
            masks.insert(len(masks) if text.isalpha() else 0, address)  # what looks like one is rarely part of a name
        return any_mask(masks)
