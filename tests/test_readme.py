"""The README says what the program does: its tables, its JSON and its commands are checked here."""

from __future__ import annotations

import json
import re
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from pkgutil import iter_modules
from typing import Final

import pytest

from sockview import __version__
from sockview.arguments import read_arguments
from sockview.model import diagnosis
from sockview.model.filter import FILTER_KEYS, parse_filter
from sockview.model.finding import Finding
from sockview.model.owner import Evidence, NoOwner
from sockview.model.tcp_state import CLOSE_WAIT
from sockview.output.json_text import json_pieces
from sockview.ui.keys import KEYS, MOVES
from tests.model.builders import make_process, make_snapshot, make_socket, make_table

ROOT: Final = Path(__file__).parent.parent
README: Final = (ROOT / "README.md").read_text()

#: What the example of the JSON form has found.
FINDING: Final = Finding(
    kind="close-wait-leak",
    urgency="warning",
    title="gunicorn 7306 leaks CLOSE_WAIT: 250, +3/min, oldest >12m",
    facts=("The peers: 10.2.3.4 alone.",),
    remedies=("A restart frees them and buys time only.",),
    state=CLOSE_WAIT,
    filter="cw pid:7306",
    group="pid:7306:1000",
    pid=7306,
    certain=True,
)


def rows_after(heading: str) -> list[list[str]]:
    """The cells of the table that follows a heading, without its two header lines."""
    lines = README.partition(f"{heading}\n")[2].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    table = list(takewhile(lambda line: line.startswith("|"), lines[start:]))
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[2:]]


def codes(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


FILTER_WORDS: Final = [word for row in rows_after("### Filter language") for word in codes(row[0])]


def test_every_filter_key_is_in_the_table_and_no_other() -> None:
    documented = {word.partition(":")[0] for word in FILTER_WORDS if re.match(r"[a-z]+:", word)}
    assert documented == {key.key for key in FILTER_KEYS}


@pytest.mark.parametrize("word", FILTER_WORDS)
def test_the_filter_examples_are_understood(word: str) -> None:
    assert not parse_filter(word).is_everything


def test_every_option_is_in_the_table_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_arguments(["--help"], {})
    offered = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", capsys.readouterr().out.partition("filter words:")[0]))
    documented = {code.split()[0] for row in rows_after("## Use it") for code in codes(row[0])}
    assert documented == offered


def test_every_key_of_one_letter_is_in_the_table() -> None:
    documented = {code for row in rows_after("### Keys") for code in codes(row[0])}
    bound = {shown for key in (*KEYS, *MOVES) for shown in key.shown.split() if len(shown) == 1 and shown.isascii()}
    assert bound == documented


def test_the_json_example_is_what_the_program_prints() -> None:
    leak = make_socket("CLOSE_WAIT", "10.0.0.7:8080", "10.2.3.4:51234", inode=4711, cookie=4, recv_q=1)
    held = {make_process(7306): [(12, leak)]}
    before = make_snapshot([leak], held, clock=0.0)
    table = make_table(before, make_snapshot([leak], held, clock=724.5, taken_at=1_767_614_400.0))
    table.findings = (FINDING,)
    printed = json.loads("".join(json_pieces(table, [leak], [])))
    (example,) = (json.loads(block) for block in blocks("json"))
    assert example["sockview"] == __version__
    assert example == printed


def test_every_reason_and_every_evidence_in_use_is_explained() -> None:
    assert all(f"`{reason.value}`" in README for reason in NoOwner)
    explained = {codes(row[0])[0] for row in rows_after("## How it knows an owner")}
    assert explained == {evidence.value for evidence in Evidence}


def test_every_rule_is_in_the_table_of_findings_and_no_other() -> None:
    modules = [import_module(f"{diagnosis.__name__}.{found.name}") for found in iter_modules(diagnosis.__path__)]
    values = [value for module in modules for name, value in vars(module).items() if name.isupper()]
    kinds = {value for value in values if isinstance(value, str) and re.fullmatch(r"[a-z]+(-[a-z]+)+", value)}
    assert len(kinds) > 10
    assert {code for row in rows_after("## What it finds") for code in codes(row[0])} == kinds


def test_there_are_two_commands_and_the_second_one_tests() -> None:
    run, test = blocks("sh")
    assert run.rstrip().endswith(".venv/bin/sockview")
    assert test.rstrip().endswith(".venv/bin/python -m pytest")
    assert f"<!-- test -->\n```sh\n{test}```" in README
