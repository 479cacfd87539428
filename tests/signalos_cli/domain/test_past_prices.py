from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from signalos_cli.domain.past_prices import PastTick, UnreadablePrices, read_ticks, replay_line

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MS = int(NOON.timestamp() * 1000)
HOUR = timedelta(hours=1)


def read(*lines: str) -> list[PastTick]:
    return list(read_ticks(lines, {"XAUUSD"}, NOON, NOON + HOUR))


def test_times_are_milliseconds_or_rfc_3339_and_prices_keep_their_digits() -> None:
    ticks = read(
        "time,symbol,bid,ask",
        "# a comment",
        f"{MS},XAUUSD,2340.10,2340.30",
        "",
        "2026-05-04T14:00:02+02:00, XAUUSD , 2341.00,2341.2\n",
    )

    assert ticks == [
        PastTick(NOON, "XAUUSD", Decimal("2340.10"), Decimal("2340.30")),
        PastTick(NOON + timedelta(seconds=2), "XAUUSD", Decimal("2341.00"), Decimal("2341.2")),
    ]
    assert replay_line(ticks[1], NOON) == "2000,XAUUSD,2341.00,2341.2"


def test_other_symbols_other_times_and_more_than_one_a_second_are_left_out() -> None:
    assert read(
        f"{MS - 1},XAUUSD,1,2",
        f"{MS},EURCHF,1,2",
        f"{MS},XAUUSD,1,2",
        f"{MS + 999},XAUUSD,1,2",
        f"{MS + 1000},XAUUSD,3,4",
        f"{MS + 3_600_001},XAUUSD,1,2",
    ) == [
        PastTick(NOON, "XAUUSD", Decimal(1), Decimal(2)),
        PastTick(NOON + timedelta(seconds=1), "XAUUSD", Decimal(3), Decimal(4)),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f"{MS},XAUUSD,1", "time,symbol,bid,ask is needed"),
        ("noon,XAUUSD,1,2", "cannot be read"),
        (f"{MS},XAUUSD,1,zwei", "cannot be read"),
        (f"{MS},XAUUSD,2,1", "bid 2 and ask 1 are no prices"),
        (f"{MS},XAUUSD,NaN,1", "are no prices"),
        (f"{MS},XAUUSD,0,1", "are no prices"),
    ],
)
def test_a_line_that_is_no_price_is_said_with_its_number(line: str, problem: str) -> None:
    with pytest.raises(UnreadablePrices, match=f"line 2: .*{problem}"):
        read("# first", line)
