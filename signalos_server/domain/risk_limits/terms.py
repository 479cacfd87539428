"""What may be set as limits of an account, and within which bounds. None is off.

Money is in the account's currency; percentages are numbers like 5 for 5 %.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import time
from decimal import Decimal

from signalos_server.domain.errors import InvalidFields
from signalos_server.domain.risk_limits.loss import Base, Drawdown
from signalos_server.domain.risk_limits.stages import Levels
from signalos_server.domain.words import EquityFloorAction

_CLOCK = re.compile(r"^([01][0-9]|2[0-3]):[0-5][0-9]$")

# While a limit needs the account's money, it is not older than this unless set otherwise.
DEFAULT_ACCOUNT_AGE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class TradingDay:
    """When a trading day begins: on a wall clock, in an IANA zone."""

    begins_at: str = "00:00"
    zone: str = "UTC"

    @property
    def at(self) -> time:
        """Return the time on the wall."""
        return time.fromisoformat(self.begins_at)


@dataclass(frozen=True, slots=True)
class Amount:
    """A share or a sum: exactly one is set."""

    percent: Decimal | None = None
    money: Decimal | None = None

    def of(self, base: Decimal) -> Decimal:
        """Return it in money."""
        return self.money if self.money is not None else base * (self.percent or Decimal(0)) / 100


@dataclass(frozen=True, slots=True)
class DailyLoss:
    """What may be lost in a day."""

    amount: Amount
    base: Base = Base.BALANCE
    levels: Levels = field(default_factory=Levels)
    keep_positions: bool = False


@dataclass(frozen=True, slots=True)
class TotalLoss:
    """What may be lost in all; `start_balance` None: as it was when the limit was first needed."""

    amount: Amount
    drawdown: Drawdown = Drawdown.STATIC
    start_balance: Decimal | None = None
    levels: Levels = field(default_factory=Levels)
    keep_positions: bool = False


@dataclass(frozen=True, slots=True)
class ProfitLock:
    """A day's profit at which nothing new is opened."""

    amount: Amount
    close_positions: bool = False


@dataclass(frozen=True, slots=True)
class LossRow:
    """So many losing signals in a row, all trades of one taken together.

    `cooldown_seconds` None: until the trading day ends.
    """

    count: int
    cooldown_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an account. The first five are held by the bridge too."""

    maximum_order_lots: Decimal | None = None
    maximum_positions: int | None = None
    maximum_spread_points: Decimal | None = None
    minimum_equity: Decimal | None = None
    minimum_equity_action: EquityFloorAction = EquityFloorAction.BLOCK
    day: TradingDay = field(default_factory=TradingDay)
    daily_loss: DailyLoss | None = None
    total_loss: TotalLoss | None = None
    daily_profit: ProfitLock | None = None
    maximum_symbol_lots: Decimal | None = None
    maximum_total_lots: Decimal | None = None
    maximum_currency_exposure_percent: Decimal | None = None
    maximum_leverage: Decimal | None = None
    trade_risk: Amount | None = None
    idea_risk: Amount | None = None
    mandatory_stop: bool = False
    stop_missing_after_seconds: float | None = None
    maximum_spread_median_factor: Decimal | None = None
    maximum_spread_stop_percent: Decimal | None = None
    maximum_trades_a_day: int | None = None
    consecutive_losses: LossRow | None = None
    minimum_margin_level_percent: Decimal | None = None
    maximum_requests_a_day: int | None = None
    maximum_account_age_seconds: float | None = None
    profile_id: str = ""

    @property
    def at_bridge(self) -> Limits:
        """Return the part that the bridge holds."""
        return Limits(
            self.maximum_order_lots,
            self.maximum_positions,
            self.maximum_spread_points,
            self.minimum_equity,
            self.minimum_equity_action,
        )

    @property
    def any(self) -> bool:
        """Return whether anything is limited."""
        return replace(self, day=TradingDay(), profile_id="") != Limits()

    @property
    def watched(self) -> bool:
        """Return whether anything is to be watched continuously."""
        return bool(
            self.daily_loss
            or self.total_loss
            or self.daily_profit
            or self.minimum_equity is not None
            or self.stop_missing_after_seconds is not None
        )

    @property
    def counts_the_day(self) -> bool:
        """Return whether the account at the day's beginning has to be known."""
        return bool(self.daily_loss or self.daily_profit or self.total_loss)

    @property
    def needs_money(self) -> bool:
        """Return whether balance and equity have to be known."""
        return bool(
            self.counts_the_day
            or self.minimum_equity is not None
            or self.maximum_currency_exposure_percent is not None
            or self.maximum_leverage is not None
            or _is_share(self.trade_risk)
            or _is_share(self.idea_risk)
            or self.minimum_margin_level_percent is not None
            or self.maximum_account_age_seconds is not None
        )

    @property
    def account_age_seconds(self) -> float:
        """Return how old the account's money may be."""
        age = self.maximum_account_age_seconds
        return DEFAULT_ACCOUNT_AGE_SECONDS if age is None else age


def _is_share(amount: Amount | None) -> bool:
    return amount is not None and amount.percent is not None


# Lowest (exclusive) and highest (inclusive) of each number, and its words in the contract's JSON.
_POSITIVE: tuple[tuple[str, str, float], ...] = (
    ("maximum_order_lots", "maximumOrderLots", 10_000),
    ("maximum_spread_points", "maximumSpreadPoints", 1_000_000),
    ("minimum_equity", "minimumEquity", 1e12),
    ("maximum_symbol_lots", "maximumSymbolLots", 100_000),
    ("maximum_total_lots", "maximumTotalLots", 100_000),
    ("maximum_currency_exposure_percent", "maximumCurrencyExposurePercent", 1_000_000),
    ("maximum_leverage", "maximumLeverage", 10_000),
    ("maximum_spread_median_factor", "maximumSpreadMedianFactor", 1_000),
    ("maximum_spread_stop_percent", "maximumSpreadStopPercent", 100),
    ("minimum_margin_level_percent", "minimumMarginLevelPercent", 1_000_000),
    ("maximum_positions", "maximumPositions", 10_000),
    ("maximum_trades_a_day", "maximumTradesADay", 100_000),
    ("maximum_requests_a_day", "maximumRequestsADay", 10_000_000),
    ("stop_missing_after_seconds", "stopMissingAfter", 86_400),
    ("maximum_account_age_seconds", "maximumAccountAge", 3_600),
)
_MOST_MONEY = Decimal(10) ** 12


def check_limits(limits: Limits, path: str = "limits") -> None:
    """Raise `InvalidFields` with each field that is out of its range, and the range."""
    violations = tuple((f"{path}.{name}", words) for name, words in _violations(limits))
    if violations:
        raise InvalidFields(violations)


def _violations(limits: Limits) -> Iterator[tuple[str, str]]:
    for attribute, name, highest in _POSITIVE:
        value = getattr(limits, attribute)
        if value is not None and not 0 < value <= highest:
            yield name, f"lies above 0, up to {highest:g}; leave it out to switch the limit off"
    if limits.minimum_equity is None and limits.minimum_equity_action is not EquityFloorAction.BLOCK:
        yield "minimumEquityAction", "needs minimumEquity: there is no floor to act at"
    if not _CLOCK.match(limits.day.begins_at):
        yield "day.beginsAt", "is a time on the wall, from 00:00 to 23:59"
    if limits.daily_loss is not None:
        yield from _amount("dailyLoss", limits.daily_loss.amount, 100)
    if limits.total_loss is not None:
        yield from _amount("totalLoss", limits.total_loss.amount, 100)
        start = limits.total_loss.start_balance
        if start is not None and not 0 < start <= _MOST_MONEY:
            yield "totalLoss.startBalance", "lies above 0, up to 1e12"
    if limits.daily_profit is not None:
        yield from _amount("dailyProfit", limits.daily_profit.amount, 10_000)
    for name, risk in (("tradeRisk", limits.trade_risk), ("ideaRisk", limits.idea_risk)):
        if risk is not None:
            yield from _amount(name, risk, 100)
    row = limits.consecutive_losses
    if row is not None:
        if not 1 <= row.count <= 1_000:
            yield "consecutiveLosses.count", "lies between 1 and 1000"
        if row.cooldown_seconds is not None and not 1 <= row.cooldown_seconds <= 30 * 86_400:
            yield "consecutiveLosses.cooldown", "lies between 1 s and 30 days"


def _amount(name: str, amount: Amount, most_percent: int) -> Iterator[tuple[str, str]]:
    if (amount.percent is None) == (amount.money is None):
        yield name, "needs percent or money, and not both"
    if amount.percent is not None and not 0 < amount.percent <= most_percent:
        yield f"{name}.percent", f"lies above 0, up to {most_percent}"
    if amount.money is not None and not 0 < amount.money <= _MOST_MONEY:
        yield f"{name}.money", "lies above 0, up to 1e12"
