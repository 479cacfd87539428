"""The server's database, read in one snapshot by queries of its own: what is checked is not also what reads.

SQLite is opened for reading only; PostgreSQL in a read-only transaction. Both serve a server that runs.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it ships no types
from google.protobuf.message import DecodeError
from sqlalchemy.engine import make_url

from signalos.v1 import command_pb2, event_pb2, order_pb2, trade_pb2
from signalos_verify.domain.records import (
    Account,
    Alert,
    Bridge,
    Command,
    Database,
    Deal,
    Leg,
    Order,
    StopAt,
    Stream,
    StreamEvent,
    Trade,
)
from signalos_verify.reading.errors import RecordUnreadable

_ADMINISTRATOR = 2
_MICROSECONDS = 1e6

_QUERIES: dict[str, str] = {
    "accounts": "SELECT account_id, owner_user_id, login, magic_prefix FROM accounts",
    "bridges": "SELECT bridge_id, account_id, session_epoch, revoke_time, journal_id, committed_event_seq"
    " FROM bridges",
    "bridge_journals": "SELECT bridge_id, journal_id, committed_event_seq FROM bridge_journals",
    "commands": "SELECT command_id, account_id, user_id, request_id, origin, state, action_kind, action,"
    " legs, increases_risk, create_time, time_to_live_microseconds, end_time, offered_epoch, outcome_number,"
    " asked_volume_lots, filled_volume_lots, resolved_by_person, reason FROM commands"
    " ORDER BY create_time, command_id",
    "requests": "SELECT user_id, request_id, command_id FROM requests",
    "trades": "SELECT trade_id, account_id, state, position_identifier, symbol, side, volume_lots,"
    " broker_stop_loss, broker_take_profit FROM trades",
    "orders": "SELECT order_id, account_id, state, ticket, symbol, remaining_volume_lots FROM orders",
    "deals": "SELECT account_id, ticket, order_ticket, position_identifier, magic, volume_lots, entry"
    " FROM deals",
    "alerts": "SELECT alert_id, account_id, code, command_id, acknowledge_time FROM alerts",
    "stops": "SELECT s.stop_id, a.account_id, s.create_time, s.close_positions, a.progress, a.rearm_time"
    " FROM stops s JOIN stop_accounts a ON a.stop_id = s.stop_id",
    "streams": "SELECT s.user_id, s.epoch, s.seq, s.forgotten_seq, u.role FROM streams s"
    " LEFT JOIN users u ON u.user_id = s.user_id",
    "events": "SELECT user_id, seq, event_id, time, payload FROM events ORDER BY user_id, seq",
}

Rows = Sequence[Sequence[Any]]


def read_database(url: str) -> Database:
    """Return what the server has on record. Raises `RecordUnreadable`."""
    parsed = make_url(url)
    read_at = time.time()
    if parsed.get_backend_name() == "sqlite":
        rows = _sqlite(Path(parsed.database or ""))
    elif parsed.get_backend_name() in ("postgresql", "postgres"):
        dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        # In a thread of its own, since the caller may stand in a loop.
        with ThreadPoolExecutor(1) as thread:
            rows = thread.submit(lambda: asyncio.run(_postgresql(dsn))).result()
    else:
        raise RecordUnreadable(f"{parsed.get_backend_name()} is no database that SignalOS works on")
    try:
        return _database(rows, read_at)
    except (ValueError, KeyError, TypeError, DecodeError) as error:
        raise RecordUnreadable(f"the database holds a row that cannot be understood: {error}") from error


def _sqlite(path: Path) -> dict[str, Rows]:
    if not path.is_file():
        raise RecordUnreadable(f"there is no database at {path}")
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        ) as connection:
            connection.execute("BEGIN")
            return {name: connection.execute(query).fetchall() for name, query in _QUERIES.items()}
    except sqlite3.Error as error:
        raise RecordUnreadable(f"the database {path} cannot be read: {error}") from error


async def _postgresql(dsn: str) -> dict[str, Rows]:
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise RecordUnreadable(f"the database cannot be reached: {error}") from error
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {name: await connection.fetch(query) for name, query in _QUERIES.items()}
    except asyncpg.PostgresError as error:
        raise RecordUnreadable(f"the database cannot be read: {error}") from error
    finally:
        await connection.close()


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / _MICROSECONDS


def _lots(value: Any) -> Decimal:
    return Decimal(value) if value is not None else Decimal(0)


def _level(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def _database(rows: dict[str, Rows], read_at: float) -> Database:
    journals: dict[str, dict[str, int]] = defaultdict(dict)
    for bridge_id, journal_id, committed in rows["bridge_journals"]:
        journals[bridge_id][journal_id] = committed
    for bridge_id, _, _, _, journal_id, committed in rows["bridges"]:
        if journal_id:
            journals[bridge_id][journal_id] = committed
    commands = [_command(row) for row in rows["commands"]]
    return Database(
        read_at=read_at,
        accounts={row[0]: Account(*row) for row in rows["accounts"]},
        bridges=tuple(
            Bridge(bridge_id, account_id, epoch, revoked is not None, journal_id, journals[bridge_id])
            for bridge_id, account_id, epoch, revoked, journal_id, _ in rows["bridges"]
        ),
        commands={command.command_id: command for command in commands},
        requests={(user_id, request_id): command_id for user_id, request_id, command_id in rows["requests"]},
        trades=tuple(
            Trade(
                trade_id,
                account_id,
                _word(trade_pb2.TradeState, "TRADE_STATE_", state),
                identifier,
                symbol,
                side,
                _lots(volume),
                _level(stop_loss),
                _level(take_profit),
            )
            for trade_id, account_id, state, identifier, symbol, side, volume, stop_loss, take_profit in rows[
                "trades"
            ]
        ),
        orders=tuple(
            Order(
                order_id,
                account_id,
                _word(order_pb2.OrderState, "ORDER_STATE_", state),
                ticket,
                symbol,
                _lots(remaining),
            )
            for order_id, account_id, state, ticket, symbol, remaining in rows["orders"]
        ),
        deals=tuple(
            Deal(account_id, ticket, order, position, magic, _lots(volume), entry)
            for account_id, ticket, order, position, magic, volume, entry in rows["deals"]
        ),
        alerts=tuple(
            Alert(alert_id, account_id, code, command_id, acknowledged is not None)
            for alert_id, account_id, code, command_id, acknowledged in rows["alerts"]
        ),
        stops=tuple(_stop(row) for row in rows["stops"]),
        streams={
            user_id: Stream(user_id, epoch, seq, forgotten, role == _ADMINISTRATOR)
            for user_id, epoch, seq, forgotten, role in rows["streams"]
        },
        events=tuple(_event(row) for row in rows["events"]),
    )


def _word(enum: Any, prefix: str, number: int) -> str:
    return str(enum.Name(number)).removeprefix(prefix)


_COMMAND_STATES = {
    value.number: value.name.removeprefix("COMMAND_STATE_")
    for value in command_pb2.CommandState.DESCRIPTOR.values
}
_LEG_STATES = {
    value.number: value.name.removeprefix("LEG_STATE_") for value in command_pb2.LegState.DESCRIPTOR.values
}
_ORIGINS = {
    value.number: value.name.removeprefix("COMMAND_ORIGIN_")
    for value in command_pb2.CommandOrigin.DESCRIPTOR.values
}
_ORDER_TYPES = {
    value.number: value.name.removeprefix("ORDER_TYPE_") for value in order_pb2.OrderType.DESCRIPTOR.values
}


def _command(row: Sequence[Any]) -> Command:
    (command_id, account_id, user_id, request_id, origin, state, kind, action_text, legs_text, risky) = row[
        :10
    ]
    (created, to_live, ended, offered, number, asked, filled, by_person, reason) = row[10:]
    action = json.loads(action_text)
    return Command(
        command_id=command_id,
        account_id=account_id,
        user_id=user_id,
        request_id=request_id,
        origin=_ORIGINS[origin],
        state=_COMMAND_STATES[state],
        kind=kind,
        order_type=_ORDER_TYPES[action["order_type"]] if kind == "open" else "",
        symbol=action.get("symbol") or "",
        legs=tuple(_leg(leg) for leg in json.loads(legs_text)),
        increases_risk=bool(risky),
        created=created / _MICROSECONDS,
        time_to_live=to_live / _MICROSECONDS,
        ended=_seconds(ended),
        offered_epoch=offered,
        outcome_number=number,
        asked_volume_lots=_lots(asked),
        filled_volume_lots=_lots(filled),
        resolved_by_person=bool(by_person),
        reason=reason,
    )


def _leg(leg: dict[str, Any]) -> Leg:
    return Leg(
        index=leg["index"],
        state=_LEG_STATES[leg["state"]],
        magic=leg["magic"],
        ticket=leg["ticket"],
        asked_volume_lots=Decimal(leg["asked_volume_lots"]),
        filled_volume_lots=Decimal(leg["filled_volume_lots"]),
        order_ticket=leg["order_ticket"],
        deal_ticket=leg["deal_ticket"],
        attempt_count=leg["attempt_count"],
        position_identifier=leg["position_identifier"],
    )


def _stop(row: Sequence[Any]) -> StopAt:
    stop_id, account_id, created, close_positions, progress_text, rearmed = row
    progress = json.loads(progress_text)
    return StopAt(
        stop_id=stop_id,
        account_id=account_id,
        called=created / _MICROSECONDS,
        close_positions=bool(close_positions),
        latched=_instant(progress.get("latch_time")),
        flat=_instant(progress.get("flat_time")),
        rearmed=_seconds(rearmed),
        unrecalled_command_ids=tuple(progress.get("unrecalled_command_ids", ())),
    )


def _instant(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


_TRADE_KINDS = frozenset({"trade_opened", "trade_update", "trade_closed"})


def _event(row: Sequence[Any]) -> StreamEvent:
    user_id, seq, event_id, at, payload = row
    event = event_pb2.Event.FromString(bytes(payload))
    kind = event.WhichOneof("data") or ""
    subject = ""
    if kind == "command_update":
        command = event.command_update.command
        subject = f"{command.command_id} {_COMMAND_STATES[command.state]}"
    elif kind in _TRADE_KINDS:
        subject = str(getattr(event, kind).trade.position_identifier)
    return StreamEvent(
        user_id=user_id,
        seq=seq,
        event_id=event_id,
        kind=kind,
        account_id=event.account_id,
        subject=subject,
        time=at / _MICROSECONDS,
        bridge_id=event.session.bridge_id,
        bridge_epoch=event.session.epoch,
    )
