"""What the broker keeps: accounts, positions, orders, deals.

All times are broker times in milliseconds (see `server_time`), all volumes lots, all money in the
account's currency.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from signalos_bridge.emulator.domain.codes import (
    AccountTradeMode,
    DealType,
    Entry,
    Filling,
    MarginMode,
    OrderState,
    OrderType,
    Reason,
    Side,
    TimeType,
)
from signalos_bridge.emulator.domain.market import Quote
from signalos_bridge.emulator.domain.symbols import SymbolSpec

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    ticket: int
    identifier: int
    symbol: str
    side: Side
    volume: Decimal
    price_open: Decimal
    margin_rate: Decimal
    """Units of account currency per unit of margin currency, fixed when it was opened."""
    time_ms: int
    time_update_ms: int
    sl: Decimal = ZERO
    """0 means none, as in every MetaTrader structure; the same for `tp`."""
    tp: Decimal = ZERO
    magic: int = 0
    reason: Reason = Reason.EXPERT
    swap: Decimal = ZERO
    comment: str = ""
    external_id: str = ""
    serial: int | None = None
    """Of the request that opened it."""


@dataclass(frozen=True, slots=True)
class Order:
    ticket: int
    symbol: str
    type: OrderType
    state: OrderState
    volume_initial: Decimal
    volume_current: Decimal
    price_open: Decimal
    time_setup_ms: int
    time_done_ms: int = 0
    expiration_ms: int = 0
    type_time: TimeType = TimeType.GTC
    filling: Filling = Filling.FOK
    magic: int = 0
    position_id: int = 0
    position_by_id: int = 0
    reason: Reason = Reason.EXPERT
    sl: Decimal = ZERO
    tp: Decimal = ZERO
    price_current: Decimal = ZERO
    price_stoplimit: Decimal = ZERO
    comment: str = ""
    external_id: str = ""
    serial: int | None = None
    """Of the request that placed it; none if the broker or a hand did."""
    due_ms: int = 0
    """When an accepted market order will be executed, if not at once."""
    close_ticket: int = 0
    """The position that a deferred market order closes."""


@dataclass(frozen=True, slots=True)
class Deal:
    ticket: int
    order: int
    time_ms: int
    type: DealType
    entry: Entry
    symbol: str
    volume: Decimal
    price: Decimal
    magic: int = 0
    position_id: int = 0
    reason: Reason = Reason.EXPERT
    commission: Decimal = ZERO
    swap: Decimal = ZERO
    profit: Decimal = ZERO
    fee: Decimal = ZERO
    comment: str = ""
    external_id: str = ""
    serial: int | None = None
    """Of the request that caused it; none for what the broker or a hand did."""


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What identifies an account and bounds it; the money is in `Account`."""

    login: int
    currency: str = "USD"
    currency_digits: int = 2
    leverage: int = 100
    margin_mode: MarginMode = MarginMode.HEDGING
    trade_mode: AccountTradeMode = AccountTradeMode.DEMO
    name: str = "Emulated Trader"
    server: str = "SignalOS-Emulator"
    company: str = "SignalOS Emulator"
    password: str = ""
    """Empty: any password is accepted."""
    limit_orders: int = 200
    """Working orders allowed; 0 means no limit."""
    limit_positions: int = 0
    margin_call_percent: Decimal = Decimal(100)
    stop_out_percent: Decimal = Decimal(50)
    fifo_close: bool = False
    trade_allowed: bool = True
    """Off: an investor's login, or a disabled account."""
    trade_expert: bool = True
    """The server's switch for automated trading."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What the worth of a symbol's positions depends on, besides themselves."""

    quote: Quote
    spec: SymbolSpec
    terms: AccountTerms
    gain_rate: Decimal
    loss_rate: Decimal


@dataclass(frozen=True, slots=True)
class Valued:
    """What a position is worth on a basis, and its margin, not rounded."""

    position: Position
    basis: Basis
    profit: Decimal
    margin: Decimal


@dataclass(slots=True)
class Total:
    """What the positions in one symbol come to: profit with swap, and margin by side, not rounded."""

    basis: Basis
    tickets: set[int] = field(default_factory=set)
    floating: Decimal = ZERO
    margin_buy: Decimal = ZERO
    margin_sell: Decimal = ZERO


@dataclass(slots=True)
class Account:
    terms: AccountTerms
    balance: Decimal = ZERO
    credit: Decimal = ZERO
    positions: dict[int, Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    order_history: dict[int, Order] = field(default_factory=dict)
    deals: dict[int, Deal] = field(default_factory=dict)
    deals_of_position: dict[int, list[int]] = field(default_factory=dict)
    rollover_day: int = 0
    """The last broker day for which swap was charged."""
    bases: dict[str, Basis] = field(default_factory=dict, compare=False, repr=False)
    valued: dict[int, Valued] = field(default_factory=dict, compare=False, repr=False)
    """By symbol and by ticket, what need not be computed again while nothing of it has moved."""
    totals: dict[str, Total] = field(default_factory=dict, compare=False, repr=False)
    unvalued: set[int] = field(default_factory=set, compare=False, repr=False)
    """Tickets of positions that came, went or changed since `valued` and `totals` were brought up to date."""
    told: dict[int, tuple[Valued, Any]] = field(default_factory=dict, compare=False, repr=False)
    """How a position as it was valued is put into words for a terminal; see `rows.position_rows`."""

    @property
    def hedging(self) -> bool:
        return self.terms.margin_mode is MarginMode.HEDGING

    def set_position(self, position: Position) -> None:
        self.positions[position.ticket] = position
        self.unvalued.add(position.ticket)

    def drop_position(self, ticket: int) -> None:
        del self.positions[ticket]
        self.unvalued.add(ticket)

    def add_deal(self, deal: Deal) -> None:
        self.deals[deal.ticket] = deal
        self.deals_of_position.setdefault(deal.position_id, []).append(deal.ticket)
