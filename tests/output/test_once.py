"""One look from a source to the printed text, and the notes that go with it."""

from __future__ import annotations

import io
import json
from collections.abc import Generator

import pytest

from sockview.errors import CollectError, SockviewError
from sockview.model.filter import FilterError
from sockview.model.snapshot import Snapshot
from sockview.output.once import print_once
from sockview.settings import PrintedForm
from tests.model.builders import make_process, make_snapshot, make_socket

LEAK = make_socket("CLOSE_WAIT", "10.0.0.7:8080")
IDLE = make_socket("ESTABLISHED", "10.0.0.7:8081")
LISTENER = make_socket("LISTEN", "0.0.0.0:8080")
SOCKETS = [IDLE, LISTENER, LEAK]
HELD = {make_process(7306): [LEAK]}


class Source:
    """Delivers one snapshot, in steps."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def drain(self) -> bool:
        return False

    def collect(self) -> Generator[None, None, Snapshot]:
        yield
        yield
        return self._snapshot


def printed(snapshot: Snapshot, filter_text: str = "", form: PrintedForm = "table") -> tuple[str, list[str]]:
    """(standard output, notes)."""
    out, notes = io.StringIO(), list[str]()
    print_once(Source(snapshot), filter_text, form, out, notes.append)
    return out.getvalue(), notes


def test_the_table_is_in_the_order_of_the_screen() -> None:
    text, notes = printed(make_snapshot(SOCKETS, HELD))
    assert [line.split()[1] for line in text.splitlines()[1:]] == ["CLOSE_WAIT", "ESTABLISHED", "LISTEN"]
    assert notes == []


def test_the_filter_applies_to_every_form() -> None:
    snapshot = make_snapshot(SOCKETS, HELD)
    table, _ = printed(snapshot, "cw")
    assert len(table.splitlines()) == 2
    summary, _ = printed(snapshot, "cw", "summary")
    assert summary.split() == ["CLOSE_WAIT", "1", "TIME_WAIT", "0", "total", "1"]
    found = json.loads(printed(snapshot, "cw", "json")[0])
    assert [row["state"] for row in found["sockets"]] == ["CLOSE_WAIT"]
    assert found["states"] == {"CLOSE_WAIT": 1}


@pytest.mark.parametrize("form", ["table", "summary"])
def test_warnings_are_notes(form: PrintedForm) -> None:
    _, notes = printed(make_snapshot(SOCKETS, HELD, warnings=("The cat sat on it.",), complete=False), "", form)
    assert notes == ["The cat sat on it."]


def test_an_incomplete_table_without_a_warning_is_said() -> None:
    _, notes = printed(make_snapshot(SOCKETS, HELD, complete=False))
    assert notes == ["Incomplete: the socket table changed while it was read; rows may be missing or double."]


def test_in_json_the_warnings_are_in_the_object_alone() -> None:
    text, notes = printed(make_snapshot(warnings=("Careful.",), complete=False), "cw", "json")
    assert notes == []
    assert json.loads(text)["warnings"] == ["Careful."]


def test_in_json_the_findings_of_the_whole_table_are_told_whatever_the_filter() -> None:
    full = make_socket("LISTEN", "10.0.0.7:8080", recv_q=129, send_q=128)
    found = json.loads(printed(make_snapshot([full, IDLE], {make_process(7306): [full]}), "estab", "json")[0])
    assert [row["state"] for row in found["sockets"]] == ["ESTABLISHED"]
    (finding,) = found["findings"]
    assert (finding["state"], finding["pid"], finding["certain"]) == ("LISTEN", 7306, True)
    assert "8080" in finding["title"] and finding["facts"] and finding["remedies"]
    assert json.loads(printed(make_snapshot(SOCKETS, HELD), "", "json")[0])["findings"] == []


def test_a_diagnosis_that_fails_is_a_warning_and_the_sockets_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Generator[None, None, None]:
        yield
        raise KeyError("port")

    monkeypatch.setattr("sockview.model.diagnosis.Diagnosis.of", broken)
    text, notes = printed(make_snapshot(SOCKETS, HELD), "", "json")
    found = json.loads(text)
    assert (len(found["sockets"]), found["findings"], notes) == (3, [], [])
    (warning,) = found["warnings"]
    assert warning.startswith("Looking for what is wrong failed: KeyError: 'port'")


def test_hidden_owners_are_counted_among_the_rows_shown() -> None:
    snapshot = make_snapshot(SOCKETS, HELD, unreadable=4, privileged=False)
    remedy = "of other users: processes hidden, run with sudo to see them."
    assert printed(snapshot)[1] == [f"2 sockets {remedy}"]
    assert printed(snapshot, "listen")[1] == [f"1 socket {remedy}"]
    assert printed(snapshot, "cw")[1] == []


def test_sudo_is_no_remedy_for_root() -> None:
    (note,) = printed(make_snapshot(SOCKETS, HELD, unreadable=1, privileged=True))[1]
    assert "even root" in note and "sudo" not in note


def test_nothing_says_why() -> None:
    assert printed(make_snapshot(SOCKETS), "tw")[1] == ["No socket matches the filter: 3 sockets are left out."]
    assert printed(make_snapshot([IDLE]), "tw")[1] == ["No socket matches the filter: 1 socket is left out."]
    assert printed(make_snapshot(), "tw")[1] == ["There are no sockets here."]


def test_a_refused_filter_and_a_failed_source_are_for_the_caller() -> None:
    with pytest.raises(FilterError):
        printed(make_snapshot(), "port:http")

    class Broken(Source):
        def collect(self) -> Generator[None, None, Snapshot]:
            yield
            raise CollectError("No table.")

    with pytest.raises(CollectError, match="No table"):
        print_once(Broken(make_snapshot()), "", "table", io.StringIO(), print)


def test_output_that_cannot_be_written_is_a_sentence_but_a_closed_pipe_is_not() -> None:
    class Full(io.StringIO):
        def write(self, _text: str, /) -> int:
            raise OSError(28, "whatever")

    class Closed(io.StringIO):
        def write(self, _text: str, /) -> int:
            raise BrokenPipeError

    with pytest.raises(SockviewError, match="No space left on device"):
        print_once(Source(make_snapshot()), "", "table", Full(), print)
    with pytest.raises(BrokenPipeError):
        print_once(Source(make_snapshot()), "", "json", Closed(), print)
