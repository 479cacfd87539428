"""Alerts: what a person has to know, until somebody acknowledges it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import UtcTime


class AlertRow(Table):
    """One alert; the same one seen again counts up until it is acknowledged."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(None, "account_id", "create_time"),
        # One open alert for each key; an acknowledged one frees it.
        Index(None, "open_key", unique=True),
        Index(None, "escalate_time"),
        Index(None, "condition_key"),
    )

    alert_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    # Empty: the system's.
    account_id: Mapped[str] = mapped_column(String(64))
    # The number of `signalos.v1.AlertSeverity`.
    severity: Mapped[int]
    code: Mapped[str] = mapped_column(String(64))
    # What makes two sightings the same; unset once acknowledged.
    open_key: Mapped[str | None] = mapped_column(String(300))
    message: Mapped[str] = mapped_column(Text)
    known: Mapped[str] = mapped_column(Text)
    advice: Mapped[str] = mapped_column(Text)
    create_time: Mapped[datetime] = mapped_column(UtcTime)
    last_time: Mapped[datetime] = mapped_column(UtcTime)
    count: Mapped[int]
    acknowledge_time: Mapped[datetime | None] = mapped_column(UtcTime)
    acknowledge_user_id: Mapped[str] = mapped_column(String(64), default="")
    command_id: Mapped[str] = mapped_column(String(64), default="")
    trade_id: Mapped[str] = mapped_column(String(64), default="")
    # What it tells of, also once acknowledged: so that the end of it can be said.
    condition_key: Mapped[str] = mapped_column(String(300), default="")
    # How often it was told again, and when it is the next time; unset: it is not.
    escalation_level: Mapped[int] = mapped_column(default=0)
    escalate_time: Mapped[datetime | None] = mapped_column(UtcTime)
    # When and how what it tells of ended; unset: it lasts, or is of a kind that does not end.
    end_time: Mapped[datetime | None] = mapped_column(UtcTime)
    end_reason: Mapped[str] = mapped_column(Text, default="")
    acknowledge_note: Mapped[str] = mapped_column(Text, default="")
    # The bridge's telling that raised it or was counted last; empty: no bridge did.
    telling_id: Mapped[str] = mapped_column(String(64), default="")
