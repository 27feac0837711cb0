"""Errors that a user sees: one sentence, what happened and what to do."""

from __future__ import annotations


class SockviewError(Exception):
    """Its text is shown to the user as it is."""


class UsageError(SockviewError):
    """Wrong usage: exit code 2."""


class CollectError(SockviewError):
    """A reader of the kernel could not read; the text says which, why and what to do."""
