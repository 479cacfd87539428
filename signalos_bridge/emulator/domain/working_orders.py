"""Working orders: placed, changed and removed by request."""

from dataclasses import replace

from signalos_bridge.emulator.domain import checks
from signalos_bridge.emulator.domain.answers import answered
from signalos_bridge.emulator.domain.book import Book
from signalos_bridge.emulator.domain.changes import OrderSet
from signalos_bridge.emulator.domain.codes import OrderState, OrderType, Retcode
from signalos_bridge.emulator.domain.entities import Account, Order
from signalos_bridge.emulator.domain.requests import Execution, Outcome, Refused, TradeRequest


def check(book: Book, account: Account, request: TradeRequest) -> OrderType:
    """Refuse an order that may not be placed, or return its kind."""
    spec = checks.known_symbol(book, request.symbol)
    if request.type not in tuple(OrderType) or not OrderType(request.type).is_pending:
        raise Refused(Retcode.INVALID_ORDER)
    kind = OrderType(request.type)
    checks.direction_allowed(spec, kind.side, closing=False)
    checks.market_is_open(book, request.symbol)
    checks.volume_fits(spec, request.volume)
    checks.pending_filling(spec, request.type_filling, kind)
    quote = book.quote(request.symbol)
    checks.pending_price(spec, quote, kind, request.price, request.stoplimit)
    reference = request.stoplimit if kind in checks.STOP_LIMIT_TYPES else request.price
    checks.stops_fit(spec, kind.side, request.sl, request.tp, reference)
    checks.expiration(book.broker_ms, request.type_time, request.expiration_ms)
    checks.room_for_order(account)
    checks.volume_within_limit(spec, account, kind.side, request.volume)
    checks.enough_money(book, account, spec, kind.side, request.volume, request.price)
    return kind


def place(book: Book, account: Account, request: TradeRequest, execution: Execution) -> Outcome:
    """Let an order wait for its price."""
    kind = check(book, account, request)
    spec = book.spec(request.symbol)
    type_time, expiration_ms = checks.expiration(book.broker_ms, request.type_time, request.expiration_ms)
    order = Order(
        ticket=book.new_order_ticket(),
        symbol=request.symbol,
        type=kind,
        state=OrderState.PLACED,
        volume_initial=request.volume,
        volume_current=request.volume,
        price_open=request.price,
        price_stoplimit=request.stoplimit,
        time_setup_ms=book.broker_ms,
        expiration_ms=expiration_ms,
        type_time=type_time,
        filling=checks.pending_filling(spec, request.type_filling, kind),
        magic=request.magic,
        reason=execution.reason,
        sl=request.sl,
        tp=request.tp,
        comment=request.comment if execution.comment is None else execution.comment,
        serial=execution.serial,
    )
    book.record(OrderSet(account.terms.login, order))
    return answered(
        book, request.symbol, Retcode.DONE, order=order.ticket, volume=request.volume, price=request.price
    )


def modify(book: Book, account: Account, request: TradeRequest) -> Outcome:
    """Change price, levels or lifetime of a working order."""
    order = checks.known_order(account, request)
    spec = book.spec(order.symbol)
    checks.market_is_open(book, order.symbol)
    type_time, expiration_ms = checks.expiration(book.broker_ms, request.type_time, request.expiration_ms)
    changed = replace(
        order,
        price_open=request.price or order.price_open,
        price_stoplimit=request.stoplimit or order.price_stoplimit,
        sl=request.sl,
        tp=request.tp,
        type_time=type_time,
        expiration_ms=expiration_ms,
    )
    if changed == order:
        raise Refused(Retcode.NO_CHANGES)
    quote = book.quote(order.symbol)
    checks.not_frozen(spec, (order.price_open,), quote.entry(order.type.side))
    if (changed.price_open, changed.price_stoplimit) != (order.price_open, order.price_stoplimit):
        checks.pending_price(spec, quote, order.type, changed.price_open, changed.price_stoplimit)
    reference = changed.price_stoplimit if order.type in checks.STOP_LIMIT_TYPES else changed.price_open
    checks.stops_fit(spec, order.type.side, changed.sl, changed.tp, reference)
    book.record(OrderSet(account.terms.login, changed))
    return answered(book, order.symbol, Retcode.DONE, order=order.ticket, price=changed.price_open)


def remove(book: Book, account: Account, request: TradeRequest) -> Outcome:
    """Cancel a working order."""
    order = checks.known_order(account, request)
    spec = book.spec(order.symbol)
    checks.market_is_open(book, order.symbol)
    checks.not_frozen(spec, (order.price_open,), book.quote(order.symbol).entry(order.type.side))
    book.record(
        OrderSet(
            account.terms.login,
            replace(order, state=OrderState.CANCELED, time_done_ms=book.broker_ms),
        )
    )
    return answered(book, order.symbol, Retcode.DONE, order=order.ticket)
