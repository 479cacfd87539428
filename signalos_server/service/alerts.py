"""Tells alerts again until somebody acknowledges them. One task; what is due stands in the database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

import structlog

from signalos_server.domain.errors import CommitUnknown, StorageUnavailable
from signalos_server.domain.words import Severity

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    """How many alerts nobody has acknowledged, and how many of them were told again."""

    by_severity: dict[Severity, int]
    escalated: int


class AlertRecords(Protocol):
    """Alerts on record."""

    async def escalate(self) -> int:
        """Tell again what is due, and return how many alerts that were. Raises `StorageUnavailable`."""

    async def open_alerts(self) -> OpenAlerts:
        """Count what nobody has acknowledged. Raises `StorageUnavailable`."""


class AlertFigures(Protocol):
    """Where the counts are shown."""

    def show(self, alerts: OpenAlerts) -> None:
        """Take over the counts."""

    def told_again(self, count: int) -> None:
        """Count tellings."""


class AlertWatch:
    """The task."""

    def __init__(self, records: AlertRecords, figures: AlertFigures, every_seconds: float) -> None:
        self._records = records
        self._figures = figures
        self._every = every_seconds

    async def run(self) -> None:
        """Look, tell and sleep, until cancelled."""
        while True:
            try:
                await self.look()
            except (StorageUnavailable, CommitUnknown) as error:
                # What is due stays due.
                log.warning("alerts cannot be told again", error=str(error))
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Tell again what is due, all of it, and count what is open."""
        while count := await self._records.escalate():
            log.warning("alerts that nobody acknowledges were told again", count=count)
            self._figures.told_again(count)
        self._figures.show(await self._records.open_alerts())
