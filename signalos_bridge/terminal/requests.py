"""Orders as MetaTrader's requests. Pure: quote and filling mode are given."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

from signalos_bridge.domain.market import Filling, OrderType, Side, Tick
from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    PendingKind,
    PlacePending,
)
from signalos_bridge.terminal.port import SentRequest

ACTION_DEAL = 1
ACTION_PENDING = 5
ACTION_SLTP = 6
ACTION_MODIFY = 7
ACTION_REMOVE = 8
ACTION_CLOSE_BY = 10

TIME_GTC = 0
TIME_SPECIFIED = 2

_ZERO = Decimal(0)

_PENDING_TYPES: dict[tuple[PendingKind, Side], OrderType] = {
    (PendingKind.LIMIT, Side.BUY): OrderType.BUY_LIMIT,
    (PendingKind.LIMIT, Side.SELL): OrderType.SELL_LIMIT,
    (PendingKind.STOP, Side.BUY): OrderType.BUY_STOP,
    (PendingKind.STOP, Side.SELL): OrderType.SELL_STOP,
    (PendingKind.STOP_LIMIT, Side.BUY): OrderType.BUY_STOP_LIMIT,
    (PendingKind.STOP_LIMIT, Side.SELL): OrderType.SELL_STOP_LIMIT,
}

# `type_filling` and `position` may be zero and mean it; every other zero below is sent on purpose.
_FLOATS = frozenset({"volume", "price", "stoplimit", "sl", "tp"})


def market_type(side: Side) -> OrderType:
    """Return the type of a market order."""
    return OrderType.BUY if side is Side.BUY else OrderType.SELL


def pending_type(kind: PendingKind, side: Side) -> OrderType:
    """Return the type of a pending order."""
    return _PENDING_TYPES[kind, side]


def _life(expiration_time_seconds: int | None) -> tuple[int, int | None]:
    return (TIME_GTC, None) if expiration_time_seconds is None else (TIME_SPECIFIED, expiration_time_seconds)


def open_market(order: OpenMarket, tick: Tick, filling: Filling) -> SentRequest:
    """Build the request that buys at the ask or sells at the bid, with both levels."""
    return SentRequest(
        action=ACTION_DEAL,
        symbol=order.symbol,
        volume=order.volume_lots,
        type=market_type(order.side),
        price=tick.opening_price(order.side),
        sl=order.stop_loss or _ZERO,
        tp=order.take_profit or _ZERO,
        deviation=order.deviation_points,
        type_filling=filling,
        type_time=TIME_GTC,
        magic=order.magic,
        comment=order.comment,
    )


def close_position(
    order: ClosePosition, volume_lots: Decimal, price: Decimal | None, filling: Filling
) -> SentRequest:
    """Build the opposite deal that names its position; without the name a hedging account would open one."""
    return SentRequest(
        action=ACTION_DEAL,
        symbol=order.symbol,
        volume=volume_lots,
        type=market_type(order.side.opposite),
        price=price,
        deviation=order.deviation_points,
        type_filling=filling,
        type_time=TIME_GTC,
        position=order.ticket,
        magic=order.magic,
        comment=order.comment,
    )


def close_by(order: CloseBy) -> SentRequest:
    """Build the request that closes two positions against each other."""
    return SentRequest(
        action=ACTION_CLOSE_BY,
        symbol=order.symbol,
        position=order.ticket,
        position_by=order.opposite_ticket,
        magic=order.magic,
        comment=order.comment,
    )


def place_pending(order: PlacePending, filling: Filling) -> SentRequest:
    """Build the request that places a pending order with both levels."""
    type_time, expiration = _life(order.expiration_time_seconds)
    return SentRequest(
        action=ACTION_PENDING,
        symbol=order.symbol,
        volume=order.volume_lots,
        type=pending_type(order.kind, order.side),
        price=order.price,
        stoplimit=order.stop_limit_price,
        sl=order.stop_loss or _ZERO,
        tp=order.take_profit or _ZERO,
        type_filling=filling,
        type_time=type_time,
        expiration=expiration,
        magic=order.magic,
        comment=order.comment,
    )


def modify_levels(order: ModifyLevels) -> SentRequest:
    """Build the request that sets both levels; the one left out would be erased."""
    return SentRequest(
        action=ACTION_SLTP,
        symbol=order.symbol,
        sl=order.stop_loss or _ZERO,
        tp=order.take_profit or _ZERO,
        position=order.ticket,
        magic=order.magic,
        comment=order.comment,
    )


def modify_pending(order: ModifyPending) -> SentRequest:
    """Build the request that sets everything that can be changed about a pending order."""
    type_time, expiration = _life(order.expiration_time_seconds)
    return SentRequest(
        action=ACTION_MODIFY,
        symbol=order.symbol,
        price=order.price,
        stoplimit=order.stop_limit_price,
        sl=order.stop_loss or _ZERO,
        tp=order.take_profit or _ZERO,
        type_time=type_time,
        expiration=expiration,
        order=order.ticket,
    )


def cancel_pending(order: CancelPending) -> SentRequest:
    """Build the request that removes a pending order."""
    return SentRequest(action=ACTION_REMOVE, symbol=order.symbol, order=order.ticket)


def as_mapping(request: SentRequest) -> dict[str, int | float | str]:
    """Return the dictionary that `order_send` takes: only what is set, floats where MetaTrader wants them."""
    mapping: dict[str, int | float | str] = {}
    for field in fields(request):
        value = getattr(request, field.name)
        if value is None or value == "":
            continue
        if field.name in _FLOATS:
            mapping[field.name] = float(value)
        elif isinstance(value, str):
            mapping[field.name] = value
        else:
            mapping[field.name] = int(value)
    return mapping
