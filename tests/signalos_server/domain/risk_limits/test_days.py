"""Trading days across changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.risk_limits.days import DayAnchor

NEW_YORK, PRAGUE, SYDNEY, UTC_ZONE = (
    ZoneInfo(name) for name in ("America/New_York", "Europe/Prague", "Australia/Sydney", "UTC")
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "now", "start", "end"),
    [
        (DayAnchor(time(0), UTC_ZONE), "2026-05-05 12:00", "2026-05-05 00:00", "2026-05-06 00:00"),
        (DayAnchor(time(0), UTC_ZONE), "2026-05-05 00:00", "2026-05-05 00:00", "2026-05-06 00:00"),
        (DayAnchor(time(0), UTC_ZONE), "2026-05-04 23:59:59", "2026-05-04 00:00", "2026-05-05 00:00"),
        # New York closes at 17:00: 22:00 UTC in winter, 21:00 in summer.
        (DayAnchor(time(17), NEW_YORK), "2026-01-15 12:00", "2026-01-14 22:00", "2026-01-15 22:00"),
        (DayAnchor(time(17), NEW_YORK), "2026-07-15 12:00", "2026-07-14 21:00", "2026-07-15 21:00"),
        # The day on which clocks go forward has 23 hours, the one on which they go back 25.
        (DayAnchor(time(17), NEW_YORK), "2026-03-08 12:00", "2026-03-07 22:00", "2026-03-08 21:00"),
        (DayAnchor(time(17), NEW_YORK), "2026-11-01 12:00", "2026-10-31 21:00", "2026-11-01 22:00"),
        # Midnight in Prague.
        (DayAnchor(time(0), PRAGUE), "2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00"),
        (DayAnchor(time(0), PRAGUE), "2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00"),
        # 02:30 does not exist on 29 March: the day begins when the clock goes on, at 03:00.
        (DayAnchor(time(2, 30), PRAGUE), "2026-03-29 12:00", "2026-03-29 01:00", "2026-03-30 00:30"),
        # 02:30 comes twice on 25 October: the first counts.
        (DayAnchor(time(2, 30), PRAGUE), "2026-10-25 12:00", "2026-10-25 00:30", "2026-10-26 01:30"),
        # East of Greenwich the local date is ahead.
        (DayAnchor(time(8), SYDNEY), "2026-01-15 22:00", "2026-01-15 21:00", "2026-01-16 21:00"),
    ],
)
def test_a_day_begins_at_its_hour_on_the_wall(anchor: DayAnchor, now: str, start: str, end: str) -> None:
    assert (anchor.start(utc(now)), anchor.end(utc(now))) == (utc(start), utc(end))


@given(
    days=st.floats(0, 5_000),
    at=st.times(),
    zone=st.sampled_from([NEW_YORK, PRAGUE, SYDNEY, UTC_ZONE, ZoneInfo("Asia/Kathmandu")]),
)
def test_days_follow_each_other_without_gap_or_overlap(days: float, at: time, zone: ZoneInfo) -> None:
    anchor = DayAnchor(at.replace(microsecond=0), zone)
    moment = utc("2020-01-01 00:00") + timedelta(days=days)
    start, end = anchor.start(moment), anchor.end(moment)

    assert start <= moment < end
    assert anchor.start(end) == end
    assert anchor.end(start) == end
    assert timedelta(hours=22) < end - start < timedelta(hours=26)
