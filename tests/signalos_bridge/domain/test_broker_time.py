from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.broker_time import BrokerClock, offset_of_fresh_tick

NOW_MSC = 1_700_000_000_000
HOUR_MSC = 3_600_000


@given(quarters=st.integers(-48, 56), late_msc=st.integers(-59_000, 59_000))
def test_a_fresh_tick_tells_the_offset_through_a_minute_of_lateness(quarters: int, late_msc: int) -> None:
    offset = quarters * 900

    assert offset_of_fresh_tick(NOW_MSC + offset * 1000 + late_msc, NOW_MSC) == offset


@pytest.mark.parametrize("late_msc", [120_000, 7 * 60_000, -400_000])
def test_a_tick_between_the_zones_tells_nothing(late_msc: int) -> None:
    assert offset_of_fresh_tick(NOW_MSC + 2 * HOUR_MSC + late_msc, NOW_MSC) is None


def test_a_tick_of_last_friday_tells_nothing() -> None:
    assert offset_of_fresh_tick(NOW_MSC - 48 * HOUR_MSC, NOW_MSC) is None


def test_unknown_stays_unknown_until_fresh_ticks_agree() -> None:
    clock = BrokerClock()

    for step in range(3):
        assert clock.now_msc(NOW_MSC) is None
        clock = clock.observe(NOW_MSC + 2 * HOUR_MSC + step, NOW_MSC + step, fresh=True)

    assert clock.offset_seconds == 7200
    assert clock.now_msc(NOW_MSC) == NOW_MSC + 2 * HOUR_MSC


def test_ticks_that_are_not_fresh_move_only_the_newest_time() -> None:
    clock = BrokerClock()

    for step in range(10):
        clock = clock.observe(NOW_MSC + step, NOW_MSC, fresh=False)

    assert clock.offset_seconds is None
    assert clock.newest_tick_msc == NOW_MSC + 9


def test_one_odd_tick_does_not_change_the_offset_and_three_do() -> None:
    clock = BrokerClock(offset_seconds=7200)

    clock = clock.observe(NOW_MSC + 3 * HOUR_MSC, NOW_MSC, fresh=True)
    assert clock.offset_seconds == 7200
    clock = clock.observe(NOW_MSC + 3 * HOUR_MSC, NOW_MSC, fresh=True)
    clock = clock.observe(NOW_MSC + 3 * HOUR_MSC, NOW_MSC, fresh=True)
    assert clock.offset_seconds == 10_800
