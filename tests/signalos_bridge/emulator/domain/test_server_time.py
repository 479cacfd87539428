"""The broker's wall clock."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.emulator.domain.server_time import (
    DaylightSaving,
    ServerClock,
    is_open,
    weekday,
)
from signalos_bridge.emulator.domain.symbols import Hours

HOUR_MS = 3_600_000


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("rule", "moment", "hours"),
    [
        (DaylightSaving.EUROPE, (2026, 3, 29, 0, 59), 2),
        (DaylightSaving.EUROPE, (2026, 3, 29, 1, 0), 3),
        (DaylightSaving.EUROPE, (2026, 10, 25, 0, 59), 3),
        (DaylightSaving.EUROPE, (2026, 10, 25, 1, 0), 2),
        (DaylightSaving.AMERICA, (2026, 3, 8, 6, 59), 2),
        (DaylightSaving.AMERICA, (2026, 3, 8, 7, 0), 3),
        (DaylightSaving.AMERICA, (2026, 11, 1, 5, 59), 3),
        (DaylightSaving.AMERICA, (2026, 11, 1, 6, 0), 2),
        (DaylightSaving.NONE, (2026, 7, 1), 2),
    ],
)
def test_the_clock_follows_its_daylight_saving(
    rule: DaylightSaving, moment: tuple[int, ...], hours: int
) -> None:
    assert ServerClock(2, rule).offset_ms(ms(*moment)) == hours * HOUR_MS


@given(st.integers(ms(2020, 1, 1), ms(2040, 1, 1)), st.sampled_from(DaylightSaving))
def test_a_broker_time_leads_back_to_a_moment_that_shows_it(utc_ms: int, rule: DaylightSaving) -> None:
    clock = ServerClock(2, rule)
    shown = clock.broker_ms(utc_ms)

    assert clock.broker_ms(clock.utc_ms(shown)) == shown
    assert clock.utc_ms(shown) in (utc_ms, utc_ms - HOUR_MS)


def test_days_count_from_sunday() -> None:
    assert weekday(ms(2026, 1, 4)) == 0
    assert weekday(ms(2026, 1, 7)) == 3


@pytest.mark.parametrize(
    ("hours", "moment", "expected"),
    [
        (Hours.FOREX, (2026, 1, 9, 23, 57), True),
        (Hours.FOREX, (2026, 1, 9, 23, 58), False),
        (Hours.FOREX, (2026, 1, 10, 12, 0), False),
        (Hours.FOREX, (2026, 1, 12, 0, 2), True),
        (Hours.METAL, (2026, 1, 12, 0, 30), False),
        (Hours.ALWAYS, (2026, 1, 10, 12, 0), True),
    ],
)
def test_symbols_trade_in_their_hours(hours: Hours, moment: tuple[int, ...], expected: bool) -> None:
    assert is_open(hours, ms(*moment)) is expected
