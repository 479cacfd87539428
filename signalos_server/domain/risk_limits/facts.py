"""What limits are held against: one account at one moment. None is not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from signalos_server.domain.order_rules import Market
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.risk_limits.days import DayAnchor
from signalos_server.domain.risk_limits.exposure import Holding
from signalos_server.domain.risk_limits.ledger import DayRecord, Ledger, opening_of
from signalos_server.domain.risk_limits.loss import Meter, daily_loss, total_loss
from signalos_server.domain.risk_limits.terms import DailyLoss, ProfitLock, TotalLoss


@dataclass(frozen=True, slots=True)
class AccountMoney:
    """An account's money as last read. Credit is part of the broker's equity, and not the account's own."""

    balance: Decimal
    equity: Decimal
    credit: Decimal = Decimal(0)
    margin_level_percent: Decimal | None = None

    @property
    def own_equity(self) -> Decimal:
        """Return the equity without credit."""
        return self.equity - self.credit


@dataclass(frozen=True, slots=True)
class LosingRow:
    """How many signals closed one after the other with a loss, and when the last of them did."""

    count: int = 0
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An account as limits see it. `money` None: not known, or older than is allowed.

    `transfers` were paid in since the day began, `all_transfers` since the ledger did.
    """

    now: datetime
    anchor: DayAnchor
    money: AccountMoney | None
    money_age_seconds: float | None = None
    holdings: tuple[Holding, ...] = ()
    specs: Mapping[str, SymbolSpec] = field(default_factory=dict)
    market: Market | None = None
    median_spread_points: Decimal | None = None
    day: DayRecord | None = None
    transfers: Decimal | None = None
    all_transfers: Decimal | None = None
    trades_today: int | None = None
    requests_today: int | None = None
    losing_row: LosingRow = LosingRow()
    ledger: Ledger = field(default_factory=lambda: Ledger(""))


def daily_meter(term: DailyLoss, facts: AccountFacts) -> Meter | None:
    """Return what of the day's loss is used; None: not known."""
    if facts.money is None or facts.transfers is None:
        return None
    found = daily_loss(
        opening_of(facts.day, facts.transfers),
        facts.money.own_equity,
        term.base,
        percent=term.amount.percent,
        money=term.amount.money,
    )
    return found if isinstance(found, Meter) else None


def total_meter(term: TotalLoss, facts: AccountFacts) -> Meter | None:
    """Return what of the total loss is used; None: not known."""
    peaks = facts.ledger.peaks(term.start_balance)
    if facts.money is None or facts.all_transfers is None or peaks is None:
        return None
    return total_loss(
        peaks,
        facts.money.own_equity,
        facts.all_transfers,
        term.drawdown,
        term.amount.percent,
        money=term.amount.money,
    )


def profit_meter(term: ProfitLock, facts: AccountFacts) -> Meter | None:
    """Return how much of the day's profit is made: positive is won; None: not known."""
    if facts.money is None or facts.transfers is None or facts.day is None:
        return None
    won = facts.money.own_equity - facts.day.balance - facts.transfers
    return Meter("DAILY_PROFIT_LOCK", term.amount.of(facts.day.balance), won)


def day_unknown(facts: AccountFacts) -> str:
    """Return why the day's loss cannot be counted, in plain words."""
    if facts.money is None:
        return "the account's money is not known now"
    if facts.day is None:
        return "the account at the day's beginning is not known"
    if facts.transfers is None:
        return "what was paid in or out since the day began is not known: the broker's clock is not"
    return "the equity at the day's beginning is not known"
