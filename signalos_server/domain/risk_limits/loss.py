"""How much of what may be lost is lost. Deposits, withdrawals, credit and bonus are not gains or losses.

Money is in the account's currency. Equity has floating profit, swap and commission in it, as the terminal's
has.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from signalos_server.domain.dealing.denial import Denial, deny


class Base(StrEnum):
    """What a day's loss is counted from: at the anchor."""

    BALANCE = "balance"
    EQUITY = "equity"
    HIGHER = "higher"


class Drawdown(StrEnum):
    """What a total loss is counted from."""

    # The balance at the beginning.
    STATIC = "static"
    # The highest balance at a day's end.
    TRAILING_DAY = "trailing_day"
    # The highest equity ever.
    TRAILING_NOW = "trailing_now"


@dataclass(frozen=True, slots=True)
class DayOpening:
    """An account at the anchor. `transfers` (deposits minus withdrawals, bonus) came since then.

    `equity` None: it is not known, since nobody looked and something was open.
    """

    balance: Decimal
    equity: Decimal | None
    transfers: Decimal = Decimal(0)

    def base(self, base: Base) -> Decimal | None:
        """Return what the day's loss is counted from, transfers included; None: not known."""
        if base is Base.BALANCE:
            return self.balance + self.transfers
        if self.equity is None:
            return None
        chosen = self.equity if base is Base.EQUITY else max(self.balance, self.equity)
        return chosen + self.transfers


@dataclass(frozen=True, slots=True)
class Meter:
    """One limit: what may be lost, what is lost (negative: gained), and what is left."""

    code: str
    limit: Decimal
    current: Decimal

    @property
    def headroom(self) -> Decimal:
        """Return what may still be lost; negative: the limit is broken."""
        return self.limit - self.current

    def admit(self, worst_case: Decimal) -> Denial | None:
        """Return a denial where the loss at an order's stop would break the limit."""
        if self.current + worst_case <= self.limit:
            return None
        return deny(
            self.code,
            "the loss at the stop would break the limit",
            limit=_cents(self.limit),
            current=_cents(self.current),
            worst_case=_cents(self.current + worst_case),
        )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))


def daily_loss(
    opening: DayOpening | None,
    equity: Decimal,
    base: Base,
    *,
    percent: Decimal | None = None,
    money: Decimal | None = None,
    share: Decimal = Decimal(1),
) -> Meter | Denial:
    """Return the day's meter. The limit is a percentage of the base or an amount, times `share` (our margin
    to a firm's own limit). Without an opening nothing may be opened, and nothing is flattened."""
    if opening is None:
        return deny("DAY_BASE_UNKNOWN", "the account at the day's beginning is not known")
    counted = opening.base(base)
    if counted is None:
        return deny("DAY_BASE_UNKNOWN", "the equity at the day's beginning is not known")
    if (percent is None) == (money is None):
        raise ValueError("a daily loss is limited by a percentage or by an amount")
    # The percentage is of the account as it was, not of what was paid in since.
    whole = counted - opening.transfers
    limit = money if money is not None else whole * (percent or Decimal(0)) / 100
    return Meter("MAX_DAILY_LOSS", limit * share, counted - equity)


@dataclass(frozen=True, slots=True)
class Peaks:
    """What total losses are counted from; each without the transfers that came after it."""

    start_balance: Decimal
    highest_day_end: Decimal
    highest_equity: Decimal


def total_loss(
    peaks: Peaks,
    equity: Decimal,
    transfers: Decimal,
    drawdown: Drawdown,
    percent: Decimal | None = None,
    share: Decimal = Decimal(1),
    *,
    money: Decimal | None = None,
) -> Meter:
    """Return the meter of the total loss. `transfers` came since the beginning.

    A percentage is of the starting balance, as firms count it, also where the base trails.
    """
    base = {
        Drawdown.STATIC: peaks.start_balance,
        Drawdown.TRAILING_DAY: max(peaks.start_balance, peaks.highest_day_end),
        Drawdown.TRAILING_NOW: max(peaks.start_balance, peaks.highest_equity),
    }[drawdown]
    if (percent is None) == (money is None):
        raise ValueError("a total loss is limited by a percentage or by an amount")
    limit = money if money is not None else peaks.start_balance * (percent or Decimal(0)) / 100
    return Meter("MAX_TOTAL_LOSS", limit * share, base + transfers - equity)
