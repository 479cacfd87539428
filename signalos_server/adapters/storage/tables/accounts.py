"""Accounts, the bridges that trade them, and the codes that pair the two."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import UtcTime


class AccountRow(Table):
    """One MetaTrader account."""

    __tablename__ = "accounts"
    __table_args__ = (Index(None, "owner_user_id", "create_time"),)

    account_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner_user_id: Mapped[str] = mapped_column(String(64), ForeignKey("users.user_id"))
    name: Mapped[str] = mapped_column(String(100))
    # Unset until a bridge was paired.
    login: Mapped[int | None] = mapped_column(BigInteger)
    broker_server: Mapped[str] = mapped_column(String(200), default="")
    company: Mapped[str] = mapped_column(String(200), default="")
    currency: Mapped[str] = mapped_column(String(20), default="")
    # Numbers of `signalos.v1.AccountTradeMode` and `signalos.v1.MarginMode`.
    trade_mode: Mapped[int] = mapped_column(default=0)
    margin_mode: Mapped[int] = mapped_column(default=0)
    # 15 bits: the upper part of the `magic` of every order of this account.
    magic_prefix: Mapped[int]
    create_time: Mapped[datetime] = mapped_column(UtcTime)


class BridgeRow(Table):
    """A bridge's credential, and the owner of its session."""

    __tablename__ = "bridges"
    __table_args__ = (Index(None, "account_id", "pair_time"),)

    bridge_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"))
    name: Mapped[str] = mapped_column(String(100))
    # SHA-256 of the credential, in hex.
    credential_hash: Mapped[str] = mapped_column(String(64), unique=True)
    pair_time: Mapped[datetime] = mapped_column(UtcTime)
    revoke_time: Mapped[datetime | None] = mapped_column(UtcTime)
    version: Mapped[str] = mapped_column(String(64), default="")
    # The session: every write of this bridge's facts is conditional on it.
    session_epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    session_node: Mapped[str] = mapped_column(String(64), default="")
    # The journal whose memory the bridge has; empty: it never connected.
    journal_id: Mapped[str] = mapped_column(String(64), default="")
    # The last event of that journal that is committed here.
    committed_event_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    # Its id, by which a journal that was put back is told from the one that went on; empty: not known.
    committed_event_id: Mapped[str] = mapped_column(String(100), default="")
    # When a session of it last began or ended; unset: never seen.
    state_time: Mapped[datetime | None] = mapped_column(UtcTime)


class PairingCodeRow(Table):
    """A code with which one bridge can be paired once."""

    __tablename__ = "pairing_codes"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(64), ForeignKey("users.user_id"))
    # Unset: a new account is made when the bridge pairs.
    account_id: Mapped[str | None] = mapped_column(String(64))
    bridge_name: Mapped[str] = mapped_column(String(100))
    create_time: Mapped[datetime] = mapped_column(UtcTime)
    expire_time: Mapped[datetime] = mapped_column(UtcTime)
    use_time: Mapped[datetime | None] = mapped_column(UtcTime)
