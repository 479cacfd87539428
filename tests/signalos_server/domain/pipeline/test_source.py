"""Sources: their windows by the clock on the wall, and what is made of their rules."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from signalos_server.domain.errors import InvalidField
from signalos_server.domain.pipeline.source import (
    Source,
    SourceRules,
    Subscription,
    Window,
    check_map,
    check_rules,
    in_session,
    policy_of,
)
from signalos_server.domain.pipeline.words import SourceKind, SourceTrust

LONDON = Window((1, 2, 3, 4, 5), "08:00", "17:00", "Europe/London")
NIGHT = Window((7,), "22:00", "06:00", "America/New_York")


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("window", "now", "holds"),
    [
        (LONDON, at("2026-06-15 08:00", "Europe/London"), True),
        (LONDON, at("2026-06-15 07:59:59", "Europe/London"), False),
        (LONDON, at("2026-06-15 17:00", "Europe/London"), False),
        (LONDON, at("2026-06-14 12:00", "Europe/London"), False),
        # Eight in London is seven in UTC in summer, and eight in winter.
        (LONDON, at("2026-06-15 07:30"), True),
        (LONDON, at("2026-12-14 07:30"), False),
        # Over midnight it belongs to the day that it begins on.
        (NIGHT, at("2026-06-14 23:00", "America/New_York"), True),
        (NIGHT, at("2026-06-15 05:59", "America/New_York"), True),
        (NIGHT, at("2026-06-15 06:00", "America/New_York"), False),
        (NIGHT, at("2026-06-15 23:00", "America/New_York"), False),
        # The night in which clocks are put forward, and the one in which they are put back.
        (NIGHT, at("2026-03-08 22:30", "America/New_York"), True),
        (Window((7,), "00:30", "02:30", "Europe/London"), datetime(2026, 3, 29, 1, 15, tzinfo=UTC), True),
        (Window((7,), "00:30", "01:30", "Europe/London"), datetime(2026, 10, 25, 1, 15, tzinfo=UTC), True),
    ],
)
def test_a_window_holds_by_the_clock_of_its_place(window: Window, now: datetime, holds: bool) -> None:
    assert window.holds(now) is holds


def test_without_windows_a_source_may_always_open() -> None:
    now = datetime(2026, 6, 14, tzinfo=UTC)
    assert in_session(SourceRules(), now)
    assert not in_session(SourceRules(windows=(LONDON,)), now)


def test_instruments_are_kept_in_their_one_spelling() -> None:
    rules = check_rules(
        SourceKind.API,
        SourceRules(
            default_symbol="gold", symbols=("gold", "XAUUSD", "dow"), symbol_map=(("gold", "GOLD.x"),)
        ),
    )
    assert rules.default_symbol == "XAUUSD"
    assert rules.symbols == ("XAUUSD", "US30")
    assert rules.symbol_map == (("XAUUSD", "GOLD.x"),)


def test_an_instrument_is_not_mapped_to_two() -> None:
    with pytest.raises(InvalidField):
        check_map((("gold", "A"), ("XAUUSD", "B")), "symbolMap")


def test_the_accounts_own_map_wins_over_the_sources() -> None:
    source = Source(
        "src", "usr", "s", SourceKind.API, datetime(2026, 1, 1, tzinfo=UTC),
        rules=SourceRules(trust=SourceTrust.AUTO, symbol_map=(("XAUUSD", "A"), ("US30", "D"))),
    )  # fmt: skip
    policy = policy_of(source, Subscription("acc", symbol_map=(("XAUUSD", "B"),)))
    assert dict(policy.symbol_map) == {"XAUUSD": "B", "US30": "D"}
