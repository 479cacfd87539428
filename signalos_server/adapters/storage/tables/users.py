"""Users, how they sign in, and how they like things."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import UtcTime


class UserRow(Table):
    """A person who signs in."""

    __tablename__ = "users"

    user_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_name: Mapped[str] = mapped_column(String(64))
    # Case-folded: names are unique without regard to case.
    user_name_key: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    # The number of `signalos.v1.UserRole`.
    role: Mapped[int]
    disabled: Mapped[bool]
    create_time: Mapped[datetime] = mapped_column(UtcTime)


class UserSettingsRow(Table):
    """A user's serialised `signalos.v1.UserSettings`."""

    __tablename__ = "user_settings"

    user_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    settings: Mapped[bytes]


class SetupCodeRow(Table):
    """The one-time code that makes the first user; at most one row, gone once used."""

    __tablename__ = "setup_codes"

    setup_code_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    secret_hash: Mapped[str] = mapped_column(String(64))
    create_time: Mapped[datetime] = mapped_column(UtcTime)
