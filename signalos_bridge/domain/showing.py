"""When hidden levels are written to the broker for a while: the week's end, and a broker that is often away.

MetaTrader's Python interface tells nothing of a symbol's sessions, so that the week of the currency market
counts: it closes on Friday at 17:00 in New York and opens on Sunday at the same time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from signalos_bridge.domain.values import StealthSettings

_BEFORE_CLOSE = timedelta(minutes=15)
# Brokers open some minutes late, with spreads that settle then.
_AFTER_OPEN = timedelta(minutes=10)
_HOUR_SECONDS = 3600.0
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
_CLOSE_OF_DAY = timedelta(hours=17)


def new_york(at: datetime) -> datetime:
    """Return New York's wall clock, exact but for the hour in which it is changed. `at` is UTC."""
    standard = at - timedelta(hours=5)
    day = standard.date()
    # Daylight saving since 2007: from the second Sunday of March to the first of November.
    summer = _sunday(day.year, 3, 2) <= day < _sunday(day.year, 11, 1)
    return standard + timedelta(hours=1) if summer else standard


def _sunday(year: int, month: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(_SUNDAY - first.weekday()) % 7 + 7 * (number - 1))


def is_weekend(wall_msc: int) -> bool:
    """Return whether the week is about to close, closed, or has just opened; UTC, in milliseconds."""
    local = new_york(datetime.fromtimestamp(wall_msc / 1000, UTC))
    time = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    if local.weekday() == _FRIDAY:
        return time >= _CLOSE_OF_DAY - _BEFORE_CLOSE
    if local.weekday() == _SUNDAY:
        return time < _CLOSE_OF_DAY + _AFTER_OPEN
    return local.weekday() == _SATURDAY


class ShowRule:
    """Why levels are to be shown now. Told when the terminal's link to its broker comes and goes."""

    def __init__(self) -> None:
        """Begin with a link that has never been lost."""
        self._linked = False
        self._lost_at: list[float] = []
        self._unsteady = False

    def link(self, up: bool, now: float) -> None:
        """Take the state of the link; `now` is monotonic seconds."""
        if self._linked and not up:
            self._lost_at.append(now)
        self._linked = up

    def why(self, settings: StealthSettings, now: float, wall_msc: int) -> str:
        """Return why levels are to be shown; empty: they need not be."""
        self._lost_at = [at for at in self._lost_at if now - at < _HOUR_SECONDS]
        limit = settings.link_losses
        # Once it was lost too often, an hour has to pass without a loss.
        self._unsteady = limit > 0 and (
            len(self._lost_at) >= limit or (self._unsteady and bool(self._lost_at))
        )
        if self._unsteady:
            return f"the link to the broker was lost {len(self._lost_at)} times within the last hour"
        if not settings.hidden_over_weekend and is_weekend(wall_msc):
            return "the market's week closes"
        return ""
