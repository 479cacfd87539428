"""What is remembered of an account for its limits: how days began, its peaks, and what is latched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from signalos_server.domain.risk_limits.loss import DayOpening, Peaks
from signalos_server.domain.risk_limits.stages import Stage

# Rounding of the broker's own sums.
_CENT = Decimal("0.02")


class Source(StrEnum):
    """How it is known how a day began."""

    READ = "read"
    REBUILT = "rebuilt from deals"
    # By a person, from the broker's statement.
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class DayRecord:
    """An account when a trading day began, credit left out. `equity` None: not known."""

    start_time: datetime
    balance: Decimal
    equity: Decimal | None
    credit: Decimal
    source: Source


@dataclass(frozen=True, slots=True)
class DealSums:
    """What deals since some moment add up to: by trading (costs included), payments, and bonus."""

    trading: Decimal = Decimal(0)
    payments: Decimal = Decimal(0)
    bonus: Decimal = Decimal(0)

    @property
    def balance(self) -> Decimal:
        """Return by how much they move the balance."""
        return self.trading + self.payments + self.bonus


@dataclass(frozen=True, slots=True)
class Transfers:
    """What was paid in less what was paid out. `explained`: the deals on record account for the balance."""

    amount: Decimal
    explained: bool


def transfers_since(before_balance: Decimal, now_balance: Decimal, sums: DealSums) -> Transfers:
    """Return what was paid since the balance was `before_balance`.

    Brokers book a bonus either into the balance or into the credit: whichever explains the balance counts.
    """
    change = now_balance - before_balance
    if abs(change - sums.balance) <= _CENT:
        return Transfers(sums.payments + sums.bonus, True)
    return Transfers(sums.payments, abs(change - sums.trading - sums.payments) <= _CENT)


@dataclass(frozen=True, slots=True)
class Latch:
    """A stage that stays until a person resumes, with the numbers that led to it."""

    code: str
    stage: Stage
    since: datetime
    limit: Decimal
    current: Decimal


@dataclass(frozen=True, slots=True)
class Ledger:
    """One account's memory. Peaks are without the transfers since `start_time`; None: not begun yet."""

    account_id: str
    start_time: datetime | None = None
    start_balance: Decimal | None = None
    highest_day_end: Decimal | None = None
    highest_equity: Decimal | None = None
    bonus_in_credit: bool = False
    """The broker books a bonus into the credit, not into the balance."""
    latches: tuple[Latch, ...] = ()

    def latch(self, code: str) -> Latch | None:
        """Return what is latched of a limit."""
        return next((latch for latch in self.latches if latch.code == code), None)

    def latched(self, latch: Latch) -> Ledger:
        """Return it with a limit latched; a stage never falls."""
        known = self.latch(latch.code)
        if known is not None and known.stage >= latch.stage:
            return self
        kept = tuple(other for other in self.latches if other.code != latch.code)
        return replace(self, latches=(*kept, latch))

    def resumed(self, codes: frozenset[str]) -> Ledger:
        """Return it without what is latched of these limits."""
        return replace(self, latches=tuple(latch for latch in self.latches if latch.code not in codes))

    def begun(self, now: datetime, balance: Decimal) -> Ledger:
        """Return it counting from here, unless it counts already."""
        if self.start_time is not None:
            return self
        return replace(
            self,
            start_time=now,
            start_balance=balance,
            highest_day_end=balance,
            highest_equity=balance,
        )

    def day_ended(self, net_balance: Decimal) -> Ledger:
        """Return it after a day's end; the balance is without the transfers since the beginning."""
        if self.highest_day_end is None or net_balance <= self.highest_day_end:
            return self
        return replace(self, highest_day_end=net_balance)

    def risen(self, net_equity: Decimal) -> Ledger:
        """Return it after an equity was seen; without the transfers since the beginning."""
        if self.highest_equity is None or net_equity <= self.highest_equity:
            return self
        return replace(self, highest_equity=net_equity)

    def peaks(self, start_balance: Decimal | None) -> Peaks | None:
        """Return what total losses are counted from; `start_balance`: as set, None: as it was."""
        start = self.start_balance if start_balance is None else start_balance
        if start is None:
            return None
        return Peaks(start, self.highest_day_end or start, self.highest_equity or start)


def opening_of(record: DayRecord | None, transfers: Decimal) -> DayOpening | None:
    """Return a day's opening with what was paid since; None: not known."""
    if record is None:
        return None
    # Without an equity only a base of the balance can be counted from; see `loss.daily_loss`.
    return DayOpening(record.balance, record.equity, transfers)
