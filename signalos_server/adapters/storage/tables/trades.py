"""Trades, pending orders, deals and symbols of accounts, as their bridges report them.

Broker times are the broker's wall clock in milliseconds, written as if it were UTC.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import ExactDecimal, UtcTime


class TradeRow(Table):
    """One position's life."""

    __tablename__ = "trades"
    __table_args__ = (
        Index(None, "account_id", "state"),
        Index(None, "account_id", "open_broker_milliseconds", "trade_id"),
        Index(None, "account_id", "position_identifier", unique=True),
        Index(None, "signal_id"),
    )

    trade_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"))
    state: Mapped[int]
    ticket: Mapped[int] = mapped_column(BigInteger)
    position_identifier: Mapped[int] = mapped_column(BigInteger)
    symbol: Mapped[str] = mapped_column(String(64))
    side: Mapped[int]
    origin: Mapped[int]
    volume_lots: Mapped[Decimal] = mapped_column(ExactDecimal)
    opened_volume_lots: Mapped[Decimal] = mapped_column(ExactDecimal)
    open_price: Mapped[Decimal] = mapped_column(ExactDecimal)
    close_price: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    broker_stop_loss: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    broker_take_profit: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    virtual_stop_loss: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    virtual_take_profit: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    hidden: Mapped[bool]
    guard_state: Mapped[int]
    # JSON of the trailing stop as the bridge keeps it; empty: none.
    trailing_stop: Mapped[str] = mapped_column(Text)
    # JSON of the ladder and the move to break-even as the bridge keeps them; empty: none.
    protection: Mapped[str] = mapped_column(Text, server_default="")
    initial_stop_loss: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    realised_profit: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    commission: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    deal_swap: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    position_swap: Mapped[Decimal] = mapped_column(ExactDecimal)
    open_broker_milliseconds: Mapped[int] = mapped_column(BigInteger)
    update_broker_milliseconds: Mapped[int] = mapped_column(BigInteger)
    close_broker_milliseconds: Mapped[int | None] = mapped_column(BigInteger)
    broker_offset_seconds: Mapped[int | None]
    close_cause: Mapped[int]
    magic: Mapped[int] = mapped_column(BigInteger)
    comment: Mapped[str] = mapped_column(String(200))
    open_command_id: Mapped[str] = mapped_column(String(64))
    # The signal that caused it; empty: none.
    signal_id: Mapped[str] = mapped_column(String(64), server_default="")
    update_time: Mapped[datetime] = mapped_column(UtcTime)


class OrderRow(Table):
    """A pending order."""

    __tablename__ = "orders"
    __table_args__ = (
        Index(None, "account_id", "state"),
        Index(None, "account_id", "place_broker_milliseconds", "order_id"),
    )

    order_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"))
    state: Mapped[int]
    ticket: Mapped[int] = mapped_column(BigInteger)
    symbol: Mapped[str] = mapped_column(String(64))
    side: Mapped[int]
    type: Mapped[int]
    origin: Mapped[int]
    volume_lots: Mapped[Decimal] = mapped_column(ExactDecimal)
    remaining_volume_lots: Mapped[Decimal] = mapped_column(ExactDecimal)
    price: Mapped[Decimal] = mapped_column(ExactDecimal)
    stop_limit_price: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    stop_loss: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    take_profit: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    place_broker_milliseconds: Mapped[int] = mapped_column(BigInteger)
    # 0: good till cancelled.
    expire_broker_seconds: Mapped[int] = mapped_column(BigInteger)
    position_identifier: Mapped[int] = mapped_column(BigInteger)
    broker_offset_seconds: Mapped[int | None]
    magic: Mapped[int] = mapped_column(BigInteger)
    comment: Mapped[str] = mapped_column(String(200))
    open_command_id: Mapped[str] = mapped_column(String(64))
    hidden: Mapped[bool] = mapped_column(default=False)
    virtual_stop_loss: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    virtual_take_profit: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    target_only: Mapped[bool] = mapped_column(default=False)
    update_time: Mapped[datetime] = mapped_column(UtcTime)


class DealRow(Table):
    """One deal."""

    __tablename__ = "deals"
    __table_args__ = (
        Index(None, "account_id", "position_identifier"),
        Index(None, "account_id", "broker_milliseconds", "ticket"),
    )

    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"), primary_key=True)
    ticket: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    order_ticket: Mapped[int] = mapped_column(BigInteger)
    position_identifier: Mapped[int] = mapped_column(BigInteger)
    symbol: Mapped[str] = mapped_column(String(64))
    type: Mapped[str] = mapped_column(String(32))
    entry: Mapped[int]
    reason: Mapped[int]
    volume_lots: Mapped[Decimal] = mapped_column(ExactDecimal)
    price: Mapped[Decimal] = mapped_column(ExactDecimal)
    profit: Mapped[Decimal] = mapped_column(ExactDecimal)
    commission: Mapped[Decimal] = mapped_column(ExactDecimal)
    swap: Mapped[Decimal] = mapped_column(ExactDecimal)
    fee: Mapped[Decimal] = mapped_column(ExactDecimal)
    magic: Mapped[int] = mapped_column(BigInteger)
    comment: Mapped[str] = mapped_column(String(200))
    broker_milliseconds: Mapped[int] = mapped_column(BigInteger)
    broker_offset_seconds: Mapped[int | None]
    command_id: Mapped[str] = mapped_column(String(64))


class SymbolRow(Table):
    """A symbol of an account's broker."""

    __tablename__ = "symbols"

    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"), primary_key=True)
    symbol: Mapped[str] = mapped_column(String(64), primary_key=True)
    digits: Mapped[int]
    point: Mapped[Decimal] = mapped_column(ExactDecimal)
    tick_size: Mapped[Decimal] = mapped_column(ExactDecimal)
    tick_value: Mapped[Decimal] = mapped_column(ExactDecimal)
    contract_size: Mapped[Decimal] = mapped_column(ExactDecimal)
    volume_minimum_lots: Mapped[Decimal] = mapped_column(ExactDecimal)
    volume_maximum_lots: Mapped[Decimal] = mapped_column(ExactDecimal)
    volume_step_lots: Mapped[Decimal] = mapped_column(ExactDecimal)
    stops_level_points: Mapped[int]
    freeze_level_points: Mapped[int]
    trade_mode: Mapped[int]
    base_currency: Mapped[str] = mapped_column(String(20))
    profit_currency: Mapped[str] = mapped_column(String(20))
    description: Mapped[str] = mapped_column(String(200))
