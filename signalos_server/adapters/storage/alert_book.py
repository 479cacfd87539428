"""Alerts in the database, told to those whom they concern in the same commit."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from signalos.v1 import alert_pb2, event_pb2
from signalos_server.adapters.storage.outbox import (
    account_audience,
    append_events,
    new_event,
    system_audience,
)
from signalos_server.adapters.storage.rows import insert_new
from signalos_server.adapters.storage.tables.alerts import AlertRow
from signalos_server.domain.happenings import NewAlert
from signalos_server.domain.identifiers import new_identifier


def raise_alert(session: Session, alert: NewAlert, now: datetime) -> AlertRow:
    """Raise `alert`, or count it up where one of its key is open; its audience is told either way."""
    open_key = f"{alert.account_id}/{alert.code}/{alert.key}"[:300]
    alert_id = new_identifier("alr", int(now.timestamp() * 1000), secrets.randbits(80))
    inserted = insert_new(
        session,
        AlertRow,
        [
            {
                "alert_id": alert_id,
                "account_id": alert.account_id,
                "severity": int(alert.severity),
                "code": alert.code,
                "open_key": open_key,
                "message": alert.message,
                "known": alert.known,
                "advice": alert.advice,
                "create_time": now,
                "last_time": now,
                "count": 1,
                "acknowledge_time": None,
                "acknowledge_user_id": "",
                "command_id": alert.command_id,
                "trade_id": alert.trade_id,
            }
        ],
    )
    row = session.scalars(select(AlertRow).where(AlertRow.open_key == open_key).with_for_update()).one()
    if not inserted:
        row.count += 1
        row.last_time = max(now, row.last_time)
        row.message, row.known, row.advice = alert.message, alert.known, alert.advice
        row.severity = max(row.severity, int(alert.severity))
        session.flush()
    _tell(session, row, now, f"alert:{row.alert_id}:{row.count}")
    return row


def acknowledge_alert(session: Session, row: AlertRow, user_id: str, now: datetime) -> None:
    """Note who acknowledged the alert; a second time changes nothing."""
    if row.acknowledge_time is not None:
        return
    row.acknowledge_time = now
    row.acknowledge_user_id = user_id
    row.open_key = None
    session.flush()
    _tell(session, row, now, f"alert:{row.alert_id}:acknowledged")


def get_alert(session: Session, alert_id: str, *, lock: bool = False) -> AlertRow | None:
    """Return the alert; with `lock`, nobody else changes it until this unit has committed."""
    statement = select(AlertRow).where(AlertRow.alert_id == alert_id)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()


def list_alerts(
    session: Session,
    account_ids: Sequence[str] | None,
    *,
    include_acknowledged: bool,
    size: int,
    before: tuple[datetime, str] | None,
) -> list[AlertRow]:
    """Return alerts of `account_ids` (None: all, the system's too), newest first."""
    statement = select(AlertRow).order_by(AlertRow.create_time.desc(), AlertRow.alert_id.desc()).limit(size)
    if account_ids is not None:
        statement = statement.where(AlertRow.account_id.in_(account_ids))
    if not include_acknowledged:
        statement = statement.where(AlertRow.acknowledge_time.is_(None))
    if before is not None:
        time, alert_id = before
        statement = statement.where(
            or_(
                AlertRow.create_time < time,
                (AlertRow.create_time == time) & (AlertRow.alert_id < alert_id),
            )
        )
    return list(session.scalars(statement))


def alert_message(row: AlertRow) -> alert_pb2.Alert:
    """Return the alert as the contract says it."""
    message = alert_pb2.Alert(
        alert_id=row.alert_id,
        account_id=row.account_id,
        severity=row.severity,  # type: ignore[arg-type]  # the number of the enum
        code=row.code,
        message=row.message,
        known=row.known,
        advice=row.advice,
        count=row.count,
        acknowledge_user_id=row.acknowledge_user_id,
        command_id=row.command_id,
        trade_id=row.trade_id,
    )
    message.create_time.FromDatetime(row.create_time)
    message.last_time.FromDatetime(row.last_time)
    if row.acknowledge_time is not None:
        message.acknowledge_time.FromDatetime(row.acknowledge_time)
    return message


def _tell(session: Session, row: AlertRow, now: datetime, event_id: str) -> None:
    event = event_pb2.Event(error_alert=event_pb2.ErrorAlert(alert=alert_message(row)))
    audience = account_audience(session, row.account_id) if row.account_id else system_audience(session)
    append_events(session, audience, [new_event(event_id, now, event, row.account_id)])
