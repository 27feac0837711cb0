"""The command line: options, filter words that look like options, and one sentence for wrong usage."""

from __future__ import annotations

import pytest

from sockview.arguments import read_arguments, split_words
from sockview.errors import UsageError
from sockview.settings import SOURCE_VARIABLE, Settings


def read(*arguments: str, **environ: str) -> Settings:
    return read_arguments(arguments, environ)


def refusal(*arguments: str, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(*arguments, **environ)
    return str(caught.value)


def test_defaults() -> None:
    assert read() == Settings(filter="", interval=1.0, source="auto", form="screen", trace=True)


def test_tracing_can_be_turned_off() -> None:
    assert read("cw", "--no-trace") == Settings(filter="cw", trace=False)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (["cw", "--json", "-lo"], ["--json"], ["cw", "-lo"]),
        (["-state:listen", "-nginx", "!tw"], [], ["-state:listen", "-nginx", "!tw"]),
        (["-h"], ["-h"], []),
        (["--", "-h", "--once", "--"], [], ["-h", "--once", "--"]),
        (["--interval", "-5", "-5"], ["--interval=-5"], ["-5"]),
        (["--source=psutil", "-"], ["--source=psutil"], ["-"]),
    ],
)
def test_filter_words_may_look_like_options(arguments: list[str], options: list[str], words: list[str]) -> None:
    assert split_words(arguments) == (options, words)


def test_filter_words_are_joined_in_their_order() -> None:
    assert read("cw", "--once", "-lo", "--", "--odd").filter == "cw -lo --odd"


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        ((), "screen"),
        (("--once",), "table"),
        (("--summary",), "summary"),
        (("--json",), "json"),
        (("--once", "--summary", "--json"), "json"),
    ],
)
def test_what_is_printed(arguments: tuple[str, ...], form: str) -> None:
    assert read(*arguments).form == form


@pytest.mark.parametrize(
    ("arguments", "state"),
    [
        (("explain",), ""),
        (("explain", "close-wait"), "close-wait"),
        (("explain", "close", "wait"), "close wait"),
        (("--source", "psutil", "explain", "--once", "tw"), "tw"),
    ],
)
def test_explain_as_the_first_word_asks_for_a_state(arguments: tuple[str, ...], state: str) -> None:
    settings = read(*arguments)
    assert (settings.explain, settings.filter) == (state, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (('"explain"',), '"explain"'),
        (("--", "explain", "cw"), "explain cw"),
        (("cw", "explain"), "cw explain"),
        (("proc:explain",), "proc:explain"),
    ],
)
def test_the_word_explain_can_be_a_filter_too(arguments: tuple[str, ...], words: str) -> None:
    settings = read(*arguments)
    assert (settings.explain, settings.filter) == (None, words)


@pytest.mark.parametrize("option", ["--json", "--summary"])
def test_a_card_has_no_other_form(option: str) -> None:
    assert refusal(option, "explain", "cw") == f"explain prints text alone: leave out {option}."


@pytest.mark.parametrize("text", ["0.1", "3600", "1e1", "2.5"])
def test_interval_within_its_bounds(text: str) -> None:
    assert read("--interval", text).interval == float(text)


@pytest.mark.parametrize("text", ["0.09", "3601", "nan", "inf", "-1", "soon", ""])
def test_interval_outside_its_bounds_is_refused(text: str) -> None:
    assert refusal("--interval", text) == f"--interval takes 0.1 to 3600 seconds, not '{text}'."


def test_flag_wins_over_environment_wins_over_default() -> None:
    assert read(**{SOURCE_VARIABLE: "psutil"}).source == "psutil"
    assert read("--source", "netlink", **{SOURCE_VARIABLE: "psutil"}).source == "netlink"
    assert read("--source", "netlink", **{SOURCE_VARIABLE: "nonsense"}).source == "netlink"
    assert read(**{SOURCE_VARIABLE: ""}).source == "auto"


def test_bad_sources_are_refused_by_the_name_of_their_origin() -> None:
    assert refusal("--source", "kernel") == "--source takes auto, netlink or psutil, not 'kernel'."
    assert refusal(**{SOURCE_VARIABLE: "x\x1b[2J"}) == r"SOCKVIEW_SOURCE takes auto, netlink or psutil, not 'x\x1b[2J'."


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--no-such",), "There is no option --no-such"),
        (("--onc",), "There is no option --onc"),
        (("--interval",), "--interval needs a value"),
        (("--once=3",), "--once"),
    ],
)
def test_wrong_options_are_one_sentence_with_the_remedy(arguments: tuple[str, ...], part: str) -> None:
    sentence = refusal(*arguments)
    assert part in sentence
    assert "'sockview --help'" in sentence
    assert "\n" not in sentence
