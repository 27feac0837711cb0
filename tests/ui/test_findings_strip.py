"""The line above the filter: the most urgent finding, cut at its end, and what there is more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.model.finding import Finding, Urgency
from sockview.model.format_text import cell_width
from sockview.ui.app import SockviewApp
from sockview.ui.findings_strip import GONE_SECONDS, FindingsStrip, gone_line, strip_line
from sockview.ui.line_widget import Line
from tests.ui import scenarios
from tests.ui.scenarios import FINDINGS, LEAK, LOOPBACK, PRESSURE
from tests.ui.screen_app import link_of, screen_app, settle, table_of


def text_of(line: Line) -> str:
    return "".join(span.text for span in line.spans)


def test_one_finding_has_the_line_and_the_key() -> None:
    line = strip_line([LEAK], 120)
    assert text_of(line).startswith(f"!! {LEAK.title}  ")
    assert text_of(line).endswith("  f ")
    assert "+" not in text_of(line).removeprefix(f"!! {LEAK.title}")


def test_more_of_them_are_counted_at_the_right() -> None:
    assert text_of(strip_line([LEAK, PRESSURE, LOOPBACK], 120)).endswith("  +2  f ")


@pytest.mark.parametrize("width", [20, 30, 59, 80, 120, 200])
def test_the_line_is_full_and_never_longer(width: int) -> None:
    for findings in ([LEAK], [LEAK, PRESSURE], [replace(LEAK, title="日本語" * 60)], [replace(LEAK, title="short")]):
        assert cell_width(text_of(strip_line(findings, width))) == width


def test_a_title_without_room_ends_in_an_ellipsis() -> None:
    text = text_of(strip_line([LEAK, PRESSURE], 60))
    shown = text.removeprefix("!! ").removesuffix("  +1  f ")
    assert shown.endswith("…") and LEAK.title.startswith(shown.removesuffix("…"))


def test_a_narrow_screen_gives_the_title_all_of_the_line() -> None:
    assert text_of(strip_line([LEAK, PRESSURE], 30)).endswith("…")
    assert not text_of(strip_line([LEAK, PRESSURE], 30)).rstrip().endswith("f")


@pytest.mark.parametrize(
    ("urgency", "sign", "tone"),
    [
        ("critical", "!! ", "alarm"),
        ("warning", "!  ", "caution"),
        ("notice", "·  ", "accent"),
    ],
)
def test_urgency_has_a_tone_and_a_sign(urgency: Urgency, sign: str, tone: str) -> None:
    first = strip_line([replace(LEAK, urgency=urgency)], 80).spans[0]
    assert first.text.startswith(f"{sign}gunicorn")
    assert first.tone == tone


# ------------------------------------------------------------ on the real screen
def app_finding(*findings: Finding) -> SockviewApp:
    return screen_app(scenarios.leaking_server(), findings=findings)


def strip_of(app: SockviewApp) -> FindingsStrip:
    return app.query_one("#strip", FindingsStrip)


def strip_text(app: SockviewApp) -> str:
    return "".join(span.text for line in strip_of(app).lines for span in line.spans)


async def test_the_strip_takes_no_room_until_something_is_wrong() -> None:
    app = app_finding()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        rows = table_of(app).size.height
        assert not strip_of(app).display
        link_of(app).find(LEAK)
        await settle(pilot)
        assert strip_of(app).size.height == 1
        assert table_of(app).size.height == rows - 1
        assert strip_text(app).startswith("!! gunicorn 7306 leaks")


async def test_the_lines_below_stay_while_a_finding_comes_and_goes() -> None:
    app = app_finding(LEAK)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        rows, at = table_of(app).size.height, app.now()
        link_of(app).find()
        await settle(pilot)
        assert strip_text(app).startswith("   gone at ") and "gunicorn 7306 leaks" in strip_text(app)
        assert table_of(app).size.height == rows
        link_of(app).find(LEAK)
        await settle(pilot)
        assert strip_text(app).startswith("!! gunicorn")
        strip_of(app).show([], at)
        strip_of(app).show([], at + GONE_SECONDS - 0.1)
        await settle(pilot)
        assert table_of(app).size.height == rows
        strip_of(app).show([], at + GONE_SECONDS)
        await settle(pilot)
        assert table_of(app).size.height == rows + 1


@pytest.mark.parametrize("width", [20, 80])
def test_what_is_gone_is_dim_and_cut(width: int) -> None:
    line = gone_line(LEAK.title, 0.0, width)
    assert len(text_of(line)) < width
    assert [span.tone for span in line.spans] == ["dim"]


async def test_the_strip_stays_on_its_finding_while_numbers_and_order_change() -> None:
    one = replace(PRESSURE, filter="tw rport:1", title="first 1")
    two = replace(PRESSURE, filter="tw rport:2", title="second 1")
    app = app_finding(one, two)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "first 1" in strip_text(app)
        link_of(app).find(replace(two, title="second 2"), replace(one, title="first 2"))
        await settle(pilot)
        assert "first 2" in strip_text(app)
        link_of(app).find(LEAK, two, one)
        await settle(pilot)
        assert "gunicorn" in strip_text(app)


@pytest.mark.parametrize(
    ("size", "finding", "shown"),
    [
        ((80, 24), LOOPBACK, True),
        ((80, 12), LEAK, True),
        ((80, 12), LOOPBACK, False),
        ((80, 6), LEAK, False),
    ],
)
async def test_a_low_screen_keeps_what_is_urgent(size: tuple[int, int], finding: Finding, shown: bool) -> None:
    app = app_finding(finding)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert strip_of(app).display is shown


async def test_the_strip_follows_the_width() -> None:
    app = app_finding(*FINDINGS)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert LEAK.title in strip_text(app)
        await pilot.resize_terminal(60, 24)
        await settle(pilot)
        assert len(strip_text(app)) == 60
        assert "…" in strip_text(app)
