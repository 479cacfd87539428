"""What a health check writes, so that "the database commits" is more than a guess."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from signalos_server.adapters.storage.tables.base import Table
from signalos_server.adapters.storage.types import UtcTime


class HealthProbeRow(Table):
    """When a node last committed for a health check."""

    __tablename__ = "health_probes"

    node: Mapped[str] = mapped_column(String(64), primary_key=True)
    time: Mapped[datetime] = mapped_column(UtcTime)
