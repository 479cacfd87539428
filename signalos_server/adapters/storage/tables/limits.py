"""What is remembered of accounts for their limits."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import ExactDecimal, UtcTime


class LimitLedgerRow(Table):
    """An account's peaks, and the limits that are latched."""

    __tablename__ = "limit_ledgers"

    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"), primary_key=True)
    # JSON of the ledger.
    ledger: Mapped[str] = mapped_column(Text)
    # Rises with each change that subscribers are told of; makes the ids of those events.
    version: Mapped[int] = mapped_column(default=0)


class LimitDayRow(Table):
    """An account when a trading day of it began."""

    __tablename__ = "limit_days"

    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"), primary_key=True)
    start_time: Mapped[datetime] = mapped_column(UtcTime, primary_key=True)
    balance: Mapped[Decimal] = mapped_column(ExactDecimal)
    # None: not known, since nobody looked while something was open.
    equity: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    credit: Mapped[Decimal] = mapped_column(ExactDecimal)
    # How it is known: `read`, `rebuilt from deals`.
    source: Mapped[str] = mapped_column(String(32))
