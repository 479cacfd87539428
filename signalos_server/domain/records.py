"""What a terminal shows, as bridges report it, and the trades and orders that we keep of it.

Prices, volumes and money are `Decimal`; None is "none" or "not known", as the field says. Broker times are
the broker's wall clock in milliseconds, written as if it were UTC; `broker_offset_seconds` turns them into
UTC where it is known.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from signalos_server.domain.protection import PlanStart, Protection
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
    TradeState,
)


@dataclass(frozen=True, slots=True)
class TrailingStop:
    """A trailing stop, as wanted or as the bridge keeps it. `step` 0 is one tick size.

    `activation` (a profit, in `unit`) and `start` both None: it starts at once.
    """

    distance: Decimal
    unit: DistanceUnit = DistanceUnit.PRICE
    step: Decimal = Decimal(0)
    activation: Decimal | None = None
    high_water_price: Decimal | None = None
    activated: bool = False
    suspended: bool = False
    start: PlanStart | None = None
    min_interval_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Position:
    """A position as the terminal shows it, with what the bridge keeps for it."""

    ticket: int
    identifier: int
    symbol: str
    side: Side
    volume_lots: Decimal
    open_price: Decimal
    broker_stop_loss: Decimal | None = None
    broker_take_profit: Decimal | None = None
    virtual_stop_loss: Decimal | None = None
    virtual_take_profit: Decimal | None = None
    guard_state: GuardState = GuardState.UNSPECIFIED
    trailing_stop: TrailingStop | None = None
    magic: int = 0
    comment: str = ""
    open_broker_milliseconds: int = 0
    update_broker_milliseconds: int = 0
    origin: TradeOrigin = TradeOrigin.EXTERNAL
    open_command_id: str = ""
    swap: Decimal = Decimal(0)
    broker_offset_seconds: int | None = None
    hidden: bool = False
    protection: Protection | None = None
    initial_stop_loss: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """A pending order as the terminal shows it.

    `hidden`: the bridge guards the virtual levels from the fill on; `stop_loss` and `take_profit` are what
    the broker holds, so that the stop is then a disaster stop, unless `target_only`.
    """

    ticket: int
    symbol: str
    side: Side
    type: OrderType
    state: OrderState
    volume_lots: Decimal
    remaining_volume_lots: Decimal
    price: Decimal
    stop_limit_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    place_broker_milliseconds: int = 0
    expire_broker_seconds: int = 0
    magic: int = 0
    comment: str = ""
    position_identifier: int = 0
    origin: TradeOrigin = TradeOrigin.EXTERNAL
    open_command_id: str = ""
    broker_offset_seconds: int | None = None
    hidden: bool = False
    virtual_stop_loss: Decimal | None = None
    virtual_take_profit: Decimal | None = None
    target_only: bool = False

    @property
    def effective_stop_loss(self) -> Decimal | None:
        """Return the stop loss that somebody chose."""
        return self.virtual_stop_loss if self.hidden and not self.target_only else self.stop_loss

    @property
    def effective_take_profit(self) -> Decimal | None:
        """Return the take profit that somebody chose."""
        return self.virtual_take_profit if self.hidden else self.take_profit


@dataclass(frozen=True, slots=True)
class Deal:
    """One deal at the broker; `position_identifier` 0 belongs to none."""

    ticket: int
    order_ticket: int
    position_identifier: int
    symbol: str
    type: str
    entry: DealEntry
    reason: CloseCause
    volume_lots: Decimal
    price: Decimal
    profit: Decimal
    commission: Decimal
    swap: Decimal
    fee: Decimal
    magic: int = 0
    comment: str = ""
    broker_milliseconds: int = 0
    broker_offset_seconds: int | None = None
    command_id: str = ""


@dataclass(frozen=True, slots=True)
class Trade:
    """One position's life. `position` is how it was last seen; its volume is 0 once closed."""

    trade_id: str
    account_id: str
    state: TradeState
    position: Position
    opened_volume_lots: Decimal
    update_time: datetime
    close_price: Decimal | None = None
    close_cause: CloseCause = CloseCause.UNSPECIFIED
    close_broker_milliseconds: int | None = None
    realised_profit: Decimal | None = None
    commission: Decimal | None = None
    swap: Decimal | None = None
    # The signal that caused it; empty: none.
    signal_id: str = ""

    @property
    def stop_loss(self) -> Decimal | None:
        """Return the effective stop loss: the virtual one where there is one, else the broker's."""
        position = self.position
        return position.broker_stop_loss if position.virtual_stop_loss is None else position.virtual_stop_loss

    @property
    def take_profit(self) -> Decimal | None:
        """Return the effective take profit."""
        position = self.position
        if position.virtual_take_profit is None:
            return position.broker_take_profit
        return position.virtual_take_profit

    @property
    def is_over(self) -> bool:
        """Return whether a closing deal ended it."""
        return self.state is TradeState.CLOSED


@dataclass(frozen=True, slots=True)
class Order:
    """A pending order of an account, with our id."""

    order_id: str
    account_id: str
    pending: PendingOrder
    update_time: datetime


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """What a symbol is at the account's broker."""

    symbol: str
    digits: int
    point: Decimal
    tick_size: Decimal
    volume_minimum_lots: Decimal
    volume_maximum_lots: Decimal
    volume_step_lots: Decimal
    description: str = ""
    tick_value: Decimal = Decimal(0)
    contract_size: Decimal = Decimal(0)
    stops_level_points: int = 0
    freeze_level_points: int = 0
    trade_mode: SymbolTradeMode = SymbolTradeMode.UNSPECIFIED
    base_currency: str = ""
    profit_currency: str = ""


# Asked for each position of every look at the terminal.
@lru_cache(maxsize=65_536)
def trade_id_of(account_id: str, position_identifier: int) -> str:
    """Return the id of a position's trade: the same for every report of the same position."""
    return "trd_" + _digest(f"{account_id}:position:{position_identifier}")


def order_id_of(account_id: str, ticket: int) -> str:
    """Return the id of a pending order: the same for every report of the same ticket."""
    return "ord_" + _digest(f"{account_id}:order:{ticket}")


def _digest(text: str) -> str:
    return b32encode(hashlib.sha256(text.encode()).digest()[:15]).decode().lower()


def utc_of(broker_milliseconds: int, offset_seconds: int | None) -> datetime | None:
    """Return a broker time in UTC; None while the offset is not known."""
    if offset_seconds is None:
        return None
    return broker_clock(broker_milliseconds) - timedelta(seconds=offset_seconds)


def broker_clock(broker_milliseconds: int) -> datetime:
    """Return the broker's wall clock written as if it were UTC."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=broker_milliseconds)


def with_deals(trade: Trade, deals: list[Deal]) -> Trade:
    """Return the trade with what all of its deals add up to."""
    opening = [deal for deal in deals if deal.entry in (DealEntry.IN, DealEntry.INOUT)]
    closing = [deal for deal in deals if deal.entry in (DealEntry.OUT, DealEntry.OUT_BY, DealEntry.INOUT)]
    if not deals:
        return trade
    closed_lots = sum((deal.volume_lots for deal in closing), Decimal(0))
    close_price = None
    if closed_lots:
        close_price = sum((deal.price * deal.volume_lots for deal in closing), Decimal(0)) / closed_lots
        close_price = close_price.quantize(min((deal.price for deal in closing), key=_scale))
    opened = sum((deal.volume_lots for deal in opening), Decimal(0))
    return replace(
        trade,
        opened_volume_lots=max(opened, trade.opened_volume_lots),
        close_price=close_price,
        close_broker_milliseconds=max((deal.broker_milliseconds for deal in closing), default=None),
        # With what opening cost: else a trade that lost by its commission would pass for a won one.
        realised_profit=sum(
            (deal.profit + deal.commission + deal.swap + deal.fee for deal in deals), Decimal(0)
        )
        if closing
        else None,
        commission=sum((deal.commission for deal in deals), Decimal(0)),
        swap=sum((deal.swap for deal in deals), Decimal(0)),
    )


def _scale(price: Decimal) -> int:
    exponent = price.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
