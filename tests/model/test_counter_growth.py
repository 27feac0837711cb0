"""Which of the kernel's counters grow."""

from __future__ import annotations

from sockview.model.counter_growth import CounterGrowth


def test_the_growth_over_the_last_minute() -> None:
    growth = CounterGrowth()
    for clock in range(0, 301, 5):
        grown = growth.add(clock, {"ListenDrops": 1000 + 2 * clock, "ListenOverflows": 7})
    assert grown == {"ListenDrops": 120}


def test_what_is_known_of_the_last_minute() -> None:
    growth = CounterGrowth()
    assert growth.add(0, {"ListenDrops": 1000}) == {}
    assert growth.add(1, {"ListenDrops": 1004}) == {"ListenDrops": 4}


def test_growth_that_has_ended_is_forgotten() -> None:
    growth = CounterGrowth()
    growth.add(0, {"ListenDrops": 1})
    for clock in range(5, 60, 5):
        assert growth.add(clock, {"ListenDrops": 9}) == {"ListenDrops": 8}
    for clock in range(60, 75, 5):
        grown = growth.add(clock, {"ListenDrops": 9})
    assert grown == {}


def test_a_counter_that_shrinks_starts_all_anew() -> None:
    growth = CounterGrowth()
    growth.add(0, {"ListenDrops": 1000, "ListenOverflows": 5})
    assert growth.add(5, {"ListenDrops": 3, "ListenOverflows": 9}) == {}
    assert growth.add(10, {"ListenDrops": 4, "ListenOverflows": 9}) == {"ListenDrops": 1}


def test_a_clock_that_goes_back_starts_anew() -> None:
    growth = CounterGrowth()
    growth.add(100, {"ListenDrops": 1})
    assert growth.add(3, {"ListenDrops": 5}) == {}


def test_a_counter_that_could_not_be_read_did_not_grow() -> None:
    growth = CounterGrowth()
    growth.add(0, {"ListenDrops": 10})
    assert growth.add(5, {}) == {}
    assert growth.add(10, {"ListenDrops": 12, "ListenOverflows": 4}) == {"ListenDrops": 2}


def test_what_was_handed_in_may_change_afterwards() -> None:
    growth = CounterGrowth()
    counters = {"ListenDrops": 10}
    growth.add(0, counters)
    counters["ListenDrops"] = 12
    assert growth.add(5, counters) == {"ListenDrops": 2}
