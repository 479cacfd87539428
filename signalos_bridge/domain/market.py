"""What a MetaTrader 5 terminal shows: accounts, symbols, quotes, positions, orders and deals.

Prices, volumes and money are `Decimal`, already quantised to the symbol's digits, the volume step or the
account currency's digits. Times ending in `_msc` are milliseconds in *broker time* (the trade server's wall
clock written as if it were UTC); nothing here converts them. `None` means unknown or absent, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag


class Side(Enum):
    """Direction of a position, order or deal. The value is the sign of its exposure."""

    BUY = 1
    SELL = -1

    @property
    def opposite(self) -> Side:
        """Return the side that closes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


class MarginMode(IntEnum):
    """How an account counts positions (`ACCOUNT_MARGIN_MODE_*`)."""

    RETAIL_NETTING = 0
    EXCHANGE = 1
    RETAIL_HEDGING = 2

    @property
    def is_hedging(self) -> bool:
        """Return whether several positions of one symbol may stand beside each other."""
        return self is MarginMode.RETAIL_HEDGING


class TradeMode(IntEnum):
    """What kind of money an account holds (`ACCOUNT_TRADE_MODE_*`)."""

    DEMO = 0
    CONTEST = 1
    REAL = 2


class SymbolTradeMode(IntEnum):
    """What may be done in a symbol (`SYMBOL_TRADE_MODE_*`)."""

    DISABLED = 0
    LONG_ONLY = 1
    SHORT_ONLY = 2
    CLOSE_ONLY = 3
    FULL = 4


class ExecutionMode(IntEnum):
    """How the broker executes market orders of a symbol (`SYMBOL_TRADE_EXECUTION_*`)."""

    REQUEST = 0
    INSTANT = 1
    MARKET = 2
    EXCHANGE = 3


class FillingMask(IntFlag):
    """Bits of `symbol_info().filling_mode`. They are not the values of `Filling`."""

    NONE = 0
    FOK = 1
    IOC = 2
    BOC = 4


class Filling(IntEnum):
    """Values of `type_filling` in a request (`ORDER_FILLING_*`)."""

    FOK = 0
    IOC = 1
    RETURN = 2
    BOC = 3


class OrderModes(IntFlag):
    """Order kinds that a symbol allows (bits of `symbol_info().order_mode`)."""

    NONE = 0
    MARKET = 1
    LIMIT = 2
    STOP = 4
    STOP_LIMIT = 8
    STOP_LOSS = 16
    TAKE_PROFIT = 32
    CLOSE_BY = 64


class ExpirationModes(IntFlag):
    """Life times of pending orders that a symbol allows (bits of `symbol_info().expiration_mode`)."""

    NONE = 0
    GTC = 1
    DAY = 2
    SPECIFIED = 4
    SPECIFIED_DAY = 8


class OrderType(IntEnum):
    """Kind of an order (`ORDER_TYPE_*`)."""

    BUY = 0
    SELL = 1
    BUY_LIMIT = 2
    SELL_LIMIT = 3
    BUY_STOP = 4
    SELL_STOP = 5
    BUY_STOP_LIMIT = 6
    SELL_STOP_LIMIT = 7
    CLOSE_BY = 8

    @property
    def side(self) -> Side | None:
        """Return the direction of the exposure that a fill brings; a close-by has none."""
        if self is OrderType.CLOSE_BY:
            return None
        return Side.BUY if self.value % 2 == 0 else Side.SELL

    @property
    def is_pending(self) -> bool:
        """Return whether the order waits for a price."""
        return OrderType.BUY_LIMIT <= self <= OrderType.SELL_STOP_LIMIT


class OrderState(IntEnum):
    """Where an order is in its life (`ORDER_STATE_*`)."""

    STARTED = 0
    PLACED = 1
    CANCELED = 2
    PARTIAL = 3
    FILLED = 4
    REJECTED = 5
    EXPIRED = 6
    REQUEST_ADD = 7
    REQUEST_MODIFY = 8
    REQUEST_CANCEL = 9

    @property
    def is_final(self) -> bool:
        """Return whether nothing more can happen to the order."""
        return self in (OrderState.CANCELED, OrderState.FILLED, OrderState.REJECTED, OrderState.EXPIRED)


class Reason(IntEnum):
    """Who or what caused a position, order or deal (`ORDER_REASON_*`, `DEAL_REASON_*`).

    `OTHER` stands for every number that MetaTrader adds later; the raw number is not kept.
    """

    CLIENT = 0
    MOBILE = 1
    WEB = 2
    EXPERT = 3
    STOP_LOSS = 4
    TAKE_PROFIT = 5
    STOP_OUT = 6
    ROLLOVER = 7
    VARIATION_MARGIN = 8
    SPLIT = 9
    OTHER = 1000


class DealType(IntEnum):
    """What a deal moved (`DEAL_TYPE_*`). Only BUY and SELL trade; the rest move money."""

    BUY = 0
    SELL = 1
    BALANCE = 2
    CREDIT = 3
    CHARGE = 4
    CORRECTION = 5
    BONUS = 6
    COMMISSION = 7
    COMMISSION_DAILY = 8
    COMMISSION_MONTHLY = 9
    COMMISSION_AGENT_DAILY = 10
    COMMISSION_AGENT_MONTHLY = 11
    INTEREST = 12
    BUY_CANCELED = 13
    SELL_CANCELED = 14
    DIVIDEND = 15
    DIVIDEND_FRANKED = 16
    TAX = 17
    OTHER = 1000

    @property
    def side(self) -> Side | None:
        """Return the direction of a trading deal, None of any other."""
        if self is DealType.BUY:
            return Side.BUY
        return Side.SELL if self is DealType.SELL else None


class DealEntry(IntEnum):
    """What a deal did to its position (`DEAL_ENTRY_*`)."""

    IN = 0
    OUT = 1
    INOUT = 2
    OUT_BY = 3

    @property
    def reduces(self) -> bool:
        """Return whether the deal closed or reduced a position (INOUT also opens the other side)."""
        return self is not DealEntry.IN


@dataclass(frozen=True, slots=True)
class Tick:
    """One quote. A side that the symbol does not quote is None."""

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    time_msc: int

    @property
    def spread(self) -> Decimal | None:
        """Return ask minus bid, None unless both are quoted."""
        if self.bid is None or self.ask is None:
            return None
        return self.ask - self.bid

    def opening_price(self, side: Side) -> Decimal | None:
        """Return what a market order of this side pays: ask for a buy, bid for a sell."""
        return self.ask if side is Side.BUY else self.bid

    def closing_price(self, side: Side) -> Decimal | None:
        """Return what closes a position and triggers its levels: bid for a buy, ask for a sell."""
        return self.bid if side is Side.BUY else self.ask


@dataclass(frozen=True, slots=True)
class Position:
    """An open position. `identifier` stays for its whole life; `ticket` may change on netting accounts."""

    ticket: int
    identifier: int
    symbol: str
    side: Side
    volume_lots: Decimal
    open_price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    current_price: Decimal | None
    profit: Decimal
    swap: Decimal
    magic: int
    comment: str
    open_time_msc: int
    update_time_msc: int
    reason: Reason

    def same_facts(self, other: Position) -> bool:
        """Return whether nothing but price, profit and swap differs."""
        return (
            self.ticket == other.ticket
            and self.identifier == other.identifier
            and self.side is other.side
            and self.volume_lots == other.volume_lots
            and self.open_price == other.open_price
            and self.stop_loss == other.stop_loss
            and self.take_profit == other.take_profit
            and self.update_time_msc == other.update_time_msc
        )


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """An order that can still fill: pending, or a market order under way."""

    ticket: int
    symbol: str
    type: OrderType
    state: OrderState
    initial_volume_lots: Decimal
    current_volume_lots: Decimal
    open_price: Decimal | None
    stop_limit_price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    current_price: Decimal | None
    expiration_time_seconds: int | None
    setup_time_msc: int
    magic: int
    comment: str
    position_id: int | None
    reason: Reason
    filling: Filling | None

    def same_facts(self, other: WorkingOrder) -> bool:
        """Return whether nothing but the market's price differs."""
        return (
            self.ticket == other.ticket
            and self.state is other.state
            and self.current_volume_lots == other.current_volume_lots
            and self.open_price == other.open_price
            and self.stop_limit_price == other.stop_limit_price
            and self.stop_loss == other.stop_loss
            and self.take_profit == other.take_profit
            and self.expiration_time_seconds == other.expiration_time_seconds
        )


@dataclass(frozen=True, slots=True)
class HistoryOrder:
    """An order whose life is over, as the terminal's history has it."""

    ticket: int
    symbol: str
    type: OrderType
    state: OrderState
    initial_volume_lots: Decimal
    unfilled_volume_lots: Decimal
    open_price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    setup_time_msc: int
    done_time_msc: int
    magic: int
    comment: str
    position_id: int | None
    reason: Reason

    @property
    def filled_volume_lots(self) -> Decimal:
        """Return how much of the order was executed."""
        return self.initial_volume_lots - self.unfilled_volume_lots


@dataclass(frozen=True, slots=True)
class Deal:
    """One execution, or one movement of money (`type` is then neither BUY nor SELL and `symbol` is empty)."""

    ticket: int
    order: int | None
    position_id: int | None
    symbol: str
    type: DealType
    entry: DealEntry
    reason: Reason
    volume_lots: Decimal
    price: Decimal | None
    profit: Decimal
    swap: Decimal
    commission: Decimal
    fee: Decimal
    magic: int
    comment: str
    time_msc: int

    @property
    def is_trade(self) -> bool:
        """Return whether the deal bought or sold something."""
        return self.type.side is not None


@dataclass(frozen=True, slots=True)
class BoundAccount:
    """The one account that this bridge may trade."""

    login: int
    server: str
    trade_mode: TradeMode


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """The account as the terminal shows it. Money is in `currency`."""

    login: int
    server: str
    name: str
    company: str
    currency: str
    currency_digits: int
    trade_mode: TradeMode
    margin_mode: MarginMode
    leverage: int
    balance: Decimal
    credit: Decimal
    profit: Decimal
    equity: Decimal
    margin: Decimal
    free_margin: Decimal
    margin_level_percent: Decimal | None
    margin_call_level: Decimal
    stop_out_level: Decimal
    levels_are_percent: bool
    order_limit: int | None
    fifo_close: bool
    trade_allowed: bool
    trade_expert: bool

    def bound(self) -> BoundAccount:
        """Return what identifies this account."""
        return BoundAccount(self.login, self.server, self.trade_mode)


class TerminalState(Enum):
    """How far the way to the market is open, each state requiring the one before it."""

    NO_PIPE = "no_pipe"
    NOT_LOGGED_IN = "not_logged_in"
    TRADING_OFF = "trading_off"
    READY = "ready"


class TradingBlock(Enum):
    """Why a terminal that answers would not trade. Several may hold at once."""

    NOT_CONNECTED = "the terminal is not connected to its trade server"
    TERMINAL_SWITCH = "AutoTrading is off in the terminal"
    API_DISABLED = "automatic trading through the Python API is disabled in the terminal's options"
    ACCOUNT_FORBIDS_TRADING = "the broker does not allow trading on this account (or it is an investor login)"
    ACCOUNT_FORBIDS_EXPERTS = "the broker does not allow automatic trading on this account"
    WRONG_ACCOUNT = "the terminal is logged in to another account than the one this bridge is bound to"


@dataclass(frozen=True, slots=True)
class TerminalStatus:
    """The way to the market: pipe, log-in, switches, and MetaTrader's own words for the last failure.

    `utc_offset_seconds` is broker time minus UTC, None while unknown. `broker_time_msc` is the newest broker
    time that any quote has shown. `error_code` and `error_text` are `last_error()` of the latest failed read,
    None while reads succeed.
    """

    state: TerminalState
    blocks: tuple[TradingBlock, ...]
    connected: bool
    trade_allowed: bool
    tradeapi_disabled: bool
    ping_microseconds: int | None
    build: int | None
    company: str
    login: int | None
    account_matches: bool | None
    utc_offset_seconds: int | None
    broker_time_msc: int | None
    error_code: int | None
    error_text: str


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """The rules of one symbol. Distances in points; `stops_level_points` 0 means that it floats."""

    name: str
    description: str
    path: str
    digits: int
    point: Decimal
    tick_size: Decimal
    tick_value: Decimal
    tick_value_profit: Decimal
    tick_value_loss: Decimal
    contract_size: Decimal
    volume_min_lots: Decimal
    volume_max_lots: Decimal
    volume_step_lots: Decimal
    volume_limit_lots: Decimal | None
    stops_level_points: int
    freeze_level_points: int
    filling_mask: FillingMask
    execution_mode: ExecutionMode
    trade_mode: SymbolTradeMode
    order_modes: OrderModes
    expiration_modes: ExpirationModes
    calc_mode: int
    currency_base: str
    currency_profit: str
    currency_margin: str
    visible: bool
    # What refusals have taught of how far from the market levels have to be; 0: nothing.
    learnt_points: int = 0


def balanced(deals: Sequence[Deal]) -> bool:
    """Return whether deals of one position close all that they open; a reversal (INOUT) leaves some open."""
    if not deals or any(deal.entry is DealEntry.INOUT for deal in deals):
        return False
    return sum(-deal.volume_lots if deal.entry.reduces else deal.volume_lots for deal in deals) == 0
