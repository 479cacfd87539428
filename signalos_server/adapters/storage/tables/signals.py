"""Sources, the messages that came of them, and what was decided about each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import RowNumber, UtcTime


class SourceRow(Table):
    """A place that messages come from."""

    __tablename__ = "sources"

    source_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(64), ForeignKey("users.user_id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    # User and name while it lives, so that names are distinct; unset once it was deleted.
    name_key: Mapped[str | None] = mapped_column(String(300), unique=True)
    kind: Mapped[int]
    enabled: Mapped[bool]
    # JSON of what its messages may do.
    rules: Mapped[str] = mapped_column(Text)
    # JSON of the accounts that follow it.
    subscriptions: Mapped[str] = mapped_column(Text)
    # SHA-256 of the webhook's token, in hex; unset: it has none.
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    # The token's last characters.
    token_hint: Mapped[str] = mapped_column(String(8))
    create_time: Mapped[datetime] = mapped_column(UtcTime)
    last_signal_time: Mapped[datetime | None] = mapped_column(UtcTime)
    revision: Mapped[int] = mapped_column(BigInteger)
    deleted: Mapped[bool]


class SignalRow(Table):
    """One message. The source's row may have ended; its name is kept here."""

    __tablename__ = "signals"
    __table_args__ = (
        Index(None, "source_id", "dedupe_key", unique=True),
        Index(None, "source_id", "external_id"),
        Index(None, "source_id", "body_hash"),
        Index(None, "user_id", "number"),
        Index(None, "user_id", "meaning_key"),
        Index(None, "state"),
    )

    # In the order of the commits of one source.
    number: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    signal_id: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[str] = mapped_column(String(64))
    source_id: Mapped[str] = mapped_column(String(64))
    source_name: Mapped[str] = mapped_column(String(100))
    external_id: Mapped[str] = mapped_column(String(128))
    # What a repeat of the same message has too.
    dedupe_key: Mapped[str] = mapped_column(String(64))
    # SHA-256 of what a webhook was sent; empty for other kinds.
    body_hash: Mapped[str] = mapped_column(String(64))
    sender: Mapped[str] = mapped_column(String(128))
    text: Mapped[str] = mapped_column(Text)
    # The text without its case, for searching.
    search: Mapped[str] = mapped_column(Text)
    create_time: Mapped[datetime] = mapped_column(UtcTime)
    say_time: Mapped[datetime] = mapped_column(UtcTime)
    update_time: Mapped[datetime] = mapped_column(UtcTime)
    reply_to_external_id: Mapped[str] = mapped_column(String(128))
    reply_to_signal_id: Mapped[str] = mapped_column(String(64))
    revises_signal_id: Mapped[str] = mapped_column(String(64))
    edited: Mapped[bool]
    deleted: Mapped[bool]
    # JSON of the parse; empty: not read yet.
    parsed: Mapped[str] = mapped_column(Text)
    # Of the parse; empty: not read yet.
    kind: Mapped[str] = mapped_column(String(16))
    # What repetitions of an order have in common; empty: it is none.
    meaning_key: Mapped[str] = mapped_column(String(64))
    state: Mapped[int]
    # JSON of the steps before accounts are looked at.
    steps: Mapped[str] = mapped_column(Text)
    # Rises with each change; makes the ids of its events.
    version: Mapped[int]


class DecisionRow(Table):
    """What one account does with one action of a signal."""

    __tablename__ = "signal_decisions"
    __table_args__ = (
        Index(None, "signal_id", "attempt", "action_index", "account_id", unique=True),
        Index(None, "account_id", "source_id", "outcome"),
        Index(None, "code", "signal_id"),
        Index(None, "outcome"),
        Index(None, "expire_time"),
    )

    decision_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    signal_id: Mapped[str] = mapped_column(String(64))
    source_id: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[str] = mapped_column(String(64))
    attempt: Mapped[int]
    action_index: Mapped[int]
    outcome: Mapped[int]
    code: Mapped[str] = mapped_column(String(64))
    expire_time: Mapped[datetime | None] = mapped_column(UtcTime)
    # JSON of the whole decision.
    document: Mapped[str] = mapped_column(Text)
