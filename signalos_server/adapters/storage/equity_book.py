"""How the equity of accounts went, in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from signalos_server.adapters.storage.database import Database
from signalos_server.adapters.storage.rows import insert_all_new
from signalos_server.adapters.storage.tables.equity import EquitySampleRow
from signalos_server.domain.equity import Coarser, EquitySample, thinned


class SqlEquity:
    """See `service.equity.EquityRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, samples: Sequence[tuple[str, EquitySample]]) -> None:
        """See `service.equity.EquityRecords`."""
        rows = [
            {
                "account_id": account_id,
                "time_milliseconds": sample.time_milliseconds,
                "equity": sample.equity,
                "balance": sample.balance,
                "span_seconds": sample.span_seconds,
            }
            for account_id, sample in samples
        ]
        await self._database.run(lambda session: insert_all_new(session, EquitySampleRow, rows))

    async def between(self, account_id: str, since: int, until: int) -> list[EquitySample]:
        """See `service.equity.EquityRecords`."""
        row = EquitySampleRow

        def unit(session: Session) -> list[EquitySample]:
            found = session.execute(
                select(row.time_milliseconds, row.equity, row.balance, row.span_seconds)
                .where(
                    row.account_id == account_id,
                    row.time_milliseconds >= since,
                    row.time_milliseconds < until,
                )
                .order_by(row.time_milliseconds)
            )
            return [EquitySample(*one) for one in found]

        return await self._database.read(unit)

    async def tidy(self, coarser: Iterable[Coarser], forgotten_before: int) -> int:
        """See `service.equity.EquityRecords`."""
        row = EquitySampleRow
        steps = tuple(coarser)

        def accounts(session: Session) -> list[str]:
            return list(session.scalars(select(row.account_id).distinct()))

        def forget(session: Session) -> int:
            result = session.execute(delete(row).where(row.time_milliseconds < forgotten_before))
            assert isinstance(result, CursorResult)
            return result.rowcount

        gone = await self._database.run(forget)
        # A unit each: the first time after a long rest there may be many.
        for account_id in await self._database.read(accounts):
            for step in steps:
                gone += await self._database.run(partial(_make_coarser, account_id=account_id, step=step))
        return gone


def _make_coarser(session: Session, account_id: str, step: Coarser) -> int:
    row = EquitySampleRow
    old = (
        row.account_id == account_id,
        row.time_milliseconds < step.before_milliseconds,
        row.span_seconds < step.span_seconds,
    )
    found = session.execute(
        select(row.time_milliseconds, row.equity, row.balance, row.span_seconds)
        .where(*old)
        .order_by(row.time_milliseconds)
    )
    samples = [EquitySample(*one) for one in found]
    if not samples:
        return 0
    kept = {one.time_milliseconds for one in thinned(samples, step.span_seconds)}
    gone = [one.time_milliseconds for one in samples if one.time_milliseconds not in kept]
    for first in range(0, len(gone), 500):
        session.execute(
            delete(row).where(
                row.account_id == account_id, row.time_milliseconds.in_(gone[first : first + 500])
            )
        )
    session.execute(update(row).where(*old).values(span_seconds=step.span_seconds))
    return len(gone)
