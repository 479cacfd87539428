"""MetaTrader's structures as domain values. Floats end here.

The structures are read by attribute, so that named tuples, `PyStructSequence`s and remote proxies all serve.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from enum import IntEnum
from typing import Any, TypeVar

from signalos_bridge.domain.market import (
    AccountSnapshot,
    Deal,
    DealEntry,
    DealType,
    ExecutionMode,
    ExpirationModes,
    Filling,
    FillingMask,
    HistoryOrder,
    MarginMode,
    OrderModes,
    OrderState,
    OrderType,
    Position,
    Reason,
    Side,
    SymbolSpec,
    SymbolTradeMode,
    Tick,
    TradeMode,
    WorkingOrder,
)
from signalos_bridge.domain.outcomes import BrokerAnswer

_E = TypeVar("_E", bound=IntEnum)

# DBL_MAX marks "not set" in several fields of MetaTrader's structures.
_UNSET_ABOVE = 1e300
_VOLUME_PLACES = 8
_REASON_NUMBERS = {int(reason): reason for reason in Reason}
_DEAL_TYPE_NUMBERS = {int(kind): kind for kind in DealType}


def decimal(value: float, places: int) -> Decimal:
    """Return a finite terminal number quantised to `places` decimals."""
    if not math.isfinite(value):
        raise ValueError(f"the terminal gave {value} where a number belongs")
    return Decimal(f"{value:.{places}f}")


def exact(value: float) -> Decimal:
    """Return a terminal number whose digits nobody states (tick values, contract sizes)."""
    if not math.isfinite(value):
        raise ValueError(f"the terminal gave {value} where a number belongs")
    # The shortest decimal that is this double: what somebody once typed.
    digits = f"{Decimal(repr(float(value))):f}"
    return Decimal(digits.rstrip("0").rstrip(".") if "." in digits else digits)


def optional_price(value: float, digits: int) -> Decimal | None:
    """Return a price, None for the zero by which MetaTrader says that there is none."""
    if value == 0 or abs(value) > _UNSET_ABOVE:
        return None
    return decimal(value, digits)


def volume(value: float) -> Decimal:
    """Return lots, free of float dust."""
    return exact(round(value, _VOLUME_PLACES))


def _side(kind: int) -> Side:
    if kind not in (0, 1):
        raise ValueError(f"position type {kind} is neither buy nor sell")
    return Side.BUY if kind == 0 else Side.SELL


def _or_none(number: int) -> int | None:
    return int(number) or None


def _known(kind: type[_E], number: int) -> _E | None:
    try:
        return kind(number)
    except ValueError:
        return None


def position(raw: Any, digits: int, money_digits: int) -> Position:
    """Translate a `TradePosition`."""
    return Position(
        ticket=int(raw.ticket),
        identifier=int(raw.identifier),
        symbol=str(raw.symbol),
        side=_side(raw.type),
        volume_lots=volume(raw.volume),
        open_price=decimal(raw.price_open, digits),
        stop_loss=optional_price(raw.sl, digits),
        take_profit=optional_price(raw.tp, digits),
        current_price=optional_price(raw.price_current, digits),
        profit=decimal(raw.profit, money_digits),
        swap=decimal(raw.swap, money_digits),
        magic=int(raw.magic),
        comment=str(raw.comment),
        open_time_msc=int(raw.time_msc),
        update_time_msc=int(raw.time_update_msc),
        reason=_REASON_NUMBERS.get(raw.reason, Reason.OTHER),
    )


def working_order(raw: Any, digits: int) -> WorkingOrder:
    """Translate a `TradeOrder` of `orders_get`."""
    return WorkingOrder(
        ticket=int(raw.ticket),
        symbol=str(raw.symbol),
        type=OrderType(raw.type),
        state=OrderState(raw.state),
        initial_volume_lots=volume(raw.volume_initial),
        current_volume_lots=volume(raw.volume_current),
        open_price=optional_price(raw.price_open, digits),
        stop_limit_price=optional_price(raw.price_stoplimit, digits),
        stop_loss=optional_price(raw.sl, digits),
        take_profit=optional_price(raw.tp, digits),
        current_price=optional_price(raw.price_current, digits),
        expiration_time_seconds=_or_none(raw.time_expiration),
        setup_time_msc=int(raw.time_setup_msc),
        magic=int(raw.magic),
        comment=str(raw.comment),
        position_id=_or_none(raw.position_id),
        reason=_REASON_NUMBERS.get(raw.reason, Reason.OTHER),
        filling=_known(Filling, raw.type_filling),
    )


def history_order(raw: Any, digits: int) -> HistoryOrder:
    """Translate a `TradeOrder` of `history_orders_get`."""
    return HistoryOrder(
        ticket=int(raw.ticket),
        symbol=str(raw.symbol),
        type=OrderType(raw.type),
        state=OrderState(raw.state),
        initial_volume_lots=volume(raw.volume_initial),
        unfilled_volume_lots=volume(raw.volume_current),
        open_price=optional_price(raw.price_open, digits),
        stop_loss=optional_price(raw.sl, digits),
        take_profit=optional_price(raw.tp, digits),
        setup_time_msc=int(raw.time_setup_msc),
        done_time_msc=int(raw.time_done_msc),
        magic=int(raw.magic),
        comment=str(raw.comment),
        position_id=_or_none(raw.position_id),
        reason=_REASON_NUMBERS.get(raw.reason, Reason.OTHER),
    )


def deal(raw: Any, digits: int, money_digits: int) -> Deal:
    """Translate a `TradeDeal`."""
    return Deal(
        ticket=int(raw.ticket),
        order=_or_none(raw.order),
        position_id=_or_none(raw.position_id),
        symbol=str(raw.symbol),
        type=_DEAL_TYPE_NUMBERS.get(raw.type, DealType.OTHER),
        entry=DealEntry(raw.entry),
        reason=_REASON_NUMBERS.get(raw.reason, Reason.OTHER),
        volume_lots=volume(raw.volume),
        price=optional_price(raw.price, digits),
        profit=decimal(raw.profit, money_digits),
        swap=decimal(raw.swap, money_digits),
        commission=decimal(raw.commission, money_digits),
        fee=decimal(raw.fee, money_digits),
        magic=int(raw.magic),
        comment=str(raw.comment),
        time_msc=int(raw.time_msc),
    )


def account(raw: Any) -> AccountSnapshot:
    """Translate an `AccountInfo`."""
    places = int(raw.currency_digits)
    return AccountSnapshot(
        login=int(raw.login),
        server=str(raw.server),
        name=str(raw.name),
        company=str(raw.company),
        currency=str(raw.currency),
        currency_digits=places,
        trade_mode=TradeMode(raw.trade_mode),
        margin_mode=MarginMode(raw.margin_mode),
        leverage=int(raw.leverage),
        balance=decimal(raw.balance, places),
        credit=decimal(raw.credit, places),
        profit=decimal(raw.profit, places),
        equity=decimal(raw.equity, places),
        margin=decimal(raw.margin, places),
        free_margin=decimal(raw.margin_free, places),
        margin_level_percent=decimal(raw.margin_level, 2) if raw.margin > 0 else None,
        margin_call_level=decimal(raw.margin_so_call, 2),
        stop_out_level=decimal(raw.margin_so_so, 2),
        levels_are_percent=int(raw.margin_so_mode) == 0,
        order_limit=_or_none(raw.limit_orders),
        fifo_close=bool(raw.fifo_close),
        trade_allowed=bool(raw.trade_allowed),
        trade_expert=bool(raw.trade_expert),
    )


def symbol(raw: Any) -> SymbolSpec:
    """Translate a `SymbolInfo`."""
    digits = int(raw.digits)
    point = exact(raw.point) or Decimal(1).scaleb(-digits)
    limit = volume(raw.volume_limit)
    return SymbolSpec(
        name=str(raw.name),
        description=str(raw.description),
        path=str(raw.path),
        digits=digits,
        point=point,
        # Some brokers leave the tick size at zero where it is the point.
        tick_size=exact(raw.trade_tick_size) or point,
        tick_value=exact(raw.trade_tick_value),
        tick_value_profit=exact(raw.trade_tick_value_profit),
        tick_value_loss=exact(raw.trade_tick_value_loss),
        contract_size=exact(raw.trade_contract_size),
        volume_min_lots=volume(raw.volume_min),
        volume_max_lots=volume(raw.volume_max),
        volume_step_lots=volume(raw.volume_step) or volume(raw.volume_min),
        volume_limit_lots=limit or None,
        stops_level_points=int(raw.trade_stops_level),
        freeze_level_points=int(raw.trade_freeze_level),
        filling_mask=FillingMask(int(raw.filling_mode) & 7),
        execution_mode=ExecutionMode(raw.trade_exemode),
        trade_mode=SymbolTradeMode(raw.trade_mode),
        order_modes=OrderModes(int(raw.order_mode) & 127),
        expiration_modes=ExpirationModes(int(raw.expiration_mode) & 15),
        calc_mode=int(raw.trade_calc_mode),
        currency_base=str(raw.currency_base),
        currency_profit=str(raw.currency_profit),
        currency_margin=str(raw.currency_margin),
        visible=bool(raw.visible),
    )


def tick(name: str, raw: Any, digits: int) -> Tick:
    """Translate a `Tick` of `symbol_info_tick`."""
    return Tick(name, optional_price(raw.bid, digits), optional_price(raw.ask, digits), int(raw.time_msc))


def tick_rows(name: str, array: Any, digits: int) -> list[Tick]:
    """Translate the structured array of `copy_ticks_from`."""
    columns: Iterable[tuple[float, float, int]] = zip(
        array["bid"].tolist(), array["ask"].tolist(), array["time_msc"].tolist(), strict=True
    )
    return [
        Tick(name, optional_price(bid, digits), optional_price(ask, digits), int(msc))
        for bid, ask, msc in columns
    ]


def answer(raw: Any, digits: int, error: tuple[int, str]) -> BrokerAnswer:
    """Translate an `OrderSendResult`, or the `None` in its place."""
    code, text = error
    if raw is None:
        return BrokerAnswer(None, None, None, None, None, None, None, None, "", code, text)
    return BrokerAnswer(
        retcode=int(raw.retcode),
        retcode_external=_or_none(raw.retcode_external),
        order=_or_none(raw.order),
        deal=_or_none(raw.deal),
        volume_lots=volume(raw.volume) or None,
        price=optional_price(raw.price, digits),
        bid=optional_price(raw.bid, digits),
        ask=optional_price(raw.ask, digits),
        comment=str(raw.comment),
        error_code=code,
        error_text=text,
    )
