"""How the trace comes into the snapshot, and what happens when it fails."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from sockview.collect import native, open_trace, sources
from sockview.collect.native import NativeSource
from sockview.collect.netlink import Dump, dump_sockets
from sockview.collect.open_trace import NotTracing
from sockview.model.trace import NOBODY, TURNED_OFF, Trace, Transition
from tests.collect.steps import finish

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="needs Linux")

TRACE = Trace(True, since=1.0, transitions=[Transition(2.0, 4, NOBODY, bytes(4), 1, bytes(4), 2)])


@dataclass
class Scripted:
    """A trace that says what was done with it."""

    error: Exception | None = None
    on: bool = True
    done: list[str] = field(default_factory=list)

    def drain(self) -> None:
        self.done.append("drain")

    def take(self) -> Trace:
        self.done.append("take")
        if self.error is not None:
            raise self.error
        return TRACE


def test_it_is_taken_once_after_the_look_at_the_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = Scripted()

    def noting(*arguments: Any, **options: Any) -> Generator[None, None, Dump]:
        trace.done.append("look")
        return (yield from dump_sockets(*arguments, **options))

    monkeypatch.setattr(native, "dump_sockets", noting)
    source = NativeSource(trace=trace)
    assert source.drain()
    assert finish(source.collect())[0].trace is TRACE
    assert trace.done == ["drain", *["look"] * len(native.DUMPS), "take"]


def test_a_trace_that_fails_leaves_the_sockets() -> None:
    found = finish(NativeSource(trace=Scripted(RuntimeError("surprise \x1b[2J"))).collect())[0]
    assert found.sockets and not found.trace.on and found.trace.why_not
    assert [text.isprintable() for text in found.warnings if "reports" in text] == [True]


def test_a_source_without_a_trace_says_nothing() -> None:
    source = NativeSource()
    assert not source.drain()
    assert finish(source.collect())[0].trace == Trace()


def test_a_source_that_may_not_trace_says_why() -> None:
    source = NativeSource(trace=NotTracing("not permitted"))
    assert not source.drain()
    assert finish(source.collect())[0].trace == Trace(why_not="not permitted")


def test_only_who_asks_for_it_gets_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[tuple[str, int]]()

    def opening(proc: str, *, onlooker: int) -> Scripted:
        opened.append((proc, onlooker))
        return Scripted()

    monkeypatch.setattr(open_trace, "open_trace", opening)
    traces = [finish(sources.open_source("auto", trace=wanted).collect())[0].trace for wanted in (None, False, True)]
    assert traces == [Trace(), Trace(why_not=TURNED_OFF), TRACE]
    assert opened == [("/proc", os.getpid())]
    assert not sources.open_source("psutil", trace=True).drain()
