"""The state cards: every state has one, its facts point to what exists, and it fits a small terminal."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from sockview.model.card_lines import CardLine, card_lines
from sockview.model.cards import CARDS, card_of
from sockview.model.limits import PARAMETERS
from sockview.model.state_card import StateCard
from sockview.model.tcp_state import (
    BOUND_INACTIVE,
    BY_URGENCY,
    CLOSE_WAIT,
    LISTEN,
    NEW_SYN_RECV,
    SYN_RECV,
    TIME_WAIT,
    state_name,
)

ALL = pytest.mark.parametrize("card", CARDS, ids=[state_name(card.state) for card in CARDS])

#: Cells inside the frame of the card on a screen of 80 columns, beside its scroll bar.
NARROW = 75


def texts(card: StateCard, width: int = NARROW, count: int | None = None, **parameters: str) -> list[str]:
    values = {f"net.ipv4.{name}": value for name, value in parameters.items()}
    return [line.text for line in card_lines(card, width, count, values)]


def timeline(card: StateCard) -> list[str]:
    return [text for text in texts(card) if text.count("│") == 2]


def section(card: StateCard, heading: str) -> list[CardLine]:
    """The lines below a heading, up to the next blank one."""
    lines = card_lines(card, NARROW, None, {})
    start = next(number for number, line in enumerate(lines) if line.text.startswith(heading)) + 1
    end = next(number for number in range(start, len(lines)) if not lines[number].text)
    return lines[start:end]


def test_every_state_has_one_card_and_most_urgent_comes_first() -> None:
    assert [card.state for card in CARDS] == list(BY_URGENCY)
    assert all(card_of(card.state) is card for card in CARDS)
    assert card_of(NEW_SYN_RECV) is card_of(SYN_RECV)
    assert card_of(14) is None


@ALL
def test_it_fits_the_narrow_screen(card: StateCard) -> None:
    assert max(map(len, texts(card))) <= NARROW
    assert len(f"{state_name(card.state):<12} {card.in_short}") <= NARROW


@ALL
@pytest.mark.parametrize("width", [74, 100])
def test_text_is_wrapped_at_any_width(card: StateCard, width: int) -> None:
    lines = card_lines(card, width, 60_021, dict.fromkeys(PARAMETERS, "32768 60999"))
    assert max(len(line.text) for line in lines) <= width
    assert all(line.text == line.text.rstrip() for line in lines)


@ALL
def test_nothing_is_left_empty(card: StateCard) -> None:
    assert card.meaning and card.waits_for and card.reasons and card.checks and card.remedies and card.sources
    assert card.parameters or card.no_parameter


@ALL
def test_its_parameters_are_read(card: StateCard) -> None:
    names = [name for name, _ in card.parameters]
    assert set(names) <= set(PARAMETERS)
    assert len(set(names)) == len(names)


@ALL
def test_the_time_line_has_two_sides_and_one_place_where_the_socket_is(card: StateCard) -> None:
    lines = timeline(card)
    assert len({(line.index("│"), line.rindex("│")) for line in lines}) == 1
    (here,) = [line for line in lines if "you are here ►" in line]
    assert state_name(card.state) in here
    assert len(lines) == len(card.timeline) + 1


def test_arrows_show_who_sends() -> None:
    card = card_of(CLOSE_WAIT)
    assert card is not None
    lines = [line.partition("│")[2] for line in timeline(card)]
    assert " ◄───── FIN ───── │ close()  FIN_WAIT1" in lines
    assert " ───── ACK ─────► │ FIN_WAIT2" in lines
    unanswered = card_of(SYN_RECV)
    assert unanswered is not None
    assert any("── SYN+ACK ──×" in line for line in timeline(unanswered))


@pytest.mark.parametrize(
    ("count", "title"),
    [
        (None, "CLOSE_WAIT"),
        (0, "CLOSE_WAIT: no sockets now"),
        (1, "CLOSE_WAIT: 1 socket now"),
        (60_021, "CLOSE_WAIT: 60,021 sockets now"),
    ],
)
def test_the_title_counts(count: int | None, title: str) -> None:
    card = card_of(CLOSE_WAIT)
    assert card is not None
    assert texts(card, count=count)[0] == title


def test_what_the_table_leaves_out_is_not_counted() -> None:
    card = card_of(BOUND_INACTIVE)
    assert card is not None
    assert texts(card, count=0)[0] == "BOUND"


def test_parameters_have_their_present_value_or_say_that_it_is_not_known() -> None:
    card = card_of(TIME_WAIT)
    assert card is not None
    found = texts(card, tcp_fin_timeout="60", tcp_tw_reuse="2")
    assert "  net.ipv4.tcp_fin_timeout = 60" in found
    assert "  net.ipv4.tcp_tw_reuse = 2" in found
    assert "  net.ipv4.tcp_timestamps is not known here" in found


@pytest.mark.parametrize(
    ("state", "part"),
    [
        (CLOSE_WAIT, "No kernel parameter limits the time in CLOSE_WAIT"),
        (TIME_WAIT, "does NOT shorten TIME_WAIT"),
        (TIME_WAIT, "No kernel parameter shortens TIME_WAIT"),
        (LISTEN, "By design: every connection becomes a socket of its own"),
    ],
)
def test_the_three_questions_that_people_ask_most_are_answered(state: int, part: str) -> None:
    card = card_of(state)
    assert card is not None
    joined = re.sub(r"\s+", " ", " ".join(texts(card)))
    assert part in joined
    assert section(card, f"Why does it stay in {state_name(state)}?")
    assert any(line.tone == "key" for line in section(card, "What to check"))
    assert any(line.tone == "key" for line in section(card, "How to mend it"))


@ALL
def test_the_commands_of_ss_and_nstat_are_understood(card: StateCard) -> None:
    for command, _ in card.checks:
        program = command.split()[0]
        if program not in ("ss", "nstat"):
            continue
        if shutil.which(program) is None:
            pytest.skip(f"this system has no {program}")
        if "--bound-inactive" in command and "bound-inactive" not in _help_of("ss"):
            continue
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command


def _help_of(program: str) -> str:
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr
