"""The trade server's wall clock, which MetaTrader writes everywhere as if it were UTC.

There is no call that returns it. A quote that was seen to arrive tells it; anything older tells nothing, and
unknown stays unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# Offsets of trade servers are whole hours nearly everywhere; quarters cover the zones of the world.
_GRID_SECONDS = 15 * 60
# Between a quote's stamp and its arrival, network and our own clock's error included.
_TOLERANCE_SECONDS = 60
_MAX_OFFSET_SECONDS = 15 * 3600
_AGREEING_TICKS = 3


def offset_of_fresh_tick(tick_time_msc: int, utc_now_msc: int) -> int | None:
    """Return broker time minus UTC in seconds, from a quote that arrived just now.

    None when the difference is not near a quarter of an hour: then the quote was not fresh, or one of the
    clocks is wrong.
    """
    difference = (tick_time_msc - utc_now_msc) / 1000
    offset = round(difference / _GRID_SECONDS) * _GRID_SECONDS
    if abs(difference - offset) > _TOLERANCE_SECONDS or abs(offset) > _MAX_OFFSET_SECONDS:
        return None
    return offset


@dataclass(frozen=True, slots=True)
class BrokerClock:
    """An estimate of the offset. Only agreeing fresh quotes set or change it (twice a year, DST does)."""

    offset_seconds: int | None = None
    newest_tick_msc: int | None = None
    candidate_seconds: int | None = None
    agreeing: int = 0

    def observe(self, tick_time_msc: int, utc_now_msc: int, *, fresh: bool) -> BrokerClock:
        """Return the clock after a quote; `fresh`: it was not there at the previous poll moments ago."""
        newest = tick_time_msc if self.newest_tick_msc is None else max(self.newest_tick_msc, tick_time_msc)
        if not fresh:
            return replace(self, newest_tick_msc=newest)
        offset = offset_of_fresh_tick(tick_time_msc, utc_now_msc)
        if offset is None:
            return replace(self, newest_tick_msc=newest, candidate_seconds=None, agreeing=0)
        agreeing = self.agreeing + 1 if offset == self.candidate_seconds else 1
        settled = offset if agreeing >= _AGREEING_TICKS else self.offset_seconds
        return BrokerClock(settled, newest, offset, min(agreeing, _AGREEING_TICKS))

    def now_msc(self, utc_now_msc: int) -> int | None:
        """Return broker time now, None while the offset is unknown."""
        return None if self.offset_seconds is None else utc_now_msc + self.offset_seconds * 1000
