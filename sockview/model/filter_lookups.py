"""The tests of a filter on what a table knows of a socket: its age, its user, its owners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sockview.model.filter_terms import AddressTest, Cost, Ends, Memo, Predicate
from sockview.model.filter_values import AddressText, Comparison, is_number
from sockview.model.inet_socket import InetSocket
from sockview.model.owner import Process
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

    def compile(self, table: SocketTable) -> Predicate:
        age_of, comparison = table.age, self.comparison
        if comparison.sign == "=":
            low, high = comparison.number, comparison.number + comparison.unit

            def within(s: InetSocket) -> bool:
                age = age_of(s)
                return age is not None and age.exact and low <= age.at_least < high

            return within
        lower = comparison.sign in (">", ">=")

        def compare(s: InetSocket) -> bool:
            age = age_of(s)
            bound = None if age is None else age.at_least if lower else age.at_most
            return bound is not None and comparison.holds(bound)

        return compare


@dataclass(frozen=True, slots=True)
class UserTest:
    """A login name, or a user id."""

    user: str
    """Case-folded."""
    cost: ClassVar[Cost] = Cost.USER

    def compile(self, table: SocketTable) -> Predicate:
        wanted = self.user
        uid = int(wanted) if is_number(wanted) else None
        user = _by_user(table, lambda name: name.casefold() == wanted)
        if uid is None:
            return user

        def matches(s: InetSocket) -> bool:
            return table.uid(s) == uid or user(s)

        return matches


def _by_user(table: SocketTable, test: Callable[[str], bool]) -> Predicate:
    """A test of the user's name, made once for each user id."""
    user_of = table.user
    by_uid: dict[int, bool] = {}

    def matches(s: InetSocket) -> bool:
        if s.uid is None:
            return test(user_of(s))
        found = by_uid.get(s.uid)
        if found is None:
            found = by_uid[s.uid] = test(user_of(s))
        return found

    return matches


def _by_owner(table: SocketTable, test: Callable[[Process], bool], ownerless: bool = False) -> Predicate:
    """A test of the owners, certain and likely alike, made once for each process: one of them is enough.

    `ownerless` is the answer for a socket without any.
    """
    known = Memo(test)
    holders, claims = table.snapshot.holders, table.claims

    def matches(s: InetSocket) -> bool:
        held = holders.get(s.inode) if s.inode else None
        if held:  # nearly every socket; a plain loop, for any() costs as much again as all the rest
            for holder in held:  # noqa: SIM110
                if known[holder.process]:
                    return True
            return False
        owners = claims(s)
        return any(known[owner.process] for owner in owners) if owners else ownerless

    return matches


@dataclass(frozen=True, slots=True)
class PidTest:
    """Any owner has one of the PIDs; or there is no owner at all."""

    pids: frozenset[int]
    ownerless: bool = False
    cost: ClassVar[Cost] = Cost.OWNER

    def compile(self, table: SocketTable) -> Predicate:
        pids = self.pids
        return _by_owner(table, lambda process: process.pid in pids, self.ownerless)


@dataclass(frozen=True, slots=True)
class ProcessTest:
    """Any owner has the text in its name, or in its command line."""

    text: str
    """Case-folded."""
    name: bool = True
    command: bool = False
    cost: ClassVar[Cost] = Cost.OWNER

    def compile(self, table: SocketTable) -> Predicate:
        return _by_owner(table, self._matches)

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

    def compile(self, table: SocketTable) -> Predicate:
        text = self.text
        user = _by_user(table, lambda name: text in name.casefold())
        owner = ProcessTest(text, command=True).compile(table)
        shown = AddressText(text)
        if not (self.addresses and shown.possible):
            return lambda s: user(s) or owner(s)
        address = AddressTest(Ends.EITHER, shown).compile(table)
        return lambda s: address(s) or user(s) or owner(s)
