"""Trading days: from an hour on a wall clock to the same hour of the next day, whatever the clock does.

The anchor is a wall-clock time in a zone (`17:00` in New York). On the day on which clocks are put forward an
anchor that does not exist becomes the first moment after the gap; on the day on which they are put back one
that comes twice is its first coming. So a day has 23, 24 or 25 hours, and days never overlap or leave a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class DayAnchor:
    """When a trading day begins."""

    at: time
    zone: tzinfo

    def start(self, now: datetime) -> datetime:
        """Return the beginning, in UTC, of the trading day that `now` (aware) is in."""
        local = now.astimezone(self.zone).date()
        # A day around the local date, since the anchor's own offset may put it on either side.
        for days in (1, 0, -1, -2):
            begins = self._on(local + timedelta(days=days))
            if begins <= now:
                return begins
        raise AssertionError("an anchor of the last three days is past")

    def end(self, now: datetime) -> datetime:
        """Return the beginning, in UTC, of the next trading day."""
        local = now.astimezone(self.zone).date()
        for days in (-1, 0, 1, 2):
            begins = self._on(local + timedelta(days=days))
            if begins > now:
                return begins
        raise AssertionError("an anchor of the next three days is to come")

    def _on(self, day: date) -> datetime:
        wall = datetime.combine(day, self.at.replace(tzinfo=None))
        first = wall.replace(tzinfo=self.zone, fold=0)
        if first.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) == wall:
            return first.astimezone(UTC)
        # The wall clock skips this time. Read with the offset before the gap it lands behind it, as far as
        # it lies within; the gap's end is that much earlier.
        before = first.utcoffset() or timedelta(0)
        after = wall.replace(tzinfo=self.zone, fold=1).utcoffset() or timedelta(0)
        landed = first.astimezone(UTC)
        return _first_after_gap(landed, self.zone, abs(after - before))


def _first_after_gap(landed: datetime, zone: tzinfo, width: timedelta) -> datetime:
    """Return the first moment with the offset that holds at `landed`, at most `width` before it."""
    offset = landed.astimezone(zone).utcoffset()
    early, late = landed - width, landed
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            late = middle
        else:
            early = middle
    return late.replace(microsecond=0)
