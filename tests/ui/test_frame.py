"""A terminal that is sent only the differences shows the same as one that is sent everything."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from sockview.ui.frame import Frame

WIDTH, HEIGHT = 12, 4
STYLES = [None, Style(color="red"), Style(bold=True, bgcolor="blue"), Style(color="#102030", bgcolor="#ffffff")]
TEXTS = ["", "abc", "CLOSE_WAIT", "▏█ ", "   ", "日本", "e\u0301x"]
#: Texts before this one have one character a cell.
WIDE = 5

Pieces = list[tuple[int, int]]


def strip(pieces: Pieces, width: int = WIDTH) -> Strip:
    """A strip of exactly `width` cells from (text number, style number) pairs."""
    segments = [Segment(TEXTS[text], STYLES[style]) for text, style in pieces]
    return Strip(segments).adjust_cell_length(width)


def shown(screen: pyte.Screen) -> list[list[tuple[str, str, str, bool]]]:
    return [
        [
            (screen.buffer[y][x].data, screen.buffer[y][x].fg, screen.buffer[y][x].bg, screen.buffer[y][x].bold)
            for x in range(WIDTH)
        ]
        for y in range(HEIGHT)
    ]


def terminal() -> tuple[pyte.Screen, pyte.Stream]:
    screen = pyte.Screen(WIDTH, HEIGHT)
    screen.reset_mode(pyte.modes.DECAWM)
    return screen, pyte.Stream(screen)


def whole(strips: list[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[line] for line in strips], Region(0, 0, WIDTH, HEIGHT))


def update(frame: Frame, renderable: LayoutUpdate | ChopsUpdate) -> str:
    written = frame.update(renderable, WIDTH, HEIGHT, ColorSystem.TRUECOLOR)
    assert written is not None
    return written


def lines_of(texts: int) -> st.SearchStrategy[list[Pieces]]:
    piece = st.tuples(st.integers(0, texts - 1), st.integers(0, len(STYLES) - 1))
    return st.lists(st.lists(piece, max_size=4), min_size=HEIGHT, max_size=HEIGHT)


@given(st.lists(lines_of(len(TEXTS)), min_size=1, max_size=6))
def test_differences_lead_to_the_same_screen(frames: list[list[Pieces]]) -> None:
    frame = Frame()
    screen, stream = terminal()
    for lines in frames:
        strips = [strip(pieces) for pieces in lines]
        stream.feed(update(frame, whole(strips)))
        fresh, fresh_stream = terminal()
        fresh_stream.feed(update(Frame(), whole(strips)))
        assert shown(screen) == shown(fresh)


@given(lines_of(WIDE), lines_of(WIDE), st.integers(0, HEIGHT - 1))
def test_a_part_changes_its_part_alone(before: list[Pieces], after: list[Pieces], y: int) -> None:
    frame = Frame()
    screen, stream = terminal()
    stream.feed(update(frame, whole([strip(pieces) for pieces in before])))
    right = strip(after[y], WIDTH - 6)
    chops = [{0: None, 6: right if row == y else None} for row in range(HEIGHT)]
    part = ChopsUpdate(chops, [(y, 6, WIDTH)], [[6, WIDTH]] * HEIGHT)
    stream.feed(update(frame, part))
    lines = [strip(pieces) for pieces in before]
    lines[y] = Strip.join([lines[y].crop(0, 6), right])
    fresh, fresh_stream = terminal()
    fresh_stream.feed(update(Frame(), whole(lines)))
    assert shown(screen) == shown(fresh)


def test_nothing_changed_writes_nothing() -> None:
    frame = Frame()
    lines = whole([strip([(2, 1)])] * HEIGHT)
    assert update(frame, lines)
    assert update(frame, lines) == ""


def test_one_changed_cell_is_a_few_bytes() -> None:
    frame = Frame()
    lines = [strip([(2, 0)])] * HEIGHT
    update(frame, whole(lines))
    lines[1] = Strip([Segment("CLOSE_wAIT  ")])
    assert update(frame, whole(lines)) == "\x1b[2;7Hw"


def test_after_forgetting_everything_is_sent_again() -> None:
    frame = Frame()
    lines = whole([strip([(1, 2)])] * HEIGHT)
    first = update(frame, lines)
    frame.forget()
    assert update(frame, lines) == first


def test_another_size_starts_anew() -> None:
    frame = Frame()
    update(frame, whole([strip([(1, 0)])] * HEIGHT))
    wider = LayoutUpdate([[strip([(1, 0)], WIDTH + 2)]], Region(0, 0, WIDTH + 2, 1))
    written = frame.update(wider, WIDTH + 2, HEIGHT, ColorSystem.TRUECOLOR)
    assert written is not None
    assert "abc" in written


def test_after_something_else_was_sent_nothing_is_known() -> None:
    frame = Frame()
    lines = whole([strip([(1, 2)])] * HEIGHT)
    first = update(frame, lines)
    assert frame.update("written by somebody else", WIDTH, HEIGHT, ColorSystem.TRUECOLOR) is None
    assert update(frame, lines) == first
