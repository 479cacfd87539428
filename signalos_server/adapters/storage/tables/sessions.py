"""What a caller shows instead of a password: sessions and API tokens, by the hash of their secret."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import UtcTime


class SessionRow(Table):
    """One sign-in of a user."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id", "create_time"),)

    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(64), ForeignKey("users.user_id"))
    # SHA-256 of the secret, in hex.
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    create_time: Mapped[datetime] = mapped_column(UtcTime)
    last_use_time: Mapped[datetime] = mapped_column(UtcTime)
    expire_time: Mapped[datetime] = mapped_column(UtcTime)
    end_time: Mapped[datetime | None] = mapped_column(UtcTime)
    address: Mapped[str] = mapped_column(String(100))
    user_agent: Mapped[str] = mapped_column(String(200))


class ApiTokenRow(Table):
    """A secret by which a program acts for a user."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index(None, "user_id", "create_time"),)

    token_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(64), ForeignKey("users.user_id"))
    name: Mapped[str] = mapped_column(String(100))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    # Numbers of `signalos.v1.TokenScope`, ascending, separated by commas.
    scopes: Mapped[str] = mapped_column(String(100))
    create_time: Mapped[datetime] = mapped_column(UtcTime)
    expire_time: Mapped[datetime | None] = mapped_column(UtcTime)
    last_use_time: Mapped[datetime | None] = mapped_column(UtcTime)
    revoke_time: Mapped[datetime | None] = mapped_column(UtcTime)
    # The token that made this one, which ends with it; null: a person did.
    maker_token_id: Mapped[str | None] = mapped_column(String(64))
