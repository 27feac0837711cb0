"""Puts the findings into a table: whatever goes wrong in a rule, the table itself is not touched by it."""

from __future__ import annotations

from collections.abc import Generator

from sockview.failure_text import failure_text
from sockview.model.diagnosis import Diagnosis
from sockview.model.socket_table import SocketTable


def diagnose_steps(table: SocketTable, diagnosis: Diagnosis) -> Generator[None, None, None]:
    """Set the table's findings, in steps of a few milliseconds; a failure becomes a warning of the table."""
    try:
        table.findings = yield from diagnosis.of(table)
    except Exception as error:
        table.warnings = (*table.warnings, failure_text("Looking for what is wrong", error, "the sockets are shown"))
