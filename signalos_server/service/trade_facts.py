"""What happened at a terminal becomes trades, orders and deals on record."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from signalos_server.domain import control, frames, happenings
from signalos_server.domain.frames import BridgeEvent, TerminalSnapshot
from signalos_server.domain.happenings import NewAlert
from signalos_server.domain.records import (
    Deal,
    Order,
    Position,
    Trade,
    order_id_of,
    trade_id_of,
    with_deals,
)
from signalos_server.domain.words import CloseCause, OrderState, Severity, TradeState
from signalos_server.service.records import Records
from signalos_server.service.unit_effects import Effect, Scene, SyncSaved, TradeOver, TradeSaved

_LONGEST_EVENT_ID = 90


def apply_event_fact(records: Records, scene: Scene, event: BridgeEvent, now: datetime) -> list[Effect]:
    """Make record of one event of a bridge."""
    event_id = event.event_id
    if len(event_id) > _LONGEST_EVENT_ID:
        event_id = hashlib.sha256(event_id.encode()).hexdigest()
    fact = event.fact
    match fact:
        case frames.PositionOpened():
            return [TradeSaved(_opened(records, scene, event_id, fact, now))]
        case frames.PositionChanged():
            trade = _seen(records, scene, fact.position, fact.deals, now)
            records.book.save_trade(trade)
            records.happened(scene.account_id, happenings.TradeChanged(event_id, trade, fact.change))
            return [TradeSaved(trade)]
        case frames.PositionClosed():
            return _closed(records, scene, event_id, fact, now)
        case frames.PositionMissing():
            _missing(records, scene, event_id, fact.position, now)
        case frames.OrderChanged():
            order = Order(order_id_of(scene.account_id, fact.order.ticket), scene.account_id, fact.order, now)
            before = records.book.order(order.order_id)
            if before is not None and not order.pending.open_command_id:
                kept = before.pending.open_command_id
                order = replace(order, pending=replace(order.pending, open_command_id=kept))
            records.book.save_order(order)
            records.happened(scene.account_id, happenings.OrderChanged(event_id, order, fact.change))
        case frames.DealSeen():
            records.book.add_deals(scene.account_id, [fact.deal])
        case frames.TrailingChanged():
            _trailing(records, scene, event_id, fact, now)
        case frames.SyncReport():
            report = replace(fact, start_time=fact.start_time or now, end_time=fact.end_time or now)
            records.control.save_sync(scene.account_id, report)
            records.happened(scene.account_id, happenings.SyncDone(event_id, scene.account_id, report))
            return [SyncSaved(report)]
    return []


def _seen(
    records: Records, scene: Scene, position: Position, deals: tuple[Deal, ...], now: datetime
) -> Trade:
    """Return the trade of a position as it is now, with its deals stored and counted."""
    trade_id = trade_id_of(scene.account_id, position.identifier)
    before = records.book.trade(trade_id)
    if deals:
        records.book.add_deals(scene.account_id, deals)
    if before is not None and not position.open_command_id:
        position = replace(position, open_command_id=before.position.open_command_id)
    trade = Trade(
        trade_id=trade_id,
        account_id=scene.account_id,
        state=TradeState.OPEN,
        position=position,
        opened_volume_lots=max(
            position.volume_lots, before.opened_volume_lots if before is not None else Decimal(0)
        ),
        update_time=now,
        signal_id=_signal_of(records, before, position),
    )
    return with_deals(trade, records.book.deals_of(scene.account_id, position.identifier))


def _signal_of(records: Records, before: Trade | None, position: Position) -> str:
    """Return the signal whose command opened a position; looked up once, when the command is first told."""
    if before is not None and before.position.open_command_id:
        return before.signal_id
    command = records.commands.get(position.open_command_id) if position.open_command_id else None
    return command.signal_id if command is not None else ""


def _opened(
    records: Records, scene: Scene, event_id: str, fact: frames.PositionOpened, now: datetime
) -> Trade:
    known = records.book.trade(trade_id_of(scene.account_id, fact.position.identifier))
    trade = _seen(records, scene, fact.position, fact.deals, now)
    records.book.save_trade(trade)
    if known is None:
        records.happened(scene.account_id, happenings.TradeOpened(event_id, trade))
    else:
        # Seen before: by a journal that is lost, or given up as missing.
        records.alert_ended(
            scene.account_id, "TRADE_MISSING", trade.trade_id, "the terminal shows the position again"
        )
        records.happened(scene.account_id, happenings.TradeChanged(event_id, trade, "seen at the terminal"))
    return trade


def _closed(
    records: Records, scene: Scene, event_id: str, fact: frames.PositionClosed, now: datetime
) -> list[Effect]:
    trade = _seen(records, scene, fact.position, fact.deals, now)
    closed = replace(
        trade,
        state=TradeState.CLOSED,
        position=replace(trade.position, volume_lots=Decimal(0)),
        close_cause=fact.cause,
    )
    records.book.save_trade(closed)
    document = records.control.lock(scene.account_id).document
    without = control.forget_trade(document, fact.position.identifier)
    if without is not document:
        records.control.save(without)
    records.happened(scene.account_id, happenings.TradeClosed(event_id, closed))
    identifier = fact.position.identifier
    for code, key in (
        ("TRADE_MISSING", closed.trade_id),
        ("GUARD_CLOSE_FAILED", f"guard:{identifier}"),
        ("LEVELS_NOT_MOVED", f"levels:{identifier}"),
        ("LEVELS_NOT_HIDDEN", f"levels:{identifier}"),
        ("LADDER_CLOSE_FAILED", f"ladder:{identifier}"),
        ("STOP_NOT_MOVED", f"follow:{identifier}"),
    ):
        records.alert_ended(scene.account_id, code, key, "the position is closed")
    return [TradeSaved(closed), TradeOver(fact.position.identifier)]


def _missing(records: Records, scene: Scene, event_id: str, position: Position, now: datetime) -> None:
    trade = replace(
        _seen(records, scene, position, (), now),
        state=TradeState.UNKNOWN_MISSING,
        close_cause=CloseCause.UNSPECIFIED,
    )
    records.book.save_trade(trade)
    records.happened(
        scene.account_id,
        happenings.TradeChanged(event_id, trade, "gone from the terminal, and no closing deal is known"),
    )
    records.alert(
        NewAlert(
            account_id=scene.account_id,
            severity=Severity.CRITICAL,
            code="TRADE_MISSING",
            key=trade.trade_id,
            message=f"a position in {position.symbol} is gone and no closing deal tells why",
            known=f"last seen: {position.volume_lots} lots, ticket {position.ticket}",
            advice="look at the broker's history of this account",
            trade_id=trade.trade_id,
        )
    )


def _trailing(
    records: Records, scene: Scene, event_id: str, fact: frames.TrailingChanged, now: datetime
) -> None:
    trade = _seen(records, scene, fact.position, (), now)
    records.book.save_trade(trade)
    wanted = records.control.get(scene.account_id)
    policy = control.policy_wanted(wanted.document, fact.position.identifier)
    applied = policy is None or (wanted.applied is not None and wanted.applied.revision >= policy.revision)
    records.happened(
        scene.account_id,
        happenings.TrailingChanged(
            event_id, trade, policy.trailing_stop if policy is not None else None, applied, fact.change
        ),
    )


def differs_from_record(records: Records, account_id: str, snapshot: TerminalSnapshot) -> str:
    """Return in what the record differs from all that is open at the terminal; empty: in nothing."""
    bridge = records.bridges.of_account(account_id)
    if bridge is None or snapshot.event_seq != bridge.committed_event_seq:
        # Taken at another moment than the record: not comparable.
        return ""
    recorded = {
        trade.position.identifier: trade.position.volume_lots
        for trade in records.book.open_trades([account_id])
        if trade.state is TradeState.OPEN
    }
    shown = {position.identifier: position.volume_lots for position in snapshot.positions}
    if recorded != shown:
        odd = sorted({*recorded.items()} ^ {*shown.items()})
        return f"positions differ: {', '.join(f'{identifier} ({lots})' for identifier, lots in odd[:10])}"
    working = {order.pending.ticket for order in records.book.orders([account_id], None, OrderState.WORKING)}
    at_terminal = {order.ticket for order in snapshot.orders}
    if working != at_terminal:
        return f"orders differ: {', '.join(str(ticket) for ticket in sorted(working ^ at_terminal)[:10])}"
    return ""
