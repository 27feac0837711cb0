"""The process pane as lines: the most telling first, so that a low pane shows what matters. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from sockview.model import tcp_state
from sockview.model.columns import LIKELY_MARK
from sockview.model.format_text import age_text, bytes_text, cell_width, count_text, duration_text, shorten
from sockview.model.query import Detail, HeldSocket
from sockview.ui.line_widget import Line, Span, text_line
from sockview.ui.tones import state_tone


def pane_lines(detail: Detail | None, now: float, width: int, height: int, waiting: str = "") -> list[Line]:
    """At most `height` lines of `width` cells; `now` in seconds since the epoch.

    `waiting` names the row whose detail is on its way.
    """
    if detail is None:
        return [_title(waiting or "no row", (), width), *([text_line(" reading ...", "dim")] if waiting else [])]
    roomy = height >= 8
    lines = [_title(*_title_parts(detail, roomy), width)]
    if detail.pid is not None:
        lines += _process_lines(detail, now, width, roomy)
    lines += _evidence_lines(detail, width, height - len(lines), roomy or detail.pid is None)
    if roomy and detail.close_waits:
        lines += _close_wait_lines(detail, width, height - len(lines))
    return lines[:height]


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
    return f"{mark}{detail.pid} {detail.name}", (*facts, detail.title) if roomy else tuple(facts)


def _process_lines(detail: Detail, now: float, width: int, roomy: bool) -> list[Line]:
    lines: list[Line] = []
    if detail.problem:
        lines.append(text_line(" " + shorten(detail.problem, width - 2), "caution"))
    if detail.command:
        wrapped = _wrap(detail.command, width, 3 if roomy else 1)
        lines += [text_line(text) for text in wrapped]
    facts = "  ".join(_facts(detail, now))
    if facts:
        lines.append(text_line(" " + shorten(facts, width - 2)))
    if roomy:
        if detail.parents:
            lines.append(text_line(" " + shorten("started by " + " ‹ ".join(detail.parents), width - 2), "dim"))
        if detail.cwd:
            lines.append(text_line(" " + shorten(f"in {detail.cwd}", width - 2), "dim"))
    if detail.states:
        lines.append(_states_line(detail, width))
    return lines


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


def _states_line(detail: Detail, width: int) -> Line:
    spans: list[Span] = [Span(" ")]
    used = 1
    for state, count in detail.states:
        text = f"{tcp_state.state_name(state)} {count_text(count)}"
        if state == tcp_state.CLOSE_WAIT and detail.close_waits:
            text += f", oldest {age_text(detail.close_waits[0].age)}"
        if used + len(text) + 3 > width:
            break
        used += len(text) + 3
        spans += [Span(text, state_tone(state)), Span("   ")]
    return Line(tuple(spans))


def _evidence_lines(detail: Detail, width: int, room: int, apart: bool) -> list[Line]:
    """Each sentence on its own lines, or, where there is little room, one behind the other."""
    if not apart:
        return [text_line(text, "dim") for text in _wrap(" ".join(detail.evidence), width, max(room, 1))]
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
