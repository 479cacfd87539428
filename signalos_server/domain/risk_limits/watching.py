"""What is followed continuously: each limit on money with its meter, and what a reading is worth.

A reading counts once for a trip, and only where it is plausible; see `stages`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from signalos_server.domain.risk_limits.facts import AccountFacts, daily_meter, profit_meter, total_meter
from signalos_server.domain.risk_limits.loss import Meter
from signalos_server.domain.risk_limits.stages import Levels
from signalos_server.domain.risk_limits.terms import Limits
from signalos_server.domain.risk_limits.uses import PROFIT_BLOCKS, PROFIT_CLOSES

# The deals that explain a balance are told within seconds of it; longer than this nothing waits for them.
UNEXPLAINED_SECONDS = 30.0
# Two reads of a new highest equity lie this far apart.
PEAK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A limit with its meter. `closes`: at the hard stage everything is closed."""

    code: str
    meter: Meter
    levels: Levels
    closes: bool


def watched(limits: Limits, facts: AccountFacts) -> Iterator[Watched]:
    """Return the limits that are followed and whose meters are known."""
    daily, total, lock = limits.daily_loss, limits.total_loss, limits.daily_profit
    if daily is not None and (meter := daily_meter(daily, facts)) is not None:
        yield Watched("MAX_DAILY_LOSS", meter, daily.levels, not daily.keep_positions)
    # What was paid in or out is told apart by the day's deals: without a day nothing may trip.
    if total is not None and facts.day is not None and (meter := total_meter(total, facts)) is not None:
        yield Watched("MAX_TOTAL_LOSS", meter, total.levels, not total.keep_positions)
    if lock is not None and (meter := profit_meter(lock, facts)) is not None:
        levels = PROFIT_CLOSES if lock.close_positions else PROFIT_BLOCKS
        yield Watched("DAILY_PROFIT_LOCK", meter, levels, lock.close_positions)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether the deals on record account for the balance, and since when they do not."""

    since: float | None = None

    def told(self, explained: bool, now: float) -> Explanation:
        """Return it after a reading."""
        if explained:
            return Explanation()
        return self if self.since is not None else Explanation(now)

    def counts(self, now: float) -> bool:
        """Return whether a reading may lead to a trip: explained, or unexplained for too long."""
        return self.since is None or now - self.since >= UNEXPLAINED_SECONDS


@dataclass(frozen=True, slots=True)
class PeakWatch:
    """Sees new highest equities: one that only a single reading shows is none."""

    lowest: Decimal | None = None
    since: float = 0.0

    def read(self, highest: Decimal | None, equity: Decimal, now: float) -> tuple[PeakWatch, Decimal | None]:
        """Return it after a reading, and the new highest equity where one is confirmed."""
        if highest is not None and equity <= highest:
            return PeakWatch(), None
        if self.lowest is None:
            return PeakWatch(equity, now), None
        lowest = min(self.lowest, equity)
        if now - self.since < PEAK_SECONDS:
            return PeakWatch(lowest, self.since), None
        return PeakWatch(equity, now), lowest
