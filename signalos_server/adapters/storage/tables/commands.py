"""Commands, and the callers' keys that make a repeat find what came of the first call."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import ExactDecimal, UtcTime


class RequestRow(Table):
    """One key of a caller, for ever: what was asked under it, and the command that came of it."""

    __tablename__ = "requests"

    user_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    # SHA-256 over the call and its body, in hex.
    body_hash: Mapped[str] = mapped_column(String(64))
    # Empty: the call changed a policy.
    command_id: Mapped[str] = mapped_column(String(64))
    create_time: Mapped[datetime] = mapped_column(UtcTime)


class CommandRow(Table):
    """One command. Numbers of states and origins are the contract's."""

    __tablename__ = "commands"
    __table_args__ = (
        Index(None, "account_id", "create_time", "command_id"),
        Index(None, "account_id", "state"),
        Index(None, "trade_id"),
        Index(None, "signal_id"),
    )

    command_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"))
    # Empty, as the request, where the bridge started it itself.
    user_id: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    origin: Mapped[int]
    state: Mapped[int]
    action_kind: Mapped[str] = mapped_column(String(32))
    # JSON of the kind's dataclass.
    action: Mapped[str] = mapped_column(Text)
    # JSON of the legs.
    legs: Mapped[str] = mapped_column(Text)
    stop_generation: Mapped[int] = mapped_column(BigInteger)
    increases_risk: Mapped[bool]
    automated: Mapped[bool]
    create_time: Mapped[datetime] = mapped_column(UtcTime)
    time_to_live_microseconds: Mapped[int] = mapped_column(BigInteger)
    # The clocks at the accept: the monotonic one, of which run of it and of the server.
    accepted_monotonic_microseconds: Mapped[int] = mapped_column(BigInteger)
    accepted_machine_boot: Mapped[str] = mapped_column(String(64))
    accepted_server_boot: Mapped[str] = mapped_column(String(64))
    # Unset: it was never handed to a session.
    offered_epoch: Mapped[int | None] = mapped_column(BigInteger)
    outcome_number: Mapped[int]
    trade_id: Mapped[str] = mapped_column(String(64))
    order_id: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(100))
    message: Mapped[str] = mapped_column(Text)
    deliver_time: Mapped[datetime | None] = mapped_column(UtcTime)
    run_time: Mapped[datetime | None] = mapped_column(UtcTime)
    end_time: Mapped[datetime | None] = mapped_column(UtcTime)
    asked_volume_lots: Mapped[Decimal] = mapped_column(ExactDecimal)
    filled_volume_lots: Mapped[Decimal] = mapped_column(ExactDecimal)
    resolved_by_person: Mapped[bool]
    cancel_wanted: Mapped[bool]
    # The signal that caused it; empty: none.
    signal_id: Mapped[str] = mapped_column(String(64), server_default="")
    # Rises with each change that subscribers are told of; makes the ids of those events.
    version: Mapped[int]
