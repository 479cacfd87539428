"""The broker's trade server: requests in, answers and changes out."""

from dataclasses import replace
from decimal import Decimal

from signalos_bridge.emulator.domain import checks, fills, working_orders
from signalos_bridge.emulator.domain.answers import answered, refused
from signalos_bridge.emulator.domain.book import Book
from signalos_bridge.emulator.domain.changes import (
    Cause,
    DealMade,
    OrderSet,
    PositionSet,
    RolledOver,
    TermsSet,
)
from signalos_bridge.emulator.domain.codes import (
    RETCODE_TEXT,
    Action,
    DealType,
    Entry,
    OrderState,
    OrderType,
    Reason,
    Retcode,
    Side,
)
from signalos_bridge.emulator.domain.entities import ZERO, Account, AccountTerms, Deal, Order, Position
from signalos_bridge.emulator.domain.fills import Fill
from signalos_bridge.emulator.domain.money import figures
from signalos_bridge.emulator.domain.requests import Execution, Outcome, Refused, TradeRequest
from signalos_bridge.emulator.domain.server_time import DAY_MS


def open_account(book: Book, terms: AccountTerms, deposit: Decimal) -> None:
    """Create an account, with its first deposit as a deal."""
    book.record(TermsSet(terms))
    book.record(RolledOver(terms.login, book.broker_ms // DAY_MS))
    if deposit:
        change_balance(book, terms.login, deposit, "Initial deposit")


def change_balance(
    book: Book, login: int, amount: Decimal, comment: str, *, kind: DealType = DealType.BALANCE
) -> Deal:
    """Book a deposit (or, negative, a withdrawal) or a credit."""
    deal = Deal(
        ticket=book.new_deal_ticket(),
        order=0,
        time_ms=book.broker_ms,
        type=kind,
        entry=Entry.IN,
        symbol="",
        volume=ZERO,
        price=ZERO,
        reason=Reason.CLIENT,
        profit=amount,
        comment=comment,
    )
    book.record(DealMade(login, deal, Cause.BALANCE))
    return deal


def send(book: Book, login: int, request: TradeRequest, execution: Execution) -> Outcome:
    """Carry out a trade request, or say why not. A refusal changes nothing."""
    account = book.accounts[login]
    try:
        checks.account_may_trade(account)
        checks.finite(request)
        match request.action:
            case Action.DEAL:
                return _deal(book, account, request, execution)
            case Action.PENDING:
                return working_orders.place(book, account, request, execution)
            case Action.SLTP:
                return _set_levels(book, account, request)
            case Action.MODIFY:
                return working_orders.modify(book, account, request)
            case Action.REMOVE:
                return working_orders.remove(book, account, request)
            case Action.CLOSE_BY:
                return _close_by(book, account, request, execution)
        raise Refused(Retcode.INVALID)
    except Refused as refusal:
        return refused(book, request.symbol, refusal.retcode, refusal.comment)


def check(book: Book, login: int, request: TradeRequest) -> Outcome:
    """Say what `send` would answer to an order, as far as the terminal itself can know."""
    account = book.accounts[login]
    try:
        checks.account_may_trade(account)
        checks.finite(request)
        if request.action == Action.DEAL:
            _check_deal(book, account, request)
        elif request.action == Action.PENDING:
            working_orders.check(book, account, request)
        elif request.action not in tuple(Action):
            raise Refused(Retcode.INVALID)
    except Refused as refusal:
        return refused(book, request.symbol, refusal.retcode, refusal.comment)
    return Outcome(Retcode.DONE, comment="Done")


def margin_with(book: Book, login: int, request: TradeRequest) -> Decimal:
    """Return the account's margin as it would be after an order that `check` lets pass."""
    account = book.accounts[login]
    if request.position:
        return figures(book.market, account).margin
    spec = book.spec(request.symbol)
    side = OrderType(request.type).side
    price = request.price if request.action == Action.PENDING else book.quote(request.symbol).entry(side)
    return checks.margin_after(book, account, spec, side, request.volume, price)


def _check_deal(
    book: Book, account: Account, request: TradeRequest
) -> tuple[OrderType, Position | None, Decimal]:
    spec = checks.known_symbol(book, request.symbol)
    if request.type not in (OrderType.BUY, OrderType.SELL):
        raise Refused(Retcode.INVALID_ORDER)
    kind = OrderType(request.type)
    side = kind.side
    closes = checks.position_to_close(account, request, side) if request.position else None
    netted = None
    if not account.hedging:
        netted = next(
            (
                one
                for one in account.positions.values()
                if one.symbol == request.symbol and one.side is not side
            ),
            None,
        )
    reduces = closes or (netted if netted is not None and request.volume <= netted.volume else None)
    checks.direction_allowed(spec, side, closing=reduces is not None)
    checks.market_is_open(book, request.symbol)
    if closes is not None:
        checks.close_volume(spec, closes, request.volume)
        checks.first_in_first_out(account, closes)
        checks.closing_possible(book, account, closes)
    else:
        checks.volume_fits(spec, request.volume)
    checks.market_filling(spec, request.type_filling)
    quote = book.quote(request.symbol)
    price = checks.market_price(spec, book.slipped(request.symbol, side, quote.entry(side)), request)
    if reduces is None:
        checks.volume_within_limit(spec, account, side, request.volume)
        if account.hedging or netted is None:
            checks.room_for_position(account)
        checks.stops_fit(spec, side, request.sl, request.tp, quote.exit(side))
        checks.enough_money(book, account, spec, side, request.volume, price)
    return kind, closes, price


def _deal(book: Book, account: Account, request: TradeRequest, execution: Execution) -> Outcome:
    kind, closes, price = _check_deal(book, account, request)
    spec = book.spec(request.symbol)
    order = Order(
        ticket=book.new_order_ticket(),
        symbol=request.symbol,
        type=kind,
        state=OrderState.STARTED,
        volume_initial=request.volume,
        volume_current=request.volume,
        price_open=price,
        time_setup_ms=book.broker_ms,
        filling=checks.market_filling(spec, request.type_filling),
        magic=request.magic,
        position_id=closes.identifier if closes is not None else 0,
        reason=execution.reason,
        # A deal that closes does not touch the levels of what it leaves open.
        sl=ZERO if closes is not None else request.sl,
        tp=ZERO if closes is not None else request.tp,
        comment=request.comment if execution.comment is None else execution.comment,
        serial=execution.serial,
    )
    quote = book.quote(request.symbol)
    if execution.deferred_ms is not None:
        deferred = replace(
            order,
            due_ms=book.broker_ms + execution.deferred_ms,
            close_ticket=closes.ticket if closes is not None else 0,
        )
        book.record(OrderSet(account.terms.login, deferred))
        return answered(book, request.symbol, Retcode.PLACED, order=order.ticket, volume=request.volume)
    volume = request.volume
    if execution.fill_volume is not None:
        volume = max(spec.volume_min, min(volume, execution.fill_volume))
    cause = Cause.HAND if execution.reason is not Reason.EXPERT else Cause.REQUEST
    deal = fills.execute(
        book, account, Fill(order, volume, price, cause, closes=closes, serial=execution.serial)
    )
    retcode = Retcode.DONE if volume == request.volume else Retcode.DONE_PARTIAL
    return Outcome(
        retcode,
        deal=deal.ticket,
        order=order.ticket,
        volume=volume,
        price=price,
        bid=quote.bid,
        ask=quote.ask,
        comment=RETCODE_TEXT[retcode],
    )


def _set_levels(book: Book, account: Account, request: TradeRequest) -> Outcome:
    position = account.positions.get(request.position)
    if position is None and not request.position and not account.hedging:
        position = next((one for one in account.positions.values() if one.symbol == request.symbol), None)
    if position is None:
        raise Refused(Retcode.POSITION_CLOSED)
    if request.symbol and request.symbol != position.symbol:
        raise Refused(Retcode.INVALID)
    spec = book.spec(position.symbol)
    checks.market_is_open(book, position.symbol)
    if (request.sl, request.tp) == (position.sl, position.tp):
        raise Refused(Retcode.NO_CHANGES)
    close_price = book.quote(position.symbol).exit(position.side)
    checks.not_frozen(spec, (position.sl, position.tp), close_price)
    # A level that stays as it is may lie nearer to the market than a new one may be set.
    checks.stops_fit(
        spec,
        position.side,
        request.sl if request.sl != position.sl else ZERO,
        request.tp if request.tp != position.tp else ZERO,
        close_price,
    )
    book.record(
        PositionSet(
            account.terms.login,
            replace(position, sl=request.sl, tp=request.tp, time_update_ms=book.broker_ms),
        )
    )
    return answered(book, position.symbol, Retcode.DONE)


def _close_by(book: Book, account: Account, request: TradeRequest, execution: Execution) -> Outcome:
    if not account.hedging:
        raise Refused(Retcode.INVALID_ORDER)
    one = account.positions.get(request.position)
    other = account.positions.get(request.position_by)
    if one is None or other is None:
        raise Refused(Retcode.POSITION_CLOSED)
    if one.symbol != other.symbol or one.side is other.side:
        raise Refused(Retcode.INVALID)
    checks.market_is_open(book, one.symbol)
    checks.first_in_first_out(account, one)
    for position in (one, other):
        checks.closing_possible(book, account, position)
    order = Order(
        ticket=book.new_order_ticket(),
        symbol=one.symbol,
        type=OrderType.CLOSE_BY,
        state=OrderState.STARTED,
        volume_initial=min(one.volume, other.volume),
        volume_current=min(one.volume, other.volume),
        price_open=other.price_open,
        time_setup_ms=book.broker_ms,
        magic=request.magic,
        reason=execution.reason,
        comment=request.comment if execution.comment is None else execution.comment,
        serial=execution.serial,
    )
    deal = fills.close_by(book, account, order, one, other)
    return answered(
        book, one.symbol, Retcode.DONE, deal=deal.ticket, order=order.ticket, volume=deal.volume,
        price=deal.price,
    )  # fmt: skip


def close_by_broker(
    book: Book,
    account: Account,
    position: Position,
    reason: Reason,
    cause: Cause,
    comment: str,
    *,
    volume: Decimal | None = None,
) -> Deal:
    """Close a position (or a part) at the market, by the broker's own will or by hand.

    A take profit is dealt like a limit: never worse than the quote.
    """
    amount = position.volume if volume is None else volume
    price = book.quote(position.symbol).exit(position.side)
    if cause is not Cause.TAKE_PROFIT:
        price = book.slipped(position.symbol, position.side.opposite, price)
    order = Order(
        ticket=book.new_order_ticket(),
        symbol=position.symbol,
        type=OrderType.SELL if position.side is Side.BUY else OrderType.BUY,
        state=OrderState.STARTED,
        volume_initial=amount,
        volume_current=amount,
        price_open=price,
        time_setup_ms=book.broker_ms,
        magic=position.magic if cause is not Cause.HAND else 0,
        position_id=position.identifier,
        reason=reason,
        comment=comment,
    )
    return fills.execute(book, account, Fill(order, amount, price, cause, closes=position))


def is_stopped_out(book: Book, account: Account) -> bool:
    if not account.positions:
        return False
    now = figures(book.market, account)
    return now.margin > 0 and now.level <= account.terms.stop_out_percent
