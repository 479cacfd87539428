"""The broker's wall clock, and the hours in which its symbols trade.

UTC times are milliseconds since 1970. Broker times are what the broker's wall clock shows, encoded as if
it were UTC: the encoding that MetaTrader 5 uses for every time in its API.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from signalos_bridge.emulator.domain.symbols import Hours

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


class DaylightSaving(Enum):
    """Whose daylight saving the broker's clock follows."""

    NONE = "none"
    EUROPE = "europe"
    AMERICA = "america"


@dataclass(frozen=True, slots=True)
class ServerClock:
    """Turns UTC into the broker's wall clock and back."""

    offset_hours: int = 2
    daylight_saving: DaylightSaving = DaylightSaving.EUROPE

    def offset_ms(self, utc_ms: int) -> int:
        """Return what the broker's clock is ahead of UTC at that moment."""
        summer = _is_summer(utc_ms, self.daylight_saving)
        return (self.offset_hours + (1 if summer else 0)) * HOUR_MS

    def broker_ms(self, utc_ms: int) -> int:
        return utc_ms + self.offset_ms(utc_ms)

    def utc_ms(self, broker_ms: int) -> int:
        """Return the moment at which the broker's clock shows `broker_ms`; of two, the earlier."""
        early = broker_ms - (self.offset_hours + 1) * HOUR_MS
        if self.broker_ms(early) == broker_ms:
            return early
        return broker_ms - self.offset_hours * HOUR_MS


def _is_summer(utc_ms: int, rule: DaylightSaving) -> bool:
    if rule is DaylightSaving.NONE:
        return False
    year = datetime.fromtimestamp(utc_ms / 1000, UTC).year
    start, end = _summer_bounds_ms(year, rule)
    return start <= utc_ms < end


_bounds: dict[tuple[int, DaylightSaving], tuple[int, int]] = {}


def _summer_bounds_ms(year: int, rule: DaylightSaving) -> tuple[int, int]:
    known = _bounds.get((year, rule))
    if known is None:
        if rule is DaylightSaving.EUROPE:
            start = _sunday_on_or_before(datetime(year, 3, 31, 1, tzinfo=UTC))
            end = _sunday_on_or_before(datetime(year, 10, 31, 1, tzinfo=UTC))
        else:
            # Second Sunday of March and first of November, at 02:00 in New York.
            start = _sunday_on_or_before(datetime(year, 3, 14, 7, tzinfo=UTC))
            end = _sunday_on_or_before(datetime(year, 11, 7, 6, tzinfo=UTC))
        known = _bounds[(year, rule)] = (_ms(start), _ms(end))
    return known


def _sunday_on_or_before(day: datetime) -> datetime:
    return day - timedelta(days=(day.weekday() + 1) % 7)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def weekday(broker_ms: int) -> int:
    """Return the day of the week; 0 is Sunday, as MetaTrader counts."""
    return (broker_ms // DAY_MS + 4) % 7


# Minutes of the day, by weekday from Sunday, in which trading is open.
_WORKDAY_SESSIONS: dict[Hours, dict[int, tuple[int, int]]] = {
    Hours.FOREX: {1: (2, 1440), 2: (0, 1440), 3: (0, 1440), 4: (0, 1440), 5: (0, 1438)},
    Hours.METAL: dict.fromkeys(range(1, 6), (61, 1439)),
    Hours.INDEX: dict.fromkeys(range(1, 6), (61, 1435)),
}


def is_open(hours: Hours, broker_ms: int) -> bool:
    """Say whether a symbol with those hours trades at that broker time."""
    if hours is Hours.ALWAYS:
        return True
    session = _WORKDAY_SESSIONS[hours].get(weekday(broker_ms))
    if session is None:
        return False
    minute = broker_ms % DAY_MS // MINUTE_MS
    return session[0] <= minute < session[1]
