"""The outbox: each user's stream of events, numbered without a hole."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import UtcTime


class StreamRow(Table):
    """One user's stream. `UPDATE stream SET seq = seq + n RETURNING seq` is the only allocator."""

    __tablename__ = "streams"

    user_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    # Random; another one says that numbers began anew.
    epoch: Mapped[str] = mapped_column(String(32))
    # The last number given.
    seq: Mapped[int] = mapped_column(BigInteger)
    # The last number that retention has taken away.
    forgotten_seq: Mapped[int] = mapped_column(BigInteger)


class EventRow(Table):
    """One event of one stream."""

    __tablename__ = "events"
    __table_args__ = (
        # The same fact, found twice, is one event.
        Index(None, "user_id", "event_id", unique=True),
        Index(None, "time"),
    )

    user_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[str] = mapped_column(String(100))
    time: Mapped[datetime] = mapped_column(UtcTime)
    # A serialised `signalos.v1.Event`, without `seq` and `epoch`.
    payload: Mapped[bytes]
