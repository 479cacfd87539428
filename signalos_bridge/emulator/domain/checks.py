"""What the broker refuses, and with which code. Each check raises `Refused` or says nothing."""

from decimal import Decimal

from signalos_bridge.emulator.domain.book import Book, oldest_in_symbol
from signalos_bridge.emulator.domain.codes import (
    Execution,
    Filling,
    FillingMask,
    OrderType,
    Retcode,
    Side,
    SymbolTradeMode,
    TimeType,
)
from signalos_bridge.emulator.domain.entities import ZERO, Account, Order, Position
from signalos_bridge.emulator.domain.market import Quote, is_multiple
from signalos_bridge.emulator.domain.money import figures, margin_amount, margin_rate, used_margin
from signalos_bridge.emulator.domain.requests import Refused, TradeRequest
from signalos_bridge.emulator.domain.server_time import DAY_MS
from signalos_bridge.emulator.domain.symbols import SymbolSpec

LIMIT_TYPES = (OrderType.BUY_LIMIT, OrderType.SELL_LIMIT)
STOP_TYPES = (OrderType.BUY_STOP, OrderType.SELL_STOP)
STOP_LIMIT_TYPES = (OrderType.BUY_STOP_LIMIT, OrderType.SELL_STOP_LIMIT)


def finite(request: TradeRequest) -> None:
    """Refuse what no later check could compare."""
    if not request.volume.is_finite():
        raise Refused(Retcode.INVALID_VOLUME)
    if not (request.price.is_finite() and request.stoplimit.is_finite()):
        raise Refused(Retcode.INVALID_PRICE)
    if not (request.sl.is_finite() and request.tp.is_finite()):
        raise Refused(Retcode.INVALID_STOPS)


def known_symbol(book: Book, name: str) -> SymbolSpec:
    symbol = book.market.symbols.get(name)
    if symbol is None:
        raise Refused(Retcode.INVALID, "Unknown symbol")
    return symbol.spec


def account_may_trade(account: Account) -> None:
    if not account.terms.trade_allowed:
        raise Refused(Retcode.TRADE_DISABLED)


def market_is_open(book: Book, name: str) -> None:
    if not book.market.is_open(name, book.utc_ms):
        raise Refused(Retcode.MARKET_CLOSED)


def direction_allowed(spec: SymbolSpec, side: Side, *, closing: bool) -> None:
    """Closing is always possible unless trading in the symbol is switched off altogether."""
    mode = spec.trade_mode
    if mode is SymbolTradeMode.DISABLED:
        raise Refused(Retcode.TRADE_DISABLED)
    if closing:
        return
    if mode is SymbolTradeMode.CLOSE_ONLY:
        raise Refused(Retcode.CLOSE_ONLY)
    if mode is SymbolTradeMode.LONG_ONLY and side is Side.SELL:
        raise Refused(Retcode.LONG_ONLY)
    if mode is SymbolTradeMode.SHORT_ONLY and side is Side.BUY:
        raise Refused(Retcode.SHORT_ONLY)


def volume_fits(spec: SymbolSpec, volume: Decimal) -> None:
    if not spec.volume_min <= volume <= spec.volume_max:
        raise Refused(Retcode.INVALID_VOLUME)
    if not is_multiple(volume, spec.volume_step):
        raise Refused(Retcode.INVALID_VOLUME)


def volume_within_limit(spec: SymbolSpec, account: Account, side: Side, volume: Decimal) -> None:
    if not spec.volume_limit:
        return
    held = sum(
        (one.volume for one in account.positions.values() if one.symbol == spec.name and one.side is side),
        ZERO,
    )
    working = sum(
        (
            one.volume_current
            for one in account.orders.values()
            if one.symbol == spec.name and one.type.side is side
        ),
        ZERO,
    )
    if held + working + volume > spec.volume_limit:
        raise Refused(Retcode.LIMIT_VOLUME)


def market_filling(spec: SymbolSpec, filling: int) -> Filling:
    """Return the filling mode of a market order. `RETURN` has no bit, and is refused in market execution."""
    if filling == Filling.FOK and spec.filling_mask & FillingMask.FOK:
        return Filling.FOK
    if filling == Filling.IOC and spec.filling_mask & FillingMask.IOC:
        return Filling.IOC
    if filling == Filling.RETURN and spec.execution is not Execution.MARKET:
        return Filling.RETURN
    if spec.execution in (Execution.INSTANT, Execution.REQUEST) and filling in (Filling.FOK, Filling.IOC):
        return Filling(filling)
    raise Refused(Retcode.INVALID_FILL)


def pending_filling(spec: SymbolSpec, filling: int, order_type: OrderType) -> Filling:
    if filling == Filling.RETURN:
        return Filling.RETURN
    if filling == Filling.BOC:
        if spec.filling_mask & FillingMask.BOC and order_type in (*LIMIT_TYPES, *STOP_LIMIT_TYPES):
            return Filling.BOC
        raise Refused(Retcode.INVALID_FILL)
    if filling == Filling.FOK and spec.filling_mask & FillingMask.FOK:
        return Filling.FOK
    if filling == Filling.IOC and spec.filling_mask & FillingMask.IOC:
        return Filling.IOC
    raise Refused(Retcode.INVALID_FILL)


def market_price(spec: SymbolSpec, price: Decimal, request: TradeRequest) -> Decimal:
    """Return the price of execution, given the market's. In market execution the caller's is ignored."""
    if spec.execution in (Execution.MARKET, Execution.EXCHANGE):
        return price
    if request.price <= 0:
        raise Refused(Retcode.INVALID_PRICE)
    if not is_multiple(request.price, spec.tick_size):
        raise Refused(Retcode.INVALID_PRICE)
    if abs(price - request.price) > request.deviation * spec.point:
        raise Refused(Retcode.REQUOTE)
    return price


def stops_fit(spec: SymbolSpec, side: Side, sl: Decimal, tp: Decimal, reference: Decimal) -> None:
    """Check that both levels lie on their side of `reference`, far enough away, on a tick.

    `reference` is the price at which a position of that side would be closed now, or the price of a
    pending order.
    """
    distance = spec.stops_level_points * spec.point
    for level, direction in ((sl, -side.sign), (tp, side.sign)):
        if level == 0:
            continue
        if level < 0 or not is_multiple(level, spec.tick_size):
            raise Refused(Retcode.INVALID_STOPS)
        gap = (level - reference) * direction
        if gap <= 0 or gap < distance:
            raise Refused(Retcode.INVALID_STOPS)


def not_frozen(spec: SymbolSpec, levels: tuple[Decimal, ...], price: Decimal) -> None:
    """Refuse while a level is so near the market that the broker is about to execute it."""
    distance = spec.freeze_level_points * spec.point
    if distance and any(level and abs(level - price) <= distance for level in levels):
        raise Refused(Retcode.FROZEN)


def pending_price(
    spec: SymbolSpec, quote: Quote, order_type: OrderType, price: Decimal, stoplimit: Decimal
) -> None:
    for value in (price, stoplimit):
        if value < 0 or not is_multiple(value, spec.tick_size):
            raise Refused(Retcode.INVALID_PRICE)
    if price == 0:
        raise Refused(Retcode.INVALID_PRICE)
    side = order_type.side
    # A limit waits on the better side of the market, a stop on the worse.
    direction = -side.sign if order_type in LIMIT_TYPES else side.sign
    gap = (price - quote.entry(side)) * direction
    if gap <= 0 or gap < spec.stops_level_points * spec.point:
        raise Refused(Retcode.INVALID_PRICE)
    if order_type in STOP_LIMIT_TYPES and (stoplimit == 0 or (price - stoplimit) * side.sign < 0):
        raise Refused(Retcode.INVALID_PRICE)


def expiration(broker_ms: int, type_time: int, expiration_ms: int) -> tuple[TimeType, int]:
    """Return the kind of lifetime and the broker time at which it ends; 0 means never."""
    try:
        kind = TimeType(type_time)
    except ValueError:
        raise Refused(Retcode.INVALID_EXPIRATION) from None
    if kind is TimeType.GTC:
        return kind, 0
    day_end = broker_ms // DAY_MS * DAY_MS + DAY_MS
    if kind is TimeType.DAY:
        return kind, day_end
    end = expiration_ms
    if kind is TimeType.SPECIFIED_DAY:
        end = expiration_ms // DAY_MS * DAY_MS + DAY_MS
    if end <= broker_ms:
        raise Refused(Retcode.INVALID_EXPIRATION)
    return kind, end


def position_to_close(account: Account, request: TradeRequest, side: Side) -> Position:
    """Return the position that a deal with `position` set would close."""
    position = account.positions.get(request.position)
    if position is None:
        raise Refused(Retcode.POSITION_CLOSED)
    if position.symbol != request.symbol or position.side is side:
        raise Refused(Retcode.INVALID)
    return position


def closing_possible(book: Book, account: Account, position: Position) -> None:
    """Refuse while another order closes it, or while the broker is about to."""
    if any(one.close_ticket == position.ticket for one in account.orders.values()):
        raise Refused(Retcode.CLOSE_ORDER_EXIST)
    price = book.quote(position.symbol).exit(position.side)
    not_frozen(book.spec(position.symbol), (position.sl, position.tp), price)


def close_volume(spec: SymbolSpec, position: Position, volume: Decimal) -> None:
    if volume <= 0:
        raise Refused(Retcode.INVALID_VOLUME)
    if volume > position.volume:
        raise Refused(Retcode.INVALID_CLOSE_VOLUME)
    rest = position.volume - volume
    if rest == 0:
        return
    if not is_multiple(volume, spec.volume_step) or volume < spec.volume_min or rest < spec.volume_min:
        raise Refused(Retcode.INVALID_VOLUME)


def first_in_first_out(account: Account, position: Position) -> None:
    if not account.terms.fifo_close:
        return
    oldest = oldest_in_symbol(account, position.symbol, position.side)
    if oldest is not None and oldest.ticket != position.ticket:
        raise Refused(Retcode.FIFO_CLOSE)


def room_for_order(account: Account) -> None:
    if account.terms.limit_orders and len(account.orders) >= account.terms.limit_orders:
        raise Refused(Retcode.LIMIT_ORDERS)


def room_for_position(account: Account) -> None:
    if account.terms.limit_positions and len(account.positions) >= account.terms.limit_positions:
        raise Refused(Retcode.LIMIT_POSITIONS)


def known_order(account: Account, request: TradeRequest) -> Order:
    order = account.orders.get(request.order)
    if order is None or not order.type.is_pending:
        raise Refused(Retcode.INVALID)
    return order


def enough_money(
    book: Book, account: Account, spec: SymbolSpec, side: Side, volume: Decimal, price: Decimal
) -> None:
    """Refuse what would leave less equity than margin."""
    if margin_after(book, account, spec, side, volume, price) > figures(book.market, account).equity:
        raise Refused(Retcode.NO_MONEY)


def margin_after(
    book: Book, account: Account, spec: SymbolSpec, side: Side, volume: Decimal, price: Decimal
) -> Decimal:
    """Return the account's margin as it would be after a deal that opens."""
    now = used_margin(book.market, account)
    rate = margin_rate(book.market, spec, account, side, price)
    added = margin_amount(spec, account, volume, price, rate)
    same, other = ZERO, ZERO
    for one in account.positions.values():
        if one.symbol == spec.name:
            amount = margin_amount(spec, account, one.volume, one.price_open, one.margin_rate)
            if one.side is side:
                same += amount
            else:
                other += amount
    if account.hedging:
        return now - max(same, other) + max(same + added, other)
    return now - max(same, other) + (same + added if not other else abs(added - other))
