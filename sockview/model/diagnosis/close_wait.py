"""The rule ``close-wait-leak``: the peers have closed, the process does not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final

from sockview.model.columns import LIKELY_MARK
from sockview.model.diagnosis.accounts import Traits
from sockview.model.diagnosis.close_wait_text import descriptors_fact, find_traits, how_read, remedies, where
from sockview.model.diagnosis.leak import Group, Leak, close_wait_groups, measure
from sockview.model.diagnosis.owners import ASK_ROOT
from sockview.model.diagnosis.ranked import Found, Ranked
from sockview.model.diagnosis.suspects import Suspects
from sockview.model.diagnosis.words import about, counted, listing, name_text, pids_word
from sockview.model.finding import Finding
from sockview.model.format_text import DAY, age_text, duration_text, rate_text
from sockview.model.grouping import process_key
from sockview.model.owner import NoOwner
from sockview.model.query import MAX_FILTER
from sockview.model.socket_table import SocketTable
from sockview.model.tcp_state import CLOSE_WAIT
from sockview.model.thresholds import Thresholds

KIND: Final = "close-wait-leak"


def close_wait_leaks(suspects: Suspects, table: SocketTable, thresholds: Thresholds) -> Found:
    """A finding for each process, or for each user whose processes are hidden; the mildest of many in one."""
    groups = yield from close_wait_groups(table, suspects.close_waits)
    leaks = []
    for group in groups:
        leak = yield from measure(group, table, thresholds)
        if leak is not None:
            leaks.append(leak)
    waiting = 0 in map(attrgetter("inode"), suspects.close_waits.others.sockets)
    leaks.sort(key=lambda leak: (*_urgency(leak, thresholds), _whom(leak.group)))
    told = leaks if len(leaks) <= thresholds.findings_per_rule + 1 else leaks[: thresholds.findings_per_rule]
    found = []
    for leak in told:
        traits = yield from find_traits(table, leak.group)
        found.append(_ranked(leak, traits, table, thresholds, waiting))
    rest = leaks[len(told) :]
    return [*found, _rest(rest, thresholds, waiting)] if rest else found


def _urgency(leak: Leak, thresholds: Thresholds) -> tuple[bool, float, int]:
    return not leak.is_critical(thresholds), _forecast(leak), -leak.group.size


def _whom(group: Group) -> str:
    """So that those of one urgency have an order."""
    return str((group.processes, group.reason, group.uid))


def _forecast(leak: Leak) -> float:
    return math.inf if leak.forecast is None else leak.forecast


def _ranked(leak: Leak, traits: Traits, table: SocketTable, thresholds: Thresholds, waiting: bool) -> Ranked:
    group = leak.group
    process = group.processes[0] if group.processes else None
    finding = Finding(
        kind=KIND,
        urgency="critical" if leak.is_critical(thresholds) else "warning",
        title=_title(leak, table, thresholds),
        facts=tuple(_facts(leak, traits, table, thresholds)),
        remedies=remedies(table, leak, traits),
        state=CLOSE_WAIT,
        filter=_filter(leak, waiting),
        group=process_key(process) if process else f"none:{group.reason.value}" if group.reason else None,
        pid=process.pid if process else None,
        certain=process is not None and group.certain and not group.exited,
    )
    return Ranked(finding, group.size, _forecast(leak))


def _title(leak: Leak, table: SocketTable, thresholds: Thresholds) -> str:
    """The numbers that press come first: a narrow screen cuts the end."""
    size = f"{leak.group.size:,}"
    if rate_text(leak.rate).startswith("+"):
        size += f", {rate_text(leak.rate)}"
    age = f", oldest {age_text(leak.oldest)}"
    limit = _limit_text(leak, thresholds)
    tail = limit + age if leak.is_critical(thresholds) else age + limit
    return f"{_who(leak, table)} CLOSE_WAIT: {size}{tail}"


def _who(leak: Leak, table: SocketTable) -> str:
    group = leak.group
    if group.processes:
        mark = "" if group.certain else LIKELY_MARK
        more = len(group.processes) - 1
        return f"{mark}{name_text(group.processes[0])} {f'and {more:,} more leak' if more else 'leaks'}"
    user = "" if group.uid is None else f" of {table.users.get(group.uid) or f'user {group.uid}'}"
    # One process may have them all, or several a few each.
    return f"{'Hidden' if group.reason is NoOwner.HIDDEN else 'Unknown'} processes{user} leave"


def _limit_text(leak: Leak, thresholds: Thresholds) -> str:
    """``, fd limit 1,024 in ~7 min``; empty while it is a day off, or not known."""
    if leak.use is None or not leak.use.limit:
        return ""
    if leak.use.used >= leak.use.limit:
        return f", fd limit {leak.use.limit:,} reached"
    if leak.forecast is not None and leak.forecast < DAY:
        return f", fd limit {leak.use.limit:,} in {about(leak.forecast)}"
    if leak.share >= thresholds.descriptor_share:
        return f", {leak.use.used:,} of {leak.use.limit:,} fds used"
    return ""


def _facts(leak: Leak, traits: Traits, table: SocketTable, thresholds: Thresholds) -> Iterator[str]:
    yield (
        f"The peers of {counted(leak.group.size, 'socket')} have closed, and the process has not called close(): "
        "each keeps its descriptor until it does."
    )
    left = f"{leak.left:,} of them have been left for {duration_text(thresholds.close_wait_age)} at least"
    oldest = "" if leak.oldest is None else f", the oldest for {duration_text(leak.oldest.at_least)}"
    bound = "" if leak.oldest is None or leak.oldest.exact else " or longer"
    yield f"{left}{oldest}{bound}."
    if leak.rate is None:
        yield "How fast they grow is not known yet." if leak.group.processes else "How fast they grow is not known."
    elif not rate_text(leak.rate).startswith(("+", "-")):
        yield "Their number hardly changes."
    else:
        yield f"At present their number changes by {rate_text(leak.rate)}."
    yield how_read(traits)
    yield from where(traits)
    yield from descriptors_fact(leak, traits)
    yield from _whose(leak, table)


def _whose(leak: Leak, table: SocketTable) -> Iterator[str]:
    group = leak.group
    if len(group.processes) > 1:
        names = listing([name_text(process) for process in group.processes], 8)
        yield f"{names} hold the same sockets, as after fork(): a socket ends only when all of them have closed it."
    if group.processes and not group.certain:
        yield "That they belong to this process is likely, not certain."
    if group.reason is NoOwner.HIDDEN:
        yield (
            "Which process holds them, or which ones, is hidden from you: the kernel tells their user only."
            if not table.snapshot.privileged
            else "Who holds them could not be looked into, even with these rights."
        )
    elif group.reason is NoOwner.UNREAD:
        yield "Who holds them could not be read this time."
    elif group.reason is not None:
        yield "No process in sight holds them: another PID namespace or the kernel itself may."


def _filter(leak: Leak, waiting: bool) -> str:
    """`waiting`: there are CLOSE_WAITs in accept queues, which the process may be said to own too."""
    group = leak.group
    if group.processes:
        return f"cw {pids_word(group.processes[:1])}{' !evidence:listener' if waiting else ''}"
    reason = "" if group.reason is None else f" evidence:{group.reason.value}"
    return f"cw{reason}{'' if group.uid is None else f' user:{group.uid}'}"


def _rest(leaks: Sequence[Leak], thresholds: Thresholds, waiting: bool) -> Ranked:
    """The mildest of many, in one."""
    processes = [leak.group.processes[0] for leak in leaks if leak.group.processes]
    number = sum(leak.group.size for leak in leaks)
    critical = any(leak.is_critical(thresholds) for leak in leaks)
    filter_text = f"cw {pids_word(processes)}{' !evidence:listener' if waiting else ''}"
    parts = [f"{name_text(leak.group.processes[0])} ({leak.group.size:,})" for leak in leaks if leak.group.processes]
    finding = Finding(
        kind=KIND,
        urgency="critical" if critical else "warning",
        title=f"{len(leaks):,} more processes leak CLOSE_WAIT: {number:,} in all",
        facts=(f"{listing(parts, 12)}.",) if parts else (),
        remedies=() if len(processes) == len(leaks) else (ASK_ROOT,),
        state=CLOSE_WAIT,
        filter=filter_text if len(processes) == len(leaks) and len(filter_text) <= MAX_FILTER else "",
    )
    return Ranked(finding, leaks[0].group.size, _forecast(leaks[0]))
