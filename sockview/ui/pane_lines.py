"""The process pane as lines: the most telling first, so that a low pane shows what matters. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from sockview.model.columns import LIKELY_MARK
from sockview.model.format_text import age_text, bytes_text, cell_width, count_text, duration_text, shorten
from sockview.model.query import Detail, HeldSocket
from sockview.ui.findings_lines import fact_lines, remedy_lines
from sockview.ui.line_widget import Line, Span, text_line
from sockview.ui.pane_trends import states_lines
from sockview.ui.tones import urgency_sign, urgency_tone

#: Lines from which there is room for what is good to know, and from which there is room to read.
ROOMY: Final = 8
HIGH: Final = 14
#: Lines that the list of CLOSE_WAITs keeps beside a long finding.
_LEAST_LISTED: Final = 3


class _Part(NamedTuple):
    """Lines that belong together. They stand in the order in which they are listed, and get room by rank."""

    rank: int
    """The lowest first."""
    lines: Callable[[int], list[Line]]
    """Gives at most so many lines; asked only while there is room."""


def pane_lines(detail: Detail | None, now: float, width: int, height: int, waiting: str = "") -> list[Line]:
    """At most `height` lines of `width` cells; `now` in seconds since the epoch.

    `waiting` names the row whose detail is on its way.
    """
    if detail is None:
        return [_title(waiting or "no row", (), width), *([text_line(" reading ...", "dim")] if waiting else [])]
    parts = _parts(detail, now, width, height)
    shown: dict[int, list[Line]] = {}
    room = height
    for at in sorted(range(len(parts)), key=lambda at: parts[at].rank):
        shown[at] = parts[at].lines(room)[:room] if room > 0 else []
        room -= len(shown[at])
    return [line for at in range(len(parts)) for line in shown[at]]


def _parts(detail: Detail, now: float, width: int, height: int) -> list[_Part]:
    """What is wrong and how it goes before who it is; without certainty, how it is known before the rest."""
    roomy, high = height >= ROOMY, height >= HIGH
    parts = [_Part(0, lambda _: [_title(*_title_parts(detail, roomy), width)])]
    parts += [
        _Part(1, lambda _: _problem_lines(detail, width)),
        _Part(2, lambda room: _finding_titles(detail, width, min(room, 3 if roomy else 1))),
        _Part(9, lambda room: _finding_bodies(detail, width, room if high else min(room, int(roomy)))),
    ]
    if detail.pid is not None:
        parts += [
            _Part(3, lambda room: states_lines(detail, width, room if high else 1)),
            _Part(5, lambda room: _command_lines(detail, width, min(room, 1 + roomy + high))),
            _Part(6, lambda _: _fact_lines(detail, now, width)),
            _Part(8, lambda _: _started_lines(detail, width) if roomy else []),
            _Part(11, lambda _: _directory_lines(detail, width) if roomy else []),
        ]
    parts.append(_Part(7 if detail.certain else 4, lambda room: _evidence_lines(detail, width, room, roomy)))
    if roomy and detail.close_waits:
        parts.append(_Part(10, lambda room: _close_wait_lines(detail, width, room)))
    return parts


def _title(title: str, facts: tuple[str, ...], width: int) -> Line:
    """A rule that carries the title and as many of the facts as fit whole."""
    spans = [Span("── ", "rule"), Span(shorten(title, max(width - 6, 1)), "strong")]
    for fact in facts:
        if sum(cell_width(span.text) for span in spans) + cell_width(fact) + 5 < width:
            spans += [Span(" ── ", "rule"), Span(fact, "accent")]
    used = sum(cell_width(span.text) for span in spans)
    return Line((*spans, Span(" " + "─" * max(width - used - 1, 0), "rule")))


def _title_parts(detail: Detail, roomy: bool) -> tuple[str, tuple[str, ...]]:
    """The process, its user and the row; where there is none, the row."""
    if detail.pid is None:
        return detail.title, ()
    facts = [detail.user] if detail.user else []
    if not detail.certain:
        facts.insert(0, "likely")
    mark = "" if detail.certain else LIKELY_MARK
    process = f"{detail.pid} {detail.name}"
    if roomy and detail.title != process:
        facts.append(detail.title)
    return mark + process, tuple(facts)


def _problem_lines(detail: Detail, width: int) -> list[Line]:
    return [text_line(" " + shorten(detail.problem, width - 2), "caution")] if detail.problem else []


def _finding_titles(detail: Detail, width: int, room: int) -> list[Line]:
    """The most urgent ones; where there are more, the last line says how many."""
    more = f"  +{len(detail.findings) - room}" if len(detail.findings) > room else ""
    lines: list[Line] = []
    for number, finding in enumerate(detail.findings[:room], 1):
        ending = more if number == room else ""
        said = shorten(f"{urgency_sign(finding.urgency)} {_said(finding.title, detail)}", width - 2 - len(ending))
        lines.append(Line((Span(f" {said}", urgency_tone(finding.urgency)), Span(ending, "dim"))))
    return lines


def _said(title: str, detail: Detail) -> str:
    """Without the process, which the pane's own title names."""
    rest = title.removeprefix(f"{detail.name} {detail.pid} ")
    return title if rest.startswith("and ") else rest


def _finding_bodies(detail: Detail, width: int, room: int) -> list[Line]:
    """The numbers, the evidence and what to do; where there is little room only the best thing to do."""
    if detail.close_waits:
        room = max(room - _LEAST_LISTED, min(room, 1))
    if room == 1:
        first = next((finding.remedies[0] for finding in detail.findings if finding.remedies), "")
        return [text_line(" " + shorten(f"→ {first}", width - 2), "good")] if first else []
    findings = detail.findings
    facts = [list(fact_lines(fact, width - 1)) for finding in findings for fact in finding.facts]
    remedies = [list(remedy_lines(remedy, width - 1)) for finding in findings for remedy in finding.remedies]
    blocks = [*facts, *remedies]
    firsts = {len(facts): 0, 0: 1}  # the first remedy and the first fact before the others
    chosen: set[int] = set()
    for at in sorted(range(len(blocks)), key=lambda at: firsts.get(at, 2)):
        if len(blocks[at]) <= room:
            chosen.add(at)
            room -= len(blocks[at])
    return [line for at in sorted(chosen) for line in blocks[at]]


def _command_lines(detail: Detail, width: int, room: int) -> list[Line]:
    return [text_line(text) for text in _wrap(detail.command, width, room)]


def _fact_lines(detail: Detail, now: float, width: int) -> list[Line]:
    facts = "  ".join(_facts(detail, now))
    return [text_line(" " + shorten(facts, width - 2))] if facts else []


def _started_lines(detail: Detail, width: int) -> list[Line]:
    text = shorten("started by " + " ‹ ".join(detail.parents), width - 2)
    return [text_line(f" {text}", "dim")] if detail.parents else []


def _directory_lines(detail: Detail, width: int) -> list[Line]:
    return [text_line(" " + shorten(f"in {detail.cwd}", width - 2), "dim")] if detail.cwd else []


def _facts(detail: Detail, now: float) -> Iterator[str]:
    if detail.started_at is not None:
        yield f"up {duration_text(max(now - detail.started_at, 0))}"
    if detail.cpu_percent is not None:
        yield f"cpu {detail.cpu_percent:.0f}%"
    if detail.memory_bytes is not None:
        yield f"rss {bytes_text(detail.memory_bytes)}"
    if detail.threads is not None:
        yield f"threads {count_text(detail.threads)}"
    if detail.descriptors is not None:
        limit = count_text(detail.descriptor_limit) if detail.descriptor_limit is not None else "no limit"
        yield f"fds {count_text(detail.descriptors)} of {limit}"


def _evidence_lines(detail: Detail, width: int, room: int, roomy: bool) -> list[Line]:
    """Each sentence on its own lines, or, where there is little room, one behind the other; the last line is the
    command's where that comes later.
    """
    if not roomy and detail.pid is not None:
        room = room if detail.certain else max(room - 1, 1)
        return [text_line(text, "dim") for text in _wrap(" ".join(detail.evidence), width, room)]
    return [text_line(text) for sentence in detail.evidence for text in _wrap(sentence, width, 6)]


def _close_wait_lines(detail: Detail, width: int, height: int) -> list[Line]:
    """The oldest CLOSE_WAITs with their descriptors: the fd is what finds the leak."""
    if height < 2:
        return []
    shown = detail.close_waits[: height - 1]
    rest = detail.close_wait_total - len(shown)
    more = f", {count_text(len(shown))} of {count_text(detail.close_wait_total)}" if rest > 0 else ""
    lines = [text_line(shorten(f" CLOSE_WAIT, oldest first{more}", width), "heading")]
    return lines + [text_line(shorten(_held_text(held), width - 1), "plain") for held in shown]


def _held_text(held: HeldSocket) -> str:
    descriptor = f"fd {held.fd}" if held.fd >= 0 else "fd ?"
    return f"  {descriptor:<8} {age_text(held.age):>6}  {held.local} ← {held.remote}  {_unread_text(held.recv_q)}"


def _unread_text(recv_q: int | None) -> str:
    """What the process has read of a CLOSE_WAIT: the peer's FIN counts as one byte of Recv-Q until end of file is read
    (tcp_recvmsg, ``net/ipv4/tcp.c``).
    """
    if recv_q is None:
        return ""
    if recv_q == 0:
        return "end read, not closed"
    return "end not read" if recv_q == 1 else f"{bytes_text(recv_q - 1)} not read"


def _wrap(text: str, width: int, most: int) -> list[str]:
    lines = textwrap.wrap(text, max(width - 2, 10), max_lines=most, placeholder=" …")
    return [" " + shorten(line, width - 2) for line in lines]
