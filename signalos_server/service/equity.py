"""Records how the equity of each account goes while its terminal is read, and tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

import structlog

from signalos_server.domain.equity import (
    Coarser,
    EquitySample,
    at_most,
    due_coarser,
    forgotten_before,
)
from signalos_server.domain.errors import CommitUnknown, InvalidField, StorageUnavailable
from signalos_server.service.live import Clock, Live

log = structlog.get_logger(__name__)

# The bridge says every 5 s that it reads, though nothing changes.
_READ_SECONDS = 12.0
_MOST = 2_000
_DAY_MILLISECONDS = 86_400_000
# Old samples are looked after once in so many periods.
_TIDY_PERIODS = 60


class EquityRecords(Protocol):
    """Samples on record."""

    async def add(self, samples: Sequence[tuple[str, EquitySample]]) -> None:
        """Add samples of accounts; one that is on record stays. Raises `StorageUnavailable`."""

    async def between(self, account_id: str, since: int, until: int) -> list[EquitySample]:
        """Return an account's samples from `since` up to before `until`, oldest first."""

    async def tidy(self, coarser: Iterable[Coarser], forgotten_before: int) -> int:
        """Make old samples coarser, forget the oldest; return how many went. Raises `StorageUnavailable`."""


class Equity:
    """The task, and what it has recorded."""

    def __init__(self, records: EquityRecords, live: Live, clock: Clock, period_seconds: float) -> None:
        self._records = records
        self._live = live
        self._clock = clock
        self._period = period_seconds
        self._tick = 0

    async def run(self) -> None:
        """Record once in a period, until cancelled."""
        while True:
            await asyncio.sleep(self._period)
            try:
                await self.look()
            except (StorageUnavailable, CommitUnknown) as error:
                # The curve has a gap then, and shows it.
                log.warning("equity cannot be recorded", error=str(error))

    async def look(self) -> None:
        """Record each account whose terminal is being read, and look after old samples now and then."""
        now = self._now()
        fresh = [
            (
                money.account_id,
                EquitySample(now, money.money.equity, money.money.balance, self._period),
            )
            for money in self._live.monies(_READ_SECONDS)
            if money.money.equity is not None
        ]
        if fresh:
            await self._records.add(fresh)
        if self._tick % _TIDY_PERIODS == 0:
            await self._records.tidy(due_coarser(now, self._period), forgotten_before(now, self._period))
        self._tick += 1

    async def samples(self, account_id: str, since: int | None, until: int | None) -> list[EquitySample]:
        """Return how an account's equity went; bounds in milliseconds since 1970. Raises `InvalidField`."""
        end = self._now() + 1 if until is None else until
        start = end - _DAY_MILLISECONDS if since is None else since
        if start >= end:
            raise InvalidField("until", "has to be after `since`")
        return at_most(await self._records.between(account_id, start, end), _MOST)

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
