"""Alerts in the database, told to those whom they concern in the same commit."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, bindparam, case, func, or_, select
from sqlalchemy.orm import Session

from signalos.v1 import alert_pb2, event_pb2
from signalos_server.adapters.storage.outbox import (
    account_audience,
    append_events,
    new_event,
    system_audience,
)
from signalos_server.adapters.storage.prepared import Prepared
from signalos_server.adapters.storage.rows import insert_new
from signalos_server.adapters.storage.tables.alerts import AlertRow
from signalos_server.domain.alerts import (
    AlertStanding,
    EscalationPolicy,
    on_due,
    on_raised,
    on_seen_again,
)
from signalos_server.domain.happenings import NewAlert
from signalos_server.domain.identifiers import new_identifier
from signalos_server.domain.words import Severity

_ALERTS: Table = AlertRow.__table__  # type: ignore[assignment]  # a table, as every mapped class has
_LASTING = Prepared(
    select(_ALERTS.c.alert_id).where(
        _ALERTS.c.condition_key == bindparam("wanted"), _ALERTS.c.end_time.is_(None)
    )
)


def raise_alert(
    session: Session, alert: NewAlert, now: datetime, policy: EscalationPolicy | None = None
) -> AlertRow:
    """Raise `alert`, or count it up where one of its key is open; its audience is told either way.

    A telling of a bridge that is on record already, acknowledged or not, changes nothing. Returns the alert.
    """
    policy = policy or EscalationPolicy()
    key = condition_key(alert.account_id, alert.code, alert.key)
    if alert.telling_id and (told := _told(session, key, alert.telling_id)) is not None:
        return told
    alert_id = new_identifier("alr", int(now.timestamp() * 1000), secrets.randbits(80))
    standing = on_raised(policy, alert.severity, now)
    inserted = insert_new(
        session,
        AlertRow,
        [
            {
                "alert_id": alert_id,
                "account_id": alert.account_id,
                "severity": int(alert.severity),
                "code": alert.code,
                "open_key": key,
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
                "condition_key": key,
                "escalation_level": 0,
                "escalate_time": standing.next_time,
                "end_time": None,
                "end_reason": "",
                "acknowledge_note": "",
                "telling_id": alert.telling_id,
            }
        ],
    )
    row = session.scalars(select(AlertRow).where(AlertRow.open_key == key).with_for_update()).one()
    if not inserted:
        standing = on_seen_again(policy, _standing(row), alert.severity, now)
        row.count += 1
        row.last_time = max(now, row.last_time)
        row.message, row.known, row.advice = alert.message, alert.known, alert.advice
        row.severity, row.escalate_time = int(standing.severity), standing.next_time
        row.end_time, row.end_reason = None, ""
        row.telling_id = alert.telling_id
        session.flush()
    _tell(session, row, now, f"alert:{row.alert_id}:{row.count}")
    return row


def end_alerts(session: Session, reasons: Mapping[str, str], now: datetime) -> None:
    """Note that what alerts tell of has ended: `condition_key` -> how. They stay until acknowledged."""
    # Most often there is none: what goes well ends what never began.
    session.flush()
    connection = session.connection()
    told = [key for key in sorted(reasons) if _LASTING.all(connection, {"wanted": key})]
    if not told:
        return
    lasting = (
        select(AlertRow)
        .where(AlertRow.condition_key.in_(told), AlertRow.end_time.is_(None))
        .order_by(AlertRow.alert_id)
        .with_for_update()
    )
    for row in session.scalars(lasting).all():
        row.end_time, row.end_reason, row.escalate_time = now, reasons[row.condition_key], None
        session.flush()
        _tell(session, row, now, f"alert:{row.alert_id}:{row.count}:ended")


def any_due(session: Session, now: datetime) -> bool:
    """Return whether an alert is to be told again; without a lock."""
    due = select(AlertRow.alert_id).where(AlertRow.escalate_time <= now).limit(1)
    return session.scalars(due).one_or_none() is not None


def escalate_due(session: Session, policy: EscalationPolicy, now: datetime, limit: int = 100) -> int:
    """Tell again what is due, oldest first, and return how many alerts that were."""
    due = (
        select(AlertRow)
        .where(AlertRow.escalate_time <= now, AlertRow.acknowledge_time.is_(None))
        .order_by(AlertRow.escalate_time, AlertRow.alert_id)
        .limit(limit)
        # Another node tells what it has locked.
        .with_for_update(skip_locked=True)
    )
    count = 0
    for row in session.scalars(due).all():
        after = on_due(policy, _standing(row), now)
        if after is None:
            continue
        row.escalation_level, row.escalate_time = after.level, after.next_time
        session.flush()
        _tell(session, row, now, f"alert:{row.alert_id}:again:{row.escalation_level}")
        count += 1
    return count


def acknowledge_alert(session: Session, row: AlertRow, user_id: str, note: str, now: datetime) -> None:
    """Note who acknowledged the alert, and what was written; a second time changes nothing."""
    if row.acknowledge_time is not None:
        return
    row.acknowledge_time = now
    row.acknowledge_user_id = user_id
    row.acknowledge_note = note
    row.open_key = None
    row.escalate_time = None
    session.flush()
    _tell(session, row, now, f"alert:{row.alert_id}:acknowledged")


def condition_key(account_id: str, code: str, key: str) -> str:
    """Return what makes two sightings the same."""
    return f"{account_id}/{code}/{key}"[:300]


def _told(session: Session, key: str, telling_id: str) -> AlertRow | None:
    found = select(AlertRow).where(AlertRow.condition_key == key, AlertRow.telling_id == telling_id)
    return session.scalars(found.limit(1)).one_or_none()


def _standing(row: AlertRow) -> AlertStanding:
    return AlertStanding(
        severity=Severity(row.severity),
        level=row.escalation_level,
        next_time=row.escalate_time,
        ended=row.end_time is not None,
        acknowledged=row.acknowledge_time is not None,
    )


def get_alert(session: Session, alert_id: str, *, lock: bool = False) -> AlertRow | None:
    """Return the alert; with `lock`, nobody else changes it until this unit has committed."""
    statement = select(AlertRow).where(AlertRow.alert_id == alert_id)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts; conditions hold together. `account_ids` None: all, the system's too."""

    account_ids: Sequence[str] | None
    include_acknowledged: bool = False
    minimum_severity: int = 0
    command_id: str = ""
    trade_id: str = ""


def list_alerts(
    session: Session, wanted: AlertFilter, size: int, before: tuple[datetime, str] | None = None
) -> list[AlertRow]:
    """Return alerts, newest first."""
    statement = select(AlertRow).order_by(AlertRow.create_time.desc(), AlertRow.alert_id.desc()).limit(size)
    if wanted.account_ids is not None:
        statement = statement.where(AlertRow.account_id.in_(wanted.account_ids))
    if not wanted.include_acknowledged:
        statement = statement.where(AlertRow.acknowledge_time.is_(None))
    if wanted.minimum_severity:
        statement = statement.where(AlertRow.severity >= wanted.minimum_severity)
    if wanted.command_id:
        statement = statement.where(AlertRow.command_id == wanted.command_id)
    if wanted.trade_id:
        statement = statement.where(AlertRow.trade_id == wanted.trade_id)
    if before is not None:
        time, alert_id = before
        statement = statement.where(
            or_(
                AlertRow.create_time < time,
                (AlertRow.create_time == time) & (AlertRow.alert_id < alert_id),
            )
        )
    return list(session.scalars(statement))


def count_alerts(session: Session, account_ids: Sequence[str] | None) -> alert_pb2.AlertCounts:
    """Count what nobody has acknowledged (`account_ids` None: all, the system's too)."""
    statement = (
        select(
            AlertRow.severity,
            func.count(),
            func.sum(case((AlertRow.escalation_level > 0, 1), else_=0)),
        )
        .where(AlertRow.acknowledge_time.is_(None))
        .group_by(AlertRow.severity)
    )
    if account_ids is not None:
        statement = statement.where(AlertRow.account_id.in_(account_ids))
    counts = alert_pb2.AlertCounts()
    for severity, count, escalated in session.execute(statement):
        counts.escalated += int(escalated)
        match Severity(severity):
            case Severity.CRITICAL:
                counts.critical = count
            case Severity.WARNING:
                counts.warning = count
            case Severity.INFO:
                counts.info = count
    return counts


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
        escalation_level=row.escalation_level,
        end_reason=row.end_reason,
        acknowledge_note=row.acknowledge_note,
    )
    message.create_time.FromDatetime(row.create_time)
    message.last_time.FromDatetime(row.last_time)
    if row.acknowledge_time is not None:
        message.acknowledge_time.FromDatetime(row.acknowledge_time)
    if row.escalate_time is not None:
        message.next_escalation_time.FromDatetime(row.escalate_time)
    if row.end_time is not None:
        message.end_time.FromDatetime(row.end_time)
    return message


def _tell(session: Session, row: AlertRow, now: datetime, event_id: str) -> None:
    event = event_pb2.Event(error_alert=event_pb2.ErrorAlert(alert=alert_message(row)))
    audience = account_audience(session, row.account_id) if row.account_id else system_audience(session)
    append_events(session, audience, [new_event(event_id, now, event, row.account_id)])
