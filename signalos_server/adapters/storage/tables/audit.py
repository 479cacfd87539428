"""The audit: chains of entries, each sealed by a hash over itself and the one before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import UtcTime


class AuditChainRow(Table):
    """The head of a chain: what its last entry is, so that a cut tail shows."""

    __tablename__ = "audit_chains"

    # An account id, or `system`.
    chain: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))


class AuditEntryRow(Table):
    """One entry; never changed, never deleted."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "time", "chain", "number"),)

    chain: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    time: Mapped[datetime] = mapped_column(UtcTime)
    # The server's monotonic clock since its start.
    monotonic_microseconds: Mapped[int] = mapped_column(BigInteger)
    # Empty: the system.
    user_id: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(100))
    # JSON with sorted keys.
    detail: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
