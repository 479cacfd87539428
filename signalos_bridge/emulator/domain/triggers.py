"""What the broker does by itself when a price moves or time passes."""

from dataclasses import replace

from signalos_bridge.emulator.domain import checks, fills
from signalos_bridge.emulator.domain.book import Book
from signalos_bridge.emulator.domain.changes import Cause, OrderSet, PositionSet, RolledOver
from signalos_bridge.emulator.domain.codes import OrderState, OrderType, Reason, Side
from signalos_bridge.emulator.domain.entities import Account, Order, Position
from signalos_bridge.emulator.domain.fills import Fill
from signalos_bridge.emulator.domain.market import Quote, round_money
from signalos_bridge.emulator.domain.matching import close_by_broker, is_stopped_out
from signalos_bridge.emulator.domain.money import position_profit, to_account_currency
from signalos_bridge.emulator.domain.requests import Refused
from signalos_bridge.emulator.domain.server_time import DAY_MS, weekday


def on_tick(book: Book, symbol: str) -> None:
    """Fill the pending orders that the new quote reaches, then close what its levels or margin end."""
    if not book.market.is_open(symbol, book.utc_ms):
        return
    quote = book.quote(symbol)
    touched: dict[int, Account] = {}
    for account in book.accounts.values():
        if account.orders:
            for order in [one for one in account.orders.values() if one.symbol == symbol]:
                _try_order(book, account, order, quote)
    for account, position in book.positions_in(symbol):
        touched[account.terms.login] = account
        _try_levels(book, account, position, quote)
    for account in touched.values():
        _stop_out(book, account)


def on_time(book: Book) -> None:
    """Execute what is due, end what has expired, and charge swap at the broker's midnight."""
    now = book.broker_ms
    for account in book.accounts.values():
        if account.orders:
            for order in list(account.orders.values()):
                if order.due_ms and order.due_ms <= now:
                    _execute_deferred(book, account, order)
                elif order.expiration_ms and order.expiration_ms <= now:
                    _end(book, account, order, OrderState.EXPIRED)
        _roll_over(book, account, now // DAY_MS)


def _try_levels(book: Book, account: Account, position: Position, quote: Quote) -> None:
    price = quote.exit(position.side)
    sign = position.side.sign
    digits = book.spec(position.symbol).digits
    # A price that jumped past a level is dealt at the price, not at the level.
    if position.sl and (price - position.sl) * sign <= 0:
        comment = f"[sl {position.sl:.{digits}f}]"
        close_by_broker(book, account, position, Reason.STOP_LOSS, Cause.STOP_LOSS, comment)
    elif position.tp and (price - position.tp) * sign >= 0:
        comment = f"[tp {position.tp:.{digits}f}]"
        close_by_broker(book, account, position, Reason.TAKE_PROFIT, Cause.TAKE_PROFIT, comment)


def _try_order(book: Book, account: Account, order: Order, quote: Quote) -> None:
    if not order.type.is_pending:
        return
    price = quote.entry(order.type.side)
    sign = order.type.side.sign
    if order.type in checks.LIMIT_TYPES:
        if (price - order.price_open) * sign <= 0:
            _fill_pending(book, account, order, quote)
        return
    if (price - order.price_open) * sign < 0:
        return
    if order.type in checks.STOP_TYPES:
        _fill_pending(book, account, order, quote)
        return
    limit = OrderType.BUY_LIMIT if order.type.side is Side.BUY else OrderType.SELL_LIMIT
    turned = replace(order, type=limit, price_open=order.price_stoplimit)
    book.record(OrderSet(account.terms.login, turned))
    if (price - turned.price_open) * sign <= 0:
        _fill_pending(book, account, turned, quote)


def _fill_pending(book: Book, account: Account, order: Order, quote: Quote) -> None:
    spec = book.spec(order.symbol)
    side = order.type.side
    price = quote.entry(side)
    if order.type in checks.STOP_TYPES:
        price = book.slipped(order.symbol, side, price)
    held = None
    if not account.hedging:
        held = next((one for one in account.positions.values() if one.symbol == order.symbol), None)
    try:
        if held is None or held.side is side or order.volume_current > held.volume:
            checks.enough_money(book, account, spec, side, order.volume_current, price)
            if held is None:
                checks.room_for_position(account)
    except Refused:
        _end(book, account, order, OrderState.REJECTED)
        return
    fills.execute(
        book,
        account,
        Fill(order, order.volume_current, price, Cause.PENDING, serial=order.serial),
    )


def _execute_deferred(book: Book, account: Account, order: Order) -> None:
    closes = None
    if order.close_ticket:
        closes = account.positions.get(order.close_ticket)
        if closes is None or closes.volume < order.volume_current:
            _end(book, account, order, OrderState.REJECTED)
            return
    side = order.type.side
    price = book.slipped(order.symbol, side, book.quote(order.symbol).entry(side))
    started = replace(order, due_ms=0, close_ticket=0)
    fills.execute(
        book,
        account,
        Fill(started, order.volume_current, price, Cause.DEFERRED, closes=closes, serial=order.serial),
    )


def _end(book: Book, account: Account, order: Order, state: OrderState) -> None:
    book.record(
        OrderSet(
            account.terms.login,
            replace(order, state=state, time_done_ms=book.broker_ms, due_ms=0, close_ticket=0),
        )
    )


def _stop_out(book: Book, account: Account) -> None:
    while is_stopped_out(book, account):
        tradable = [one for one in account.positions.values() if book.market.is_open(one.symbol, book.utc_ms)]
        if not tradable:
            return
        worst = min(tradable, key=lambda one: (position_profit(book.market, account, one), one.ticket))
        close_by_broker(book, account, worst, Reason.STOP_OUT, Cause.STOP_OUT, "[so]")


def _roll_over(book: Book, account: Account, day: int) -> None:
    if account.rollover_day >= day:
        return
    for passed in range(account.rollover_day, day):
        _charge_swap(book, account, passed)
    book.record(RolledOver(account.terms.login, day))


def _charge_swap(book: Book, account: Account, day: int) -> None:
    """Charge the night after broker day `day`; on one weekday the weekend is charged with it."""
    today = weekday(day * DAY_MS)
    if today in (0, 6):
        return
    for position in list(account.positions.values()):
        if position.time_ms // DAY_MS > day:
            continue
        spec = book.spec(position.symbol)
        points = spec.swap_long_points if position.side is Side.BUY else spec.swap_short_points
        nights = 3 if today == spec.triple_swap_weekday else 1
        amount = points * spec.point * spec.contract_size * position.volume * nights
        charged = round_money(
            to_account_currency(book.market, amount, spec.profit, account.terms.currency),
            account.terms.currency_digits,
        )
        if charged:
            book.record(PositionSet(account.terms.login, replace(position, swap=position.swap + charged)))
