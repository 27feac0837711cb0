"""The cursor stays on its row across refreshes, filters and sorts; when the row goes, on a neighbour."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockview.model.group_counts import group_steps
from sockview.model.query import Query, View
from sockview.model.row_order import NEAR, RowOrder
from sockview.model.selection import Selection
from sockview.model.steps import finish
from sockview.model.view import ViewMaker
from tests.model.builders import busy_snapshot, make_snapshot, make_socket, make_table
from tests.model.test_view import PACE

#: Sorted by local port, socket n has cookie n.
SOCKETS = {n: make_socket("CLOSE_WAIT" if n % 3 else "ESTABLISHED", f"10.0.0.7:{n}", cookie=n) for n in range(1, 31)}


class Screen:
    """A maker and what a screen would ask of it."""

    def __init__(self) -> None:
        self.maker = ViewMaker()
        self.clock = 100.0

    def refresh(self, cookies: Sequence[int], query: Query) -> View:
        self.clock += 1
        table = make_table(make_snapshot([SOCKETS[n] for n in cookies], clock=self.clock))
        finish(self.maker.show(table, query))
        return self.ask(query)

    def ask(self, query: Query) -> View:
        view = self.maker.answer(query, PACE)
        assert view is not None
        return view


def at(view: View) -> str | None:
    return view.rows[view.cursor - view.first].key if view.length else None


def by_port(cursor: int | None, **changes: object) -> Query:
    return Query(1, sort="local", cursor=None if cursor is None else str(cursor), **changes)  # type: ignore[arg-type]


def test_the_row_after_takes_the_place_of_one_that_went() -> None:
    screen = Screen()
    screen.refresh([1, 2, 3, 4, 5], by_port(3))
    assert at(screen.refresh([1, 2, 5], by_port(3))) == "5"


def test_the_row_before_when_none_comes_after() -> None:
    screen = Screen()
    screen.refresh([1, 2, 3, 4, 5], by_port(4))
    assert at(screen.refresh([1, 2], by_port(4))) == "2"


def test_it_does_not_jump_when_rows_come_before_it() -> None:
    screen = Screen()
    screen.refresh([5, 6, 7], by_port(6, position=1))
    view = screen.refresh([1, 2, 3, 4, 5, 6, 7], by_port(6, position=1))
    assert (at(view), view.cursor) == ("6", 5)


def test_it_stays_on_its_socket_when_sorted_and_filtered() -> None:
    screen = Screen()
    screen.refresh(range(1, 31), by_port(7, position=6))
    assert at(screen.ask(by_port(7, position=6, reverse=True))) == "7"
    assert at(screen.ask(by_port(7, position=23, filter="cw"))) == "7"
    assert at(screen.ask(by_port(7, position=4))) == "7"
    assert at(screen.ask(by_port(7, position=6, filter="state:established"))) == "9"


def test_when_no_neighbour_is_left_an_older_order_knows_some() -> None:
    screen = Screen()
    screen.refresh(range(1, 31), by_port(7))
    assert at(screen.ask(by_port(7, filter="cw"))) == "7"
    assert at(screen.ask(by_port(7, filter="state:established"))) == "9"


def test_a_stand_in_holds_while_the_screen_asks_for_the_old_row() -> None:
    """A screen that does not move keeps asking for the row that went."""
    screen = Screen()
    screen.refresh([1, 2, 3, 9], by_port(2))
    assert at(screen.refresh([1, 3, 9], by_port(2))) == "3"
    assert at(screen.refresh([1, 3, 8, 9], by_port(2))) == "3"
    assert at(screen.refresh([1, 8, 9], by_port(2))) == "8"
    assert at(screen.refresh([1, 2, 8, 9], by_port(2))) == "2"


def test_a_key_from_the_order_before_is_still_followed() -> None:
    """The screen may ask from a view that a refresh has just replaced."""
    screen = Screen()
    screen.refresh([1, 2, 3, 4], by_port(1))
    screen.refresh([1, 2, 4], by_port(1))
    assert at(screen.ask(by_port(3, position=2))) == "4"


def test_a_key_never_seen_stands_where_the_screen_thinks() -> None:
    screen = Screen()
    screen.refresh([1, 2, 3], by_port(None))
    assert at(screen.ask(by_port(99, position=1))) == "2"
    assert at(screen.ask(by_port(98, position=10**9))) == "3"
    assert at(screen.ask(by_port(97, position=-4))) == "1"


def test_all_rows_gone_and_back() -> None:
    screen = Screen()
    screen.refresh([1, 2, 3], by_port(2))
    assert screen.refresh([], by_port(2)).length == 0
    assert at(screen.refresh([1, 2, 3], by_port(2))) == "2"


@st.composite
def walks(draw: st.DrawFn) -> tuple[list[int], list[tuple[set[int], bool, bool, str]]]:
    cookies = st.sets(st.sampled_from(sorted(SOCKETS)), min_size=1)
    step = st.tuples(cookies, st.booleans(), st.booleans(), st.sampled_from(["", "cw", "state:established"]))
    return sorted(draw(cookies)), draw(st.lists(step, max_size=8))


@given(walks(), st.data())
def test_whatever_happens_it_stays_or_lands_on_a_surviving_neighbour(
    walk: tuple[list[int], list[tuple[set[int], bool, bool, str]]], data: st.DataObject
) -> None:
    present, steps = walk
    screen = Screen()
    cursor = data.draw(st.sampled_from(present))
    view = screen.refresh(present, by_port(cursor, count=5))
    assert at(view) == str(cursor)
    orders = {(screen.clock, False, ""): [str(n) for n in present]}
    for cookies, refreshes, reverse, text in steps:
        was = at(view)
        query = by_port(None if was is None else int(was), count=5, reverse=reverse, filter=text, position=view.cursor)
        view = screen.refresh(sorted(cookies), query) if refreshes else screen.ask(query)
        keys = [row.key for row in screen.ask(by_port(None, count=100, reverse=reverse, filter=text)).rows]
        assert len(keys) == view.length
        assert at(view) == _expected(was, list(orders.values()), keys, query.position)
        if keys:
            assert keys[view.cursor] == at(view)
            assert view.first <= view.cursor < view.first + len(view.rows)
        orders = _remember(orders, (screen.clock, reverse, text), keys)


Orders = dict[tuple[float, bool, str], list[str]]


def _remember(orders: Orders, made_of: tuple[float, bool, str], keys: list[str]) -> Orders:
    """The last two before the one to come; asking for the newest again makes no new one."""
    return dict([*((key, order) for key, order in orders.items() if key != made_of), (made_of, keys)][-2:])


def _expected(was: str | None, orders: list[list[str]], keys: list[str], position: int) -> str | None:
    """In plain words: itself, else the next of the old order that is left, else the one before."""
    if was in keys or not keys:
        return was if keys else None
    for order in reversed(orders):
        if was in order:
            old = order.index(str(was))
            for key in [*order[old:], *order[:old][::-1]]:
                if key in keys:
                    return key
    return keys[max(0, min(position, len(keys) - 1))]


@given(
    st.lists(st.integers(-(2**63), 2**64), unique=True),
    st.text(max_size=4) | st.integers().map(str),
    st.integers(),
    st.booleans(),
)
def test_find_is_never_wrong(cookies: list[int], key: str, hint: int, let_go: bool) -> None:
    order = RowOrder([make_socket(cookie=cookie) for cookie in cookies])
    if let_go:
        order.let_go(rows=True)
    assert len(order) == len(cookies)
    found = order.find(key, hint)
    assert found is None or order.key(found) == str(int(key))
    for row, known in enumerate(cookies):
        assert order.key(row) == str(known)
        assert order.find(str(known), hint) == row


@pytest.mark.parametrize("let_go", [False, True])
def test_a_neighbour_is_found_however_far_it_is(let_go: bool) -> None:
    sockets = [make_socket(cookie=cookie) for cookie in range(1, 5 * NEAR)]
    order = RowOrder(sockets)
    if let_go:
        order.let_go(rows=True)
    for left, neighbour in (([4 * NEAR], 0), ([5], 0), ([5, NEAR, 4 * NEAR, 4 * NEAR + 1], 2)):
        now = RowOrder([make_socket(cookie=cookie) for cookie in left])
        assert order.neighbour(str(2 * NEAR), now) == neighbour
    assert order.neighbour(str(2 * NEAR), RowOrder([])) is None
    assert order.neighbour("999999", order) is None


def test_groups_are_found_by_their_keys() -> None:
    table = make_table(busy_snapshot(300))
    for by in ("process", "remote"):
        groups = finish(group_steps(Selection(table, table.snapshot.sockets), by))
        order = RowOrder(groups)
        keys = [group.row().key for group in groups]
        assert [order.key(row) for row in range(len(order))] == keys
        assert [order.find(key) for key in keys] == list(range(len(keys)))
        assert order.find("12") is None and order.find("remote:nowhere") is None
