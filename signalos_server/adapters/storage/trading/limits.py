"""What is remembered of accounts for their limits, in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, select
from sqlalchemy.orm import Session

from signalos_server.adapters.storage.prepared import Prepared
from signalos_server.adapters.storage.rows import insert_new
from signalos_server.adapters.storage.tables.limits import LimitDayRow, LimitLedgerRow
from signalos_server.adapters.storage.trading.mapping import from_json, to_json
from signalos_server.adapters.storage.types import UtcTime
from signalos_server.domain.risk_limits.ledger import DayRecord, Ledger, Source

_BY_ACCOUNT = select(LimitLedgerRow.__table__).where(LimitLedgerRow.account_id == bindparam("wanted"))
_LEDGER = Prepared(_BY_ACCOUNT)
_LOCK = Prepared(_BY_ACCOUNT.with_for_update())


class SqlLimits:
    """See `service.records.LimitBook`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ledger(self, account_id: str) -> Ledger:
        """See `service.records.LimitBook`."""
        row = _LEDGER.one_or_none(self._session.connection(), {"wanted": account_id})
        return Ledger(account_id) if row is None else from_json(row.ledger, Ledger)

    def lock(self, account_id: str) -> Ledger:
        """See `service.records.LimitBook`."""
        connection = self._session.connection()
        row = _LOCK.one_or_none(connection, {"wanted": account_id})
        if row is None:
            fresh = {"account_id": account_id, "ledger": to_json(Ledger(account_id)), "version": 0}
            # Made first, so that there is something to lock.
            insert_new(self._session, LimitLedgerRow, [fresh])
            row = _LOCK.one_or_none(connection, {"wanted": account_id})
        assert row is not None
        return from_json(row.ledger, Ledger)

    def save(self, ledger: Ledger) -> int:
        """See `service.records.LimitBook`."""
        self.lock(ledger.account_id)
        row = self._session.get(LimitLedgerRow, ledger.account_id, populate_existing=True)
        assert row is not None
        row.ledger = to_json(ledger)
        row.version += 1
        self._session.flush()
        return row.version

    def day(self, account_id: str, start_time: datetime) -> DayRecord | None:
        """See `service.records.LimitBook`."""
        return _day(self._session.get(LimitDayRow, (account_id, start_time)))

    def add_day(self, account_id: str, day: DayRecord) -> None:
        """See `service.records.LimitBook`."""
        insert_new(
            self._session,
            LimitDayRow,
            [
                {
                    "account_id": account_id,
                    "start_time": day.start_time,
                    "balance": day.balance,
                    "equity": day.equity,
                    "credit": day.credit,
                    "source": day.source.value,
                }
            ],
        )

    def last_day_before(self, account_id: str, start_time: datetime) -> DayRecord | None:
        """See `service.records.LimitBook`."""
        query = (
            select(LimitDayRow)
            .where(
                LimitDayRow.account_id == account_id,
                LimitDayRow.start_time < literal(start_time, UtcTime),
            )
            .order_by(LimitDayRow.start_time.desc())
            .limit(1)
        )
        return _day(self._session.scalars(query).one_or_none())


def _day(row: Any | None) -> DayRecord | None:
    if row is None:
        return None
    return DayRecord(row.start_time, row.balance, row.equity, row.credit, Source(row.source))
