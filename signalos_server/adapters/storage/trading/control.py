"""Control documents, stops and sync reports in the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, literal, select, tuple_, update
from sqlalchemy.orm import Session

from signalos_server.adapters.storage.prepared import Prepared
from signalos_server.adapters.storage.rows import insert_all_new, insert_new
from signalos_server.adapters.storage.tables.control import (
    ControlDocumentRow,
    DrillRow,
    StopAccountRow,
    StopRow,
    SyncReportRow,
)
from signalos_server.adapters.storage.trading.mapping import columns_of, from_json, to_json, value_of
from signalos_server.adapters.storage.types import UtcTime
from signalos_server.domain.control import Applied, ControlDocument
from signalos_server.domain.frames import SyncReport
from signalos_server.domain.stop import AccountStop, Drill, Stop
from signalos_server.domain.words import StopTriggerKind
from signalos_server.service.records import Page, Wanted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_BY_ACCOUNT = select(ControlDocumentRow.__table__).where(ControlDocumentRow.account_id == bindparam("wanted"))
_DOCUMENT = Prepared(_BY_ACCOUNT)
_LOCK = Prepared(_BY_ACCOUNT.with_for_update())

_CLOSING = Prepared(
    select(StopAccountRow.stop_id, StopAccountRow.progress)
    .join(StopRow, StopRow.stop_id == StopAccountRow.stop_id)
    .where(
        StopAccountRow.account_id == bindparam("wanted"),
        StopAccountRow.rearm_time.is_(None),
        StopRow.close_positions,
    )
)


class SqlControl:
    """The control documents of one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, account_id: str) -> Wanted:
        """See `service.records.Control`."""
        # Without the mapper: it is on the path of every command.
        row = _DOCUMENT.one_or_none(self._session.connection(), {"wanted": account_id})
        return _wanted(row, account_id)

    def lock(self, account_id: str) -> Wanted:
        """See `service.records.Control`."""
        connection = self._session.connection()
        row = _LOCK.one_or_none(connection, {"wanted": account_id})
        if row is None:
            # Made first, so that there is something to lock.
            insert_new(self._session, ControlDocumentRow, [_columns(ControlDocument(account_id))])
            row = _LOCK.one_or_none(connection, {"wanted": account_id})
        return _wanted(row, account_id)

    def save(self, document: ControlDocument) -> None:
        """See `service.records.Control`."""
        row = self._session.get(ControlDocumentRow, document.account_id)
        if row is None:
            self._session.add(ControlDocumentRow(**_columns(document)))
        else:
            row.revision = document.revision
            row.stop_generation = document.stop_generation
            row.stopped = document.stopped
            row.document = to_json(document)
        self._session.flush()

    def save_applied(self, account_id: str, applied: Applied | None, problem: str, now: datetime) -> None:
        """See `service.records.Control`."""
        self.lock(account_id)
        row = self._session.get(ControlDocumentRow, account_id)
        assert row is not None
        row.problem = problem
        if applied is not None:
            row.applied = to_json(applied)
            row.apply_time = now
        self._session.flush()

    def insert_stop(self, stop: Stop) -> None:
        """See `service.records.Control`."""
        insert_new(
            self._session,
            StopRow,
            [
                {
                    "stop_id": stop.stop_id,
                    "create_time": stop.create_time,
                    "user_id": stop.user_id,
                    "reason": stop.reason,
                    "close_positions": stop.close_positions,
                    "source": stop.source,
                    "trigger": int(stop.trigger),
                }
            ],
        )
        insert_all_new(
            self._session,
            StopAccountRow,
            [
                {
                    "stop_id": stop.stop_id,
                    "account_id": account.account_id,
                    "complete": account.complete,
                    "progress": to_json(account),
                    "version": 1,
                }
                for account in stop.accounts
            ],
        )

    def stop(self, stop_id: str) -> Stop | None:
        """See `service.records.Control`."""
        row = self._session.get(StopRow, stop_id)
        if row is None:
            return None
        accounts = self._session.scalars(
            select(StopAccountRow)
            .where(StopAccountRow.stop_id == stop_id)
            .order_by(StopAccountRow.account_id)
        )
        return _stop(row, list(accounts))

    def stop_at(self, stop_id: str, account_id: str) -> Stop | None:
        """See `service.records.Control`. A stop of hundreds of accounts is told of by each bridge apart."""
        row = self._session.get(StopRow, stop_id)
        if row is None:
            return None
        account = self._session.get(StopAccountRow, (stop_id, account_id))
        return _stop(row, [] if account is None else [account])

    def closing_at(self, account_id: str) -> list[tuple[str, AccountStop]]:
        """See `service.records.Control`."""
        rows = _CLOSING.all(self._session.connection(), {"wanted": account_id})
        return [(row.stop_id, from_json(row.progress, AccountStop)) for row in rows]

    def covers_any(self, stop_id: str) -> bool:
        """See `service.records.Control`."""
        query = select(StopAccountRow.account_id).where(StopAccountRow.stop_id == stop_id).limit(1)
        return self._session.scalar(query) is not None

    def save_progress(self, stop_id: str, account: AccountStop) -> int:
        """See `service.records.Control`."""
        row = self._session.get(StopAccountRow, (stop_id, account.account_id))
        assert row is not None
        row.complete = account.complete
        row.progress = to_json(account)
        row.version += 1
        self._session.flush()
        return row.version

    def mark_rearmed(self, stop_ids: Sequence[str], account_id: str, now: datetime) -> None:
        """See `service.records.Control`."""
        self._session.execute(
            update(StopAccountRow)
            .where(
                StopAccountRow.stop_id.in_(stop_ids),
                StopAccountRow.account_id == account_id,
                StopAccountRow.rearm_time.is_(None),
            )
            .values(rearm_time=now)
        )

    def reinstate(self, stop_id: str, account_id: str) -> None:
        """See `service.records.Control`."""
        self._session.execute(
            update(StopAccountRow)
            .where(StopAccountRow.stop_id == stop_id, StopAccountRow.account_id == account_id)
            .values(rearm_time=None)
        )

    def stops_of(self, account_ids: Sequence[str], page: Page | None, *, active_only: bool) -> list[Stop]:
        """See `service.records.Control`. The page's key is the time in microseconds since 1970."""
        mine = StopAccountRow.account_id.in_(account_ids)
        covered = select(StopAccountRow.stop_id).where(mine)
        if active_only:
            covered = covered.where(StopAccountRow.rearm_time.is_(None))
        query = select(StopRow).where(StopRow.stop_id.in_(covered))
        if page is not None and page.before is not None:
            bound = _EPOCH + timedelta(microseconds=page.before[0])
            query = query.where(
                tuple_(StopRow.create_time, StopRow.stop_id) < tuple_(literal(bound, UtcTime), page.before[1])
            )
        query = query.order_by(StopRow.create_time.desc(), StopRow.stop_id.desc())
        if page is not None:
            query = query.limit(page.size)
        rows = list(self._session.scalars(query))
        accounts: dict[str, list[StopAccountRow]] = defaultdict(list)
        for account in self._session.scalars(
            select(StopAccountRow)
            .where(mine, StopAccountRow.stop_id.in_([row.stop_id for row in rows]))
            .order_by(StopAccountRow.account_id)
        ):
            accounts[account.stop_id].append(account)
        return [_stop(row, accounts[row.stop_id]) for row in rows]

    def add_drills(self, drills: Sequence[Drill]) -> None:
        """See `service.records.Control`."""
        self._session.add_all(DrillRow(**columns_of(drill)) for drill in drills)
        self._session.flush()

    def drills(self, account_ids: Sequence[str], page: Page) -> list[Drill]:
        """See `service.records.Control`. The page's key: microseconds since 1970, and both ids."""
        query = select(DrillRow).where(DrillRow.account_id.in_(account_ids))
        if page.before is not None:
            bound = _EPOCH + timedelta(microseconds=page.before[0])
            drill_id, _, account_id = page.before[1].partition(":")
            query = query.where(
                tuple_(DrillRow.create_time, DrillRow.drill_id, DrillRow.account_id)
                < tuple_(literal(bound, UtcTime), drill_id, account_id)
            )
        query = query.order_by(
            DrillRow.create_time.desc(), DrillRow.drill_id.desc(), DrillRow.account_id.desc()
        ).limit(page.size)
        return [value_of(row, Drill) for row in self._session.scalars(query)]

    def save_sync(self, account_id: str, report: SyncReport) -> None:
        """See `service.records.Control`."""
        assert report.end_time is not None
        self._session.merge(
            SyncReportRow(
                account_id=account_id,
                sync_id=report.sync_id,
                end_time=report.end_time,
                report=to_json(report),
            )
        )
        self._session.flush()

    def syncs(self, account_ids: Sequence[str], page: Page) -> list[tuple[str, SyncReport]]:
        """See `service.records.Control`. The page's key is the time in microseconds since 1970."""
        query = select(SyncReportRow).where(SyncReportRow.account_id.in_(account_ids))
        if page.before is not None:
            bound = _EPOCH + timedelta(microseconds=page.before[0])
            query = query.where(
                tuple_(SyncReportRow.end_time, SyncReportRow.sync_id)
                < tuple_(literal(bound, UtcTime), page.before[1])
            )
        query = query.order_by(SyncReportRow.end_time.desc(), SyncReportRow.sync_id.desc()).limit(page.size)
        return [(row.account_id, from_json(row.report, SyncReport)) for row in self._session.scalars(query)]


def _columns(document: ControlDocument) -> dict[str, object]:
    return {
        "account_id": document.account_id,
        "revision": document.revision,
        "stop_generation": document.stop_generation,
        "stopped": document.stopped,
        "document": to_json(document),
        "applied": "",
        "problem": "",
    }


def _wanted(row: Any | None, account_id: str) -> Wanted:
    if row is None:
        return Wanted(ControlDocument(account_id), None, None, "")
    return Wanted(
        document=from_json(row.document, ControlDocument),
        applied=from_json(row.applied, Applied) if row.applied else None,
        apply_time=row.apply_time,
        problem=row.problem,
    )


def _stop(row: StopRow, accounts: list[StopAccountRow]) -> Stop:
    times = [account.rearm_time for account in accounts]
    rearmed = [time for time in times if time is not None]
    return Stop(
        stop_id=row.stop_id,
        create_time=row.create_time,
        user_id=row.user_id,
        reason=row.reason,
        close_positions=row.close_positions,
        source=row.source,
        trigger=StopTriggerKind(row.trigger),
        accounts=tuple(from_json(account.progress, AccountStop) for account in accounts),
        # In force until every account that is shown was re-armed.
        rearm_time=max(rearmed) if rearmed and len(rearmed) == len(times) else None,
    )
