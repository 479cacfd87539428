"""What is wanted of accounts, what their bridges keep to, and the stops."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import UtcTime


class ControlDocumentRow(Table):
    """The control document of one account, and what its bridge last said that it keeps to."""

    __tablename__ = "control_documents"

    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    stop_generation: Mapped[int] = mapped_column(BigInteger)
    stopped: Mapped[bool]
    # JSON of the document.
    document: Mapped[str] = mapped_column(Text)
    # JSON of what the bridge keeps to; empty: it never said.
    applied: Mapped[str] = mapped_column(Text, default="")
    apply_time: Mapped[datetime | None] = mapped_column(UtcTime)
    # Why the bridge could not keep to a revision; empty: it did.
    problem: Mapped[str] = mapped_column(Text, default="")


class StopRow(Table):
    """One emergency stop."""

    __tablename__ = "stops"
    __table_args__ = (Index(None, "create_time"),)

    stop_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    create_time: Mapped[datetime] = mapped_column(UtcTime)
    # Empty: the bridge's own machine, or a trigger there.
    user_id: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    close_positions: Mapped[bool]
    source: Mapped[str] = mapped_column(String(32))
    # The rule that called it; 0: none did.
    trigger: Mapped[int] = mapped_column(default=0, server_default="0")


class StopAccountRow(Table):
    """How far a stop has come at one account."""

    __tablename__ = "stop_accounts"
    __table_args__ = (Index(None, "account_id", "rearm_time"),)

    stop_id: Mapped[str] = mapped_column(String(64), ForeignKey("stops.stop_id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"), primary_key=True)
    complete: Mapped[bool]
    # JSON of the stages and tickets.
    progress: Mapped[str] = mapped_column(Text)
    # When a re-arm named it for this account; unset: in force.
    rearm_time: Mapped[datetime | None] = mapped_column(UtcTime)
    # Rises with each change; makes the ids of its events.
    version: Mapped[int] = mapped_column(default=1)


class DrillRow(Table):
    """What one drill measured at one account."""

    __tablename__ = "drills"
    __table_args__ = (Index(None, "account_id", "create_time"),)

    drill_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"), primary_key=True)
    create_time: Mapped[datetime] = mapped_column(UtcTime)
    user_id: Mapped[str] = mapped_column(String(64))
    reached: Mapped[bool]
    # None: no word came in time.
    latched_milliseconds: Mapped[float | None]
    terminal_busy: Mapped[bool]


class SyncReportRow(Table):
    """What a sync found."""

    __tablename__ = "sync_reports"
    __table_args__ = (Index(None, "account_id", "end_time"),)

    account_id: Mapped[str] = mapped_column(String(64), ForeignKey("accounts.account_id"), primary_key=True)
    sync_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    end_time: Mapped[datetime] = mapped_column(UtcTime)
    # JSON of the report.
    report: Mapped[str] = mapped_column(Text)


class BridgeJournalRow(Table):
    """A journal that a bridge had before the present one, and what of it is committed."""

    __tablename__ = "bridge_journals"

    bridge_id: Mapped[str] = mapped_column(String(64), ForeignKey("bridges.bridge_id"), primary_key=True)
    journal_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    committed_event_seq: Mapped[int] = mapped_column(BigInteger)
    # Its id; empty: not known.
    committed_event_id: Mapped[str] = mapped_column(String(100), default="")
