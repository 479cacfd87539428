"""How the equity of accounts went."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table


class EquitySampleRow(Table):
    """Money of one account at one time, and the stretch of time that it stands for."""

    __tablename__ = "equity_samples"

    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"), primary_key=True)
    # Since 1970, in UTC.
    time_milliseconds: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    equity: Mapped[float]
    balance: Mapped[float | None]
    span_seconds: Mapped[float]
