"""Views of a source that tells changes: made from the last one, they are what making them anew gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sockview.model.observation import Observation
from sockview.model.query import VIEWS, Query
from sockview.model.steps import finish
from sockview.model.view import ViewMaker
from tests.model.builders import busy_snapshot, make_table
from tests.model.changes import following
from tests.model.test_view import answer, shown

FOLLOWED = [
    *(Query(1, sort=sort, reverse=reverse) for sort in ("state", "age", "remote", "pid") for reverse in (False, True)),
    *(Query(1, filter=text) for text in ("cw", "worker-3", "cw worker-3", "10.0.0.9", "age:>1m", "pid:none")),
    *(Query(1, view=view, sort=sort) for view in VIEWS for sort in ("close_wait", "remote", "process")),
    *(Query(1, group=group) for group in ("pid:7303:1000", "remote:10.0.0.9", "none:orphan", "remote:*")),
    Query(1, group="pid:7303:1000", filter="cw", sort="remote"),
]


@pytest.mark.parametrize("query", FOLLOWED, ids=str)
def test_a_view_that_follows_the_changes_is_that_made_anew(query: Query) -> None:
    query = replace(query, count=1000)
    memory, maker = Observation(), ViewMaker()
    told = replace(busy_snapshot(600), serial=1)
    for step in range(1, 4):
        table = make_table(told, observation=memory)
        finish(maker.show(table, query))
        assert answer(maker, query) == answer(shown(table, query), query)
        told = following(told, busy_snapshot(600, clock=100.0 + step, offset=5 * step))


def test_the_order_goes_on_behind_the_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at the processes for a while and goes back has not to wait for the order of the sockets."""
    memory, told = Observation(), replace(busy_snapshot(600), serial=1)
    maker = shown(make_table(told, observation=memory))
    for step in range(1, 3):
        told = following(told, busy_snapshot(600, clock=100.0 + step, offset=5 * step))
        table = make_table(told, observation=memory)
        finish(maker.show(table, Query(1, view="process")))
    expected = answer(shown(table), Query(2))
    for module in ("arrangement", "sorted_sockets"):
        monkeypatch.setattr(f"sockview.model.{module}.sort_some_steps", None)
    assert answer(maker, Query(2)) == expected
