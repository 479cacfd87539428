"""Trades, orders, deals and symbols between the contract and the inside."""

from __future__ import annotations

from signalos.v1 import account_pb2, bridge_pb2, order_pb2, trade_pb2, trade_service_pb2
from signalos_server.domain.records import (
    Deal,
    Order,
    PendingOrder,
    Position,
    SymbolSpec,
    Trade,
    TrailingStop,
    broker_clock,
    trade_id_of,
    utc_of,
)
from signalos_server.domain.words import (
    CloseCause,
    DealEntry,
    DistanceUnit,
    GuardState,
    OrderState,
    OrderType,
    Side,
    SymbolTradeMode,
    TradeOrigin,
)
from signalos_server.rpc.convert import (
    decimal_of,
    duration,
    enum_of,
    number,
    optional_decimal,
    seconds_of,
    timestamp,
)
from signalos_server.rpc.convert_protection import (
    protection_of,
    protection_to_proto,
    start_of,
    start_to_proto,
)
from signalos_server.service.live import LiveQuote, LiveTrade

# mypy-protobuf types enum fields as their own enums; a number of ours is one of theirs.


def trailing_to_proto(trailing: TrailingStop | None) -> trade_pb2.TrailingStop | None:
    """Return a trailing stop as the contract says it."""
    if trailing is None:
        return None
    return trade_pb2.TrailingStop(
        distance=float(trailing.distance),
        unit=int(trailing.unit),  # type: ignore[arg-type]
        step=float(trailing.step),
        activation=number(trailing.activation),
        high_water_price=number(trailing.high_water_price),
        activated=trailing.activated,
        suspended=trailing.suspended,
        start=start_to_proto(trailing.start),
        min_interval=duration(trailing.min_interval_seconds),
    )


def trailing_of(message: trade_pb2.TrailingStop) -> TrailingStop:
    """Return a trailing stop."""
    return TrailingStop(
        distance=decimal_of(message.distance),
        unit=enum_of(DistanceUnit, message.unit, DistanceUnit.PRICE),
        step=decimal_of(message.step),
        activation=optional_decimal(message, "activation"),
        high_water_price=optional_decimal(message, "high_water_price"),
        activated=message.activated,
        suspended=message.suspended,
        start=start_of(message.start) if message.HasField("start") else None,
        min_interval_seconds=max(1.0, seconds_of(message.min_interval)),
    )


def trade_to_proto(trade: Trade) -> trade_pb2.Trade:
    """Return a trade as the contract says it."""
    position = trade.position
    offset = position.broker_offset_seconds
    # When a part was closed is told by its deal; only a trade that is closed has a time of closing.
    closed = trade.close_broker_milliseconds if trade.is_over else None
    return trade_pb2.Trade(
        trade_id=trade.trade_id,
        account_id=trade.account_id,
        ticket=position.ticket,
        position_identifier=position.identifier,
        symbol=position.symbol,
        side=int(position.side),  # type: ignore[arg-type]
        state=int(trade.state),  # type: ignore[arg-type]
        origin=int(position.origin),  # type: ignore[arg-type]
        volume_lots=float(position.volume_lots),
        opened_volume_lots=float(trade.opened_volume_lots),
        open_price=float(position.open_price),
        close_price=number(trade.close_price),
        stop_loss=number(trade.stop_loss),
        take_profit=number(trade.take_profit),
        broker_stop_loss=number(position.broker_stop_loss),
        broker_take_profit=number(position.broker_take_profit),
        hidden=position.hidden,
        trailing_stop=trailing_to_proto(position.trailing_stop),
        realised_profit=number(trade.realised_profit),
        commission=number(trade.commission),
        swap=number(trade.swap if trade.swap is not None else position.swap),
        open_time=timestamp(utc_of(position.open_broker_milliseconds, offset)),
        open_broker_time=timestamp(broker_clock(position.open_broker_milliseconds)),
        close_time=None if closed is None else timestamp(utc_of(closed, offset)),
        close_broker_time=None if closed is None else timestamp(broker_clock(closed)),
        close_cause=int(trade.close_cause),  # type: ignore[arg-type]
        magic=position.magic,
        comment=position.comment,
        open_command_id=position.open_command_id,
        update_time=timestamp(trade.update_time),
        guard_state=int(position.guard_state),  # type: ignore[arg-type]
        protection=protection_to_proto(position.protection),
        initial_stop_loss=number(position.initial_stop_loss),
        signal_id=trade.signal_id,
    )


def live_to_proto(live: LiveTrade | None) -> trade_pb2.LiveTrade | None:
    """Return a trade's numbers as the contract says them."""
    if live is None:
        return None
    return trade_pb2.LiveTrade(
        trade_id=live.trade_id,
        current_price=live.position.current_price,
        profit=live.position.profit,
        swap=live.position.swap,
        read_time=timestamp(live.read_time),
    )


def active_to_proto(
    trade: Trade, live: LiveTrade | None, age_seconds: float | None
) -> trade_service_pb2.ActiveTrade:
    """Return an open trade with what changes at every tick."""
    return trade_service_pb2.ActiveTrade(
        trade=trade_to_proto(trade), live=live_to_proto(live), age_seconds=age_seconds
    )


def order_to_proto(order: Order) -> order_pb2.Order:
    """Return a pending order as the contract says it."""
    pending = order.pending
    expire = pending.expire_broker_seconds
    return order_pb2.Order(
        order_id=order.order_id,
        account_id=order.account_id,
        ticket=pending.ticket,
        symbol=pending.symbol,
        side=int(pending.side),  # type: ignore[arg-type]
        type=int(pending.type),  # type: ignore[arg-type]
        state=int(pending.state),  # type: ignore[arg-type]
        origin=int(pending.origin),  # type: ignore[arg-type]
        volume_lots=float(pending.volume_lots),
        remaining_volume_lots=float(pending.remaining_volume_lots),
        price=float(pending.price),
        stop_limit_price=number(pending.stop_limit_price),
        stop_loss=number(pending.effective_stop_loss),
        take_profit=number(pending.effective_take_profit),
        hidden=pending.hidden,
        broker_stop_loss=number(pending.stop_loss),
        broker_take_profit=number(pending.take_profit),
        place_time=timestamp(utc_of(pending.place_broker_milliseconds, pending.broker_offset_seconds)),
        place_broker_time=timestamp(broker_clock(pending.place_broker_milliseconds)),
        expire_broker_time=timestamp(broker_clock(expire * 1000)) if expire else None,
        magic=pending.magic,
        comment=pending.comment,
        open_command_id=pending.open_command_id,
        update_time=timestamp(order.update_time),
    )


def deal_to_proto(account_id: str, deal: Deal) -> trade_pb2.Deal:
    """Return a deal as the contract says it."""
    position = deal.position_identifier
    return trade_pb2.Deal(
        ticket=deal.ticket,
        account_id=account_id,
        order_ticket=deal.order_ticket,
        position_identifier=position,
        trade_id=trade_id_of(account_id, position) if position else "",
        symbol=deal.symbol,
        type=deal.type,
        entry=int(deal.entry),  # type: ignore[arg-type]
        reason=int(deal.reason),  # type: ignore[arg-type]
        volume_lots=float(deal.volume_lots),
        price=float(deal.price),
        profit=float(deal.profit),
        commission=float(deal.commission),
        swap=float(deal.swap),
        fee=float(deal.fee),
        magic=deal.magic,
        comment=deal.comment,
        time=timestamp(utc_of(deal.broker_milliseconds, deal.broker_offset_seconds)),
        broker_time=timestamp(broker_clock(deal.broker_milliseconds)),
        command_id=deal.command_id,
    )


def position_of(record: bridge_pb2.PositionRecord) -> Position:
    """Return a position as a bridge reports it."""
    return Position(
        ticket=record.ticket,
        identifier=record.identifier,
        symbol=record.symbol,
        side=Side(record.side),
        volume_lots=decimal_of(record.volume_lots),
        open_price=decimal_of(record.open_price),
        broker_stop_loss=optional_decimal(record, "broker_stop_loss"),
        broker_take_profit=optional_decimal(record, "broker_take_profit"),
        virtual_stop_loss=optional_decimal(record, "virtual_stop_loss"),
        virtual_take_profit=optional_decimal(record, "virtual_take_profit"),
        guard_state=enum_of(GuardState, record.guard_state, GuardState.UNSPECIFIED),
        trailing_stop=trailing_of(record.trailing_stop) if record.HasField("trailing_stop") else None,
        magic=record.magic,
        comment=record.comment[:200],
        open_broker_milliseconds=record.open_broker_milliseconds,
        update_broker_milliseconds=record.update_broker_milliseconds,
        origin=enum_of(TradeOrigin, record.origin, TradeOrigin.UNSPECIFIED),
        open_command_id=record.open_command_id[:64],
        swap=decimal_of(record.swap),
        broker_offset_seconds=record.broker_offset_seconds
        if record.HasField("broker_offset_seconds")
        else None,
        hidden=record.hidden,
        protection=protection_of(record.protection, record.protection_revision)
        if record.HasField("protection")
        else None,
        initial_stop_loss=optional_decimal(record, "initial_stop_loss"),
    )


def position_to_proto(position: Position) -> bridge_pb2.PositionRecord:
    """Return a position as a bridge without memory is told it."""
    return bridge_pb2.PositionRecord(
        ticket=position.ticket,
        identifier=position.identifier,
        symbol=position.symbol,
        side=int(position.side),  # type: ignore[arg-type]
        volume_lots=float(position.volume_lots),
        open_price=float(position.open_price),
        broker_stop_loss=number(position.broker_stop_loss),
        broker_take_profit=number(position.broker_take_profit),
        virtual_stop_loss=number(position.virtual_stop_loss),
        virtual_take_profit=number(position.virtual_take_profit),
        guard_state=int(position.guard_state),  # type: ignore[arg-type]
        trailing_stop=trailing_to_proto(position.trailing_stop),
        magic=position.magic,
        comment=position.comment,
        open_broker_milliseconds=position.open_broker_milliseconds,
        update_broker_milliseconds=position.update_broker_milliseconds,
        origin=int(position.origin),  # type: ignore[arg-type]
        open_command_id=position.open_command_id,
        swap=float(position.swap),
        broker_offset_seconds=position.broker_offset_seconds,
        hidden=position.hidden,
        protection=protection_to_proto(position.protection),
        protection_revision=0 if position.protection is None else position.protection.revision,
        initial_stop_loss=number(position.initial_stop_loss),
    )


def pending_of(record: bridge_pb2.OrderRecord) -> PendingOrder:
    """Return a pending order as a bridge reports it."""
    return PendingOrder(
        ticket=record.ticket,
        symbol=record.symbol,
        side=Side(record.side),
        type=OrderType(record.type),
        state=OrderState(record.state),
        volume_lots=decimal_of(record.volume_lots),
        remaining_volume_lots=decimal_of(record.remaining_volume_lots),
        price=decimal_of(record.price),
        stop_limit_price=optional_decimal(record, "stop_limit_price"),
        stop_loss=optional_decimal(record, "stop_loss"),
        take_profit=optional_decimal(record, "take_profit"),
        place_broker_milliseconds=record.place_broker_milliseconds,
        expire_broker_seconds=record.expire_broker_seconds,
        magic=record.magic,
        comment=record.comment[:200],
        position_identifier=record.position_identifier,
        origin=enum_of(TradeOrigin, record.origin, TradeOrigin.UNSPECIFIED),
        open_command_id=record.open_command_id[:64],
        broker_offset_seconds=record.broker_offset_seconds
        if record.HasField("broker_offset_seconds")
        else None,
        hidden=record.hidden,
        virtual_stop_loss=optional_decimal(record, "virtual_stop_loss"),
        virtual_take_profit=optional_decimal(record, "virtual_take_profit"),
        target_only=record.target_only,
    )


def pending_to_proto(order: PendingOrder) -> bridge_pb2.OrderRecord:
    """Return a pending order as a bridge without memory is told it."""
    return bridge_pb2.OrderRecord(
        ticket=order.ticket,
        symbol=order.symbol,
        side=int(order.side),  # type: ignore[arg-type]
        type=int(order.type),  # type: ignore[arg-type]
        state=int(order.state),  # type: ignore[arg-type]
        volume_lots=float(order.volume_lots),
        remaining_volume_lots=float(order.remaining_volume_lots),
        price=float(order.price),
        stop_limit_price=number(order.stop_limit_price),
        stop_loss=number(order.stop_loss),
        take_profit=number(order.take_profit),
        place_broker_milliseconds=order.place_broker_milliseconds,
        expire_broker_seconds=order.expire_broker_seconds,
        magic=order.magic,
        comment=order.comment,
        position_identifier=order.position_identifier,
        origin=int(order.origin),  # type: ignore[arg-type]
        open_command_id=order.open_command_id,
        broker_offset_seconds=order.broker_offset_seconds,
        hidden=order.hidden,
        virtual_stop_loss=number(order.virtual_stop_loss),
        virtual_take_profit=number(order.virtual_take_profit),
        target_only=order.target_only,
    )


def deal_of(record: bridge_pb2.DealRecord) -> Deal:
    """Return a deal as a bridge reports it."""
    return Deal(
        ticket=record.ticket,
        order_ticket=record.order_ticket,
        position_identifier=record.position_identifier,
        symbol=record.symbol[:64],
        type=record.type[:32],
        entry=enum_of(DealEntry, record.entry, DealEntry.UNSPECIFIED),
        reason=enum_of(CloseCause, record.reason, CloseCause.UNSPECIFIED),
        volume_lots=decimal_of(record.volume_lots),
        price=decimal_of(record.price),
        profit=decimal_of(record.profit),
        commission=decimal_of(record.commission),
        swap=decimal_of(record.swap),
        fee=decimal_of(record.fee),
        magic=record.magic,
        comment=record.comment[:200],
        broker_milliseconds=record.broker_milliseconds,
        broker_offset_seconds=record.broker_offset_seconds
        if record.HasField("broker_offset_seconds")
        else None,
        command_id=record.command_id[:64],
    )


def symbol_of(message: account_pb2.Symbol) -> SymbolSpec:
    """Return a symbol's rules as a bridge reports them."""
    return SymbolSpec(
        symbol=message.symbol[:64],
        digits=message.digits,
        point=decimal_of(message.point),
        tick_size=decimal_of(message.tick_size),
        volume_minimum_lots=decimal_of(message.volume_minimum_lots),
        volume_maximum_lots=decimal_of(message.volume_maximum_lots),
        volume_step_lots=decimal_of(message.volume_step_lots),
        description=message.description[:200],
        tick_value=decimal_of(message.tick_value),
        contract_size=decimal_of(message.contract_size),
        stops_level_points=message.stops_level_points,
        freeze_level_points=message.freeze_level_points,
        trade_mode=enum_of(SymbolTradeMode, message.trade_mode, SymbolTradeMode.UNSPECIFIED),
        base_currency=message.base_currency[:20],
        profit_currency=message.profit_currency[:20],
    )


def symbol_to_proto(spec: SymbolSpec, quote: LiveQuote | None) -> account_pb2.Symbol:
    """Return a symbol's rules with its quote, where one is known."""
    return account_pb2.Symbol(
        symbol=spec.symbol,
        description=spec.description,
        digits=spec.digits,
        point=float(spec.point),
        tick_size=float(spec.tick_size),
        tick_value=float(spec.tick_value),
        contract_size=float(spec.contract_size),
        volume_minimum_lots=float(spec.volume_minimum_lots),
        volume_maximum_lots=float(spec.volume_maximum_lots),
        volume_step_lots=float(spec.volume_step_lots),
        stops_level_points=spec.stops_level_points,
        freeze_level_points=spec.freeze_level_points,
        trade_mode=int(spec.trade_mode),  # type: ignore[arg-type]
        base_currency=spec.base_currency,
        profit_currency=spec.profit_currency,
        bid=None if quote is None else quote.quote.bid,
        ask=None if quote is None else quote.quote.ask,
        quote_time=None if quote is None else timestamp(quote.read_time),
    )
