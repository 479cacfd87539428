"""Events and records on their way to the server."""

from __future__ import annotations

from collections.abc import Iterable

from signalos.v1 import bridge_pb2, control_pb2, trade_pb2
from signalos_bridge.convert import plans, words
from signalos_bridge.convert.numbers import number, timestamp_of
from signalos_bridge.domain import facts


def event(value: facts.BridgeEvent) -> bridge_pb2.BridgeEvent:
    """Return something that happened at the terminal."""
    message = bridge_pb2.BridgeEvent(
        seq=value.seq,
        event_id=value.event_id,
        bridge_time=timestamp_of(value.wall_msc),
        command_id=value.command_id,
    )
    match value.fact:
        case facts.PositionOpened(position, deals):
            message.position_opened.CopyFrom(
                bridge_pb2.PositionOpened(position=position_record(position), deals=deal_records(deals))
            )
        case facts.PositionChanged(position, deals, change):
            message.position_changed.CopyFrom(
                bridge_pb2.PositionChanged(
                    position=position_record(position), deals=deal_records(deals), change=change
                )
            )
        case facts.PositionClosed(position, deals, cause):
            message.position_closed.CopyFrom(
                bridge_pb2.PositionClosed(
                    position=position_record(position),
                    deals=deal_records(deals),
                    cause=words.close_cause(cause),
                )
            )
        case facts.PositionMissing(position):
            message.position_missing.CopyFrom(bridge_pb2.PositionMissing(position=position_record(position)))
        case facts.OrderChanged(order, change):
            message.order_changed.CopyFrom(bridge_pb2.OrderChanged(order=order_record(order), change=change))
        case facts.DealSeen(deal):
            message.deal_seen.CopyFrom(bridge_pb2.DealSeen(deal=deal_record(deal)))
        case facts.SyncReport():
            message.sync_report.CopyFrom(sync_report(value.fact))
        case facts.TrailingChanged(position, change):
            message.trailing_changed.CopyFrom(
                bridge_pb2.TrailingChanged(position=position_record(position), change=change)
            )
    return message


def position_record(record: facts.PositionRecord) -> bridge_pb2.PositionRecord:
    """Return a position with what the bridge keeps for it."""
    position = record.position
    return bridge_pb2.PositionRecord(
        ticket=position.ticket,
        identifier=position.identifier,
        symbol=position.symbol,
        side=words.SIDES[position.side],
        volume_lots=float(position.volume_lots),
        open_price=float(position.open_price),
        broker_stop_loss=number(position.stop_loss),
        broker_take_profit=number(position.take_profit),
        virtual_stop_loss=number(record.virtual_stop_loss),
        virtual_take_profit=number(record.virtual_take_profit),
        guard_state=words.guard_state(record.guard_state),
        trailing_stop=plans.trailing_stop(record.trailing),
        magic=position.magic,
        comment=position.comment,
        open_broker_milliseconds=position.open_time_msc,
        update_broker_milliseconds=position.update_time_msc,
        origin=words.trade_origin(record.origin),
        open_command_id=record.open_command_id,
        swap=float(position.swap),
        broker_offset_seconds=record.broker_offset_seconds,
        hidden=record.hidden,
        protection=plans.protection(record.protection),
        protection_revision=record.protection_revision,
        initial_stop_loss=number(record.initial_stop),
    )


def order_record(record: facts.OrderRecord) -> bridge_pb2.OrderRecord:
    """Return a pending order."""
    side = record.type.side
    return bridge_pb2.OrderRecord(
        ticket=record.ticket,
        symbol=record.symbol,
        side=trade_pb2.SIDE_UNSPECIFIED if side is None else words.SIDES[side],
        type=words.ORDER_TYPES[record.type],
        state=words.order_standing(record.standing),
        volume_lots=float(record.volume_lots),
        remaining_volume_lots=float(record.remaining_volume_lots),
        price=float(record.price or 0),
        stop_limit_price=number(record.stop_limit_price),
        stop_loss=number(record.stop_loss),
        take_profit=number(record.take_profit),
        place_broker_milliseconds=record.place_time_msc,
        expire_broker_seconds=record.expire_time_seconds,
        magic=record.magic,
        comment=record.comment,
        position_identifier=record.position_identifier,
        origin=words.trade_origin(record.origin),
        open_command_id=record.open_command_id,
        broker_offset_seconds=record.broker_offset_seconds,
        hidden=record.hidden is not None,
        virtual_stop_loss=None if record.hidden is None else number(record.hidden.stop_loss),
        virtual_take_profit=None if record.hidden is None else number(record.hidden.take_profit),
        target_only=record.hidden is not None and record.hidden.target_only,
    )


def deal_records(records: Iterable[facts.DealRecord]) -> list[bridge_pb2.DealRecord]:
    """Return deals."""
    return [deal_record(record) for record in records]


def deal_record(record: facts.DealRecord) -> bridge_pb2.DealRecord:
    """Return a deal."""
    deal = record.deal
    return bridge_pb2.DealRecord(
        ticket=deal.ticket,
        order_ticket=deal.order or 0,
        position_identifier=deal.position_id or 0,
        symbol=deal.symbol,
        type=deal.type.name,
        # MetaTrader writes an entry on movements of money too, where it means nothing.
        entry=words.DEAL_ENTRIES[deal.entry] if deal.is_trade else trade_pb2.DEAL_ENTRY_UNSPECIFIED,
        reason=words.close_cause(record.cause),
        volume_lots=float(deal.volume_lots),
        price=float(deal.price or 0),
        profit=float(deal.profit),
        commission=float(deal.commission),
        swap=float(deal.swap),
        fee=float(deal.fee),
        magic=deal.magic,
        comment=deal.comment,
        broker_milliseconds=deal.time_msc,
        broker_offset_seconds=record.broker_offset_seconds,
        command_id=record.command_id,
    )


def sync_report(report: facts.SyncReport) -> control_pb2.SyncReport:
    """Return what a sync found. Its times are this machine's; their difference is its duration."""
    start_wall_msc = report.end_wall_msc - round(report.duration_seconds * 1000)
    return control_pb2.SyncReport(
        sync_id=report.sync_id,
        trigger=words.sync_trigger(report.trigger),
        dry_run=report.dry_run,
        start_time=timestamp_of(start_wall_msc),
        end_time=timestamp_of(report.end_wall_msc),
        succeeded=report.succeeded,
        problem=report.problem,
        position_count=report.position_count,
        order_count=report.order_count,
        deal_count=report.deal_count,
        external_count=report.external_count,
        differences=[_difference(difference) for difference in report.differences],
        unknown_command_count=report.unknown_count,
    )


def _difference(difference: facts.SyncDifference) -> control_pb2.SyncDifference:
    cause = None
    if difference.deal_reason or difference.deal_ticket:
        cause = control_pb2.CloseCauseDetail(
            deal_reason=difference.deal_reason,
            deal_ticket=difference.deal_ticket,
            cause=words.close_cause(difference.cause),
        )
    return control_pb2.SyncDifference(
        kind=words.difference_kind(difference.kind),
        position_identifier=difference.position_identifier,
        order_ticket=difference.order_ticket,
        symbol=difference.symbol,
        cause=cause,
        message=difference.message,
        command_id=difference.command_id,
        suggestion=difference.suggestion,
        likely_command_id=difference.likely_command_id,
    )


def snapshot(record: facts.RecordSnapshot) -> bridge_pb2.TerminalSnapshot:
    """Return the record as of an event."""
    return bridge_pb2.TerminalSnapshot(
        event_seq=record.event_seq,
        positions=[position_record(position) for position in record.positions],
        orders=[order_record(order) for order in record.orders],
    )
