from __future__ import annotations

import pwd
from types import SimpleNamespace

import pytest

from sockview.collect.privilege import effective_capabilities
from sockview.collect.users import UserNames
from tests.collect.steps import finish


def test_names_are_asked_for_once_cleaned_and_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    names = {5: "www\x1b[2J"}
    now = [0.0]

    def lookup(uid: int) -> object:
        asked.append(uid)
        return SimpleNamespace(pw_name=names[uid])

    monkeypatch.setattr(pwd, "getpwuid", lookup)
    users = UserNames(lambda: now[0])
    assert finish(users.names([5, 6])) == ({5: "www\\x1b[2J"}, 2)
    assert finish(users.names([5, 6])) == ({5: "www\\x1b[2J"}, 0)
    assert asked == [5, 6]
    names[6] = "late"
    now[0] = 3600.0
    assert finish(users.names([6]))[0] == {6: "late"}


def test_the_memory_is_bounded() -> None:
    users = UserNames()
    finish(users.names(range(10_000_000, 10_009_000)))
    assert len(users._known) <= 4096


def test_impossible_ids_have_no_name() -> None:
    assert finish(UserNames().names([2**32 - 2, 2**70]))[0] == {}


@pytest.mark.parametrize(
    ("status", "mask"),
    [(b"Name:\tx\nCapEff:\t0000000000080000\n", 1 << 19), (b"Name:\tCapEff\n", 0), (b"CapEff:\t??\n", 0), (b"", 0)],
)
def test_capabilities(status: bytes, mask: int) -> None:
    assert effective_capabilities(status) == mask
