"""Sockets over several looks: asked about once, again while in doubt, and carried on."""

from __future__ import annotations

from sockview.model import tcp_state
from sockview.model.age import Since
from sockview.model.steps import finish
from sockview.model.tcp_state import SYN_SENT
from sockview.model.trace_memory import Traced, TraceMemory
from tests.model.builders import make_socket
from tests.model.trace_builders import CURL, QUIET, REMOTE, WGET, left, look, memory_after, report, row


def since(state: int, clock: float = 99.0) -> Since:
    return Since(state, clock, None)


def test_follow_asks_once_and_carries_on() -> None:
    memory = TraceMemory()
    first = look(100.0, reports=[report(98.0, WGET, SYN_SENT), report(99.0)])
    memory.take(first.trace)
    finish(memory.steps())
    s, other = row(), make_socket("FIN_WAIT2", "10.0.0.7:1", REMOTE)
    known = memory.follow([s, other], first, {}, {})
    assert known == {7: Traced((CURL,), WGET)}
    memory.forget(first)
    for n in range(1, 10):  # long after its reports were dropped
        now = look(100.0 + n)
        memory.take(now.trace)
        waiting = left(float(n))
        state = s.state if n == 1 else tcp_state.TIME_WAIT
        known = memory.follow([waiting], now, {7: since(state)}, known)
        memory.forget(now)
    assert known == {7: Traced((CURL,), WGET)}


def test_follow_asks_again_until_it_is_certain() -> None:
    first = look(100.0, reports=[report(99.0, CURL), report(100.05, WGET)])
    memory = memory_after(first)
    known = memory.follow([row()], first, {}, {})
    assert known == {7: Traced((CURL, WGET), certain=False)}
    second = look(101.0)
    memory.take(second.trace)
    assert memory.follow([row()], second, {7: since(row().state, 100.1)}, known) == {7: Traced((WGET,))}


def test_follow_keeps_a_doubt_when_the_reports_are_gone() -> None:
    known = {7: Traced((CURL, WGET), certain=False)}
    assert TraceMemory().follow([row()], look(), {7: since(row().state)}, known) == known


def test_follow_does_not_ask_about_what_was_closing_before() -> None:
    """A report of its ends that comes now is that of the next socket."""
    memory = memory_after(*QUIET, look(reports=[report(100.05)]))
    known = memory.follow([row()], look(reports=[report(100.05)]), {7: since(row().state)}, {})
    assert known == {}


def test_follow_keeps_the_opener_of_a_socket_whose_close_was_lost() -> None:
    known = {7: Traced((), WGET)}
    now = look()
    assert memory_after(now).follow([row()], now, {7: since(tcp_state.ESTABLISHED)}, known) == known
    lost = look(reports=[report(100.05)], gaps=((99.0, 99.5),))
    memory = memory_after(*QUIET, lost)
    told = memory.follow([row()], lost, {7: since(tcp_state.ESTABLISHED)}, known)
    assert told == {7: Traced((CURL,), WGET, certain=False)}


def test_follow_gives_up_the_closer_of_a_socket_that_is_connected_once_more() -> None:
    """connect() to AF_UNSPEC, and again: the same socket, the same cookie."""
    now, known = look(), {7: Traced((CURL,), WGET)}
    assert memory_after(now).follow([row("ESTABLISHED")], now, {7: since(tcp_state.FIN_WAIT2)}, known) == {}


def test_follow_has_nothing_to_say_of_stand_in_cookies() -> None:
    now = look(reports=[report(99.0)])
    assert memory_after(now).follow([row(cookie=-4)], now, {}, {}) == {}
