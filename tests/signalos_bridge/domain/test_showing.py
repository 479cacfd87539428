from __future__ import annotations

from datetime import UTC, datetime

import pytest

from signalos_bridge.domain.showing import ShowRule, is_weekend
from signalos_bridge.domain.values import StealthSettings

WEDNESDAY = int(datetime(2026, 1, 14, 12, tzinfo=UTC).timestamp() * 1000)
SHIPPED = StealthSettings()


@pytest.mark.parametrize(
    ("utc", "weekend"),
    [
        # In winter New York's 17:00 is 22:00 UTC, in summer 21:00.
        ("2026-01-16 21:44:59", False),
        ("2026-01-16 21:45:00", True),
        ("2026-01-17 12:00:00", True),
        ("2026-01-18 22:09:59", True),
        ("2026-01-18 22:10:00", False),
        ("2026-07-17 20:44:59", False),
        ("2026-07-17 20:45:00", True),
        ("2026-07-19 21:10:00", False),
        # The Sundays on which the clocks are changed.
        ("2026-03-08 21:09:59", True),
        ("2026-03-08 21:10:00", False),
        ("2026-11-01 22:09:59", True),
        ("2026-11-01 22:10:00", False),
    ],
)
def test_the_week_of_the_currency_market_is_new_yorks(utc: str, weekend: bool) -> None:
    at = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert is_weekend(int(at.timestamp() * 1000)) is weekend


def test_a_link_that_is_lost_too_often_shows_levels_until_an_hour_has_passed_without_a_loss() -> None:
    rule = ShowRule()
    for now in (0.0, 60.0, 120.0):
        assert rule.why(SHIPPED, now, WEDNESDAY) == ""
        rule.link(True, now)
        rule.link(False, now + 1)
    rule.link(True, 130.0)

    assert "lost 3 times" in rule.why(SHIPPED, 130.0, WEDNESDAY)
    # The first loss is more than an hour ago, the last is not.
    assert rule.why(SHIPPED, 3660.0, WEDNESDAY)
    assert rule.why(SHIPPED, 3722.0, WEDNESDAY) == ""


def test_neither_rule_counts_where_it_is_switched_off() -> None:
    rule = ShowRule()
    for now in range(10):
        rule.link(True, float(now))
        rule.link(False, float(now))
    saturday = int(datetime(2026, 1, 17, 12, tzinfo=UTC).timestamp() * 1000)

    assert rule.why(StealthSettings(hidden_over_weekend=True, link_losses=0), 10.0, saturday) == ""
    assert rule.why(StealthSettings(link_losses=0), 10.0, saturday) == "the market's week closes"
