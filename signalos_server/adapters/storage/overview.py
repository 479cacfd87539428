"""What services of lists read: alerts, the audit, and whether the database commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from signalos.v1 import alert_pb2
from signalos_server.adapters.clock import Clock
from signalos_server.adapters.storage.alert_book import (
    AlertFilter,
    acknowledge_alert,
    alert_message,
    any_due,
    count_alerts,
    escalate_due,
    get_alert,
    list_alerts,
)
from signalos_server.adapters.storage.audit_log import append_audit, list_audit
from signalos_server.adapters.storage.database import Database
from signalos_server.adapters.storage.tables.accounts import AccountRow
from signalos_server.adapters.storage.tables.alerts import AlertRow
from signalos_server.adapters.storage.tables.health import HealthProbeRow
from signalos_server.domain.alerts import AlertQuery, EscalationPolicy
from signalos_server.domain.audit import SYSTEM_CHAIN, SealedEntry
from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import BadPageToken, NotFound
from signalos_server.domain.pages import decode_page, encode_page
from signalos_server.domain.words import Severity
from signalos_server.service.alerts import OpenAlerts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SqlAlerts:
    """Alerts that a caller sees: those of its accounts; all, and the system's, for administrators."""

    def __init__(self, database: Database, clock: Clock, policy: EscalationPolicy) -> None:
        self._database = database
        self._clock = clock
        self._policy = policy

    async def page(
        self, caller: Caller, query: AlertQuery, size: int, page_token: str
    ) -> tuple[Sequence[alert_pb2.Alert], str, alert_pb2.AlertCounts]:
        """Return a page, newest first, the token of the next, and the counts of what is open."""
        kind = f"alerts:{query.account_id}:{int(query.include_acknowledged)}:{query.minimum_severity}"
        kind += f":{query.command_id}:{query.trade_id}"
        position = decode_page(kind, page_token, int, str)
        before: tuple[datetime, str] | None = None
        if position is not None:
            try:
                before = (_EPOCH + timedelta(microseconds=int(position[0])), str(position[1]))
            except OverflowError as error:
                raise BadPageToken from error

        def unit(session: Session) -> tuple[list[alert_pb2.Alert], alert_pb2.AlertCounts]:
            account_ids = _visible_accounts(session, caller)
            if query.account_id:
                if account_ids is not None and query.account_id not in account_ids:
                    raise NotFound("account", query.account_id)
                if session.get(AccountRow, query.account_id) is None:
                    raise NotFound("account", query.account_id)
                account_ids = [query.account_id]
            wanted = AlertFilter(
                account_ids,
                query.include_acknowledged,
                query.minimum_severity,
                query.command_id,
                query.trade_id,
            )
            rows = list_alerts(session, wanted, size + 1, before)
            return [alert_message(row) for row in rows], count_alerts(session, account_ids)

        found, counts = await self._database.read(unit)
        if len(found) <= size:
            return found, "", counts
        last = found[size - 1]
        microseconds = last.create_time.ToMicroseconds()
        return found[:size], encode_page(kind, microseconds, last.alert_id), counts

    async def get(self, caller: Caller, alert_id: str) -> alert_pb2.Alert:
        """Return an alert. Raises `NotFound` for another user's."""

        def unit(session: Session) -> alert_pb2.Alert:
            return alert_message(_visible_alert(session, caller, alert_id, lock=False))

        return await self._database.read(unit)

    async def acknowledge(self, caller: Caller, alert_id: str, note: str) -> alert_pb2.Alert:
        """Acknowledge an alert; a second time changes nothing. Raises `NotFound` for another user's."""

        def unit(session: Session) -> alert_pb2.Alert:
            row = _visible_alert(session, caller, alert_id, lock=True)
            if row.acknowledge_time is None:
                acknowledge_alert(session, row, caller.user_id, note, self._clock.now())
                append_audit(
                    session,
                    row.account_id or SYSTEM_CHAIN,
                    now=self._clock.now(),
                    monotonic_seconds=self._clock.monotonic(),
                    user_id=caller.user_id,
                    action="alert_acknowledged",
                    detail={"alert_id": alert_id, "code": row.code, "note": note},
                )
            return alert_message(row)

        return await self._database.run(unit)

    async def escalate(self) -> int:
        """Tell again what is due; return how many alerts that were. Raises `StorageUnavailable`."""
        now = self._clock.now()
        if not await self._database.read(lambda session: any_due(session, now)):
            return 0
        return await self._database.run(lambda session: escalate_due(session, self._policy, now))

    async def open_alerts(self) -> OpenAlerts:
        """See `service.alerts.AlertRecords`: of every account and the system."""
        counts = await self._database.read(lambda session: count_alerts(session, None))
        by_severity = {
            Severity.CRITICAL: counts.critical,
            Severity.WARNING: counts.warning,
            Severity.INFO: counts.info,
        }
        return OpenAlerts(by_severity, counts.escalated)


class SqlAudit:
    """The audit, read in pages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(
        self, chains: Sequence[str] | None, size: int, before: tuple[datetime, str, int] | None
    ) -> list[SealedEntry]:
        """Return entries of `chains` (None: all), newest first."""
        return await self._database.read(lambda session: list_audit(session, chains, size, before))


class SqlProbe:
    """Commits a row of this node's own."""

    def __init__(self, database: Database, clock: Clock, node: str) -> None:
        self._database = database
        self._clock = clock
        self._node = node

    async def write(self) -> None:
        """Commit the time. Raises `StorageUnavailable` or `CommitUnknown`."""
        now = self._clock.now()
        await self._database.run(lambda session: session.merge(HealthProbeRow(node=self._node, time=now)))


def _visible_alert(session: Session, caller: Caller, alert_id: str, *, lock: bool) -> AlertRow:
    row = get_alert(session, alert_id, lock=lock)
    visible = _visible_accounts(session, caller)
    if row is None or (visible is not None and row.account_id not in visible):
        raise NotFound("alert", alert_id)
    return row


def _visible_accounts(session: Session, caller: Caller) -> list[str] | None:
    if caller.sees_all:
        return None
    return list(
        session.scalars(select(AccountRow.account_id).where(AccountRow.owner_user_id == caller.user_id))
    )
