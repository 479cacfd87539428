"""What a deal does to positions: on hedging accounts one position per opening, on netting one per symbol."""

from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_bridge.emulator.domain.book import Book
from signalos_bridge.emulator.domain.changes import Cause, DealMade, OrderSet, PositionGone, PositionSet
from signalos_bridge.emulator.domain.codes import DealType, Entry, OrderState, Reason, Side
from signalos_bridge.emulator.domain.entities import ZERO, Account, Deal, Order, Position
from signalos_bridge.emulator.domain.market import round_money
from signalos_bridge.emulator.domain.money import margin_rate, profit, raw_profit, to_account_currency


@dataclass(frozen=True, slots=True)
class Fill:
    """An order that the market fills. `order.volume_current` is filled up to `volume`."""

    order: Order
    volume: Decimal
    price: Decimal
    cause: Cause
    closes: Position | None = None
    serial: int | None = None
    comment: str | None = None
    """Of the deal, where it is not the order's."""


def execute(book: Book, account: Account, fill: Fill) -> Deal:
    """Make the deal, book it, bring the position up to date and end the order."""
    held = fill.closes
    if held is None and not account.hedging:
        held = next((one for one in account.positions.values() if one.symbol == fill.order.symbol), None)
    side = fill.order.type.side
    if held is None:
        deal = _open(book, account, fill, side)
    elif held.side is side:
        deal = _increase(book, account, fill, held)
    elif fill.volume <= held.volume:
        deal = _reduce(book, account, fill, held)
    else:
        deal = _reverse(book, account, fill, held, side)
    rest = fill.order.volume_current - fill.volume
    _end_order(
        book,
        account,
        replace(
            fill.order,
            state=OrderState.FILLED if rest == 0 else OrderState.PARTIAL,
            volume_current=rest,
            position_id=deal.position_id,
            time_done_ms=book.broker_ms,
            price_current=fill.price,
        ),
    )
    return deal


def close_by(book: Book, account: Account, order: Order, one: Position, other: Position) -> Deal:
    """Close two opposite positions against each other; the whole result is booked on the first deal."""
    volume = min(one.volume, other.volume)
    spec = book.spec(one.symbol)
    amount = raw_profit(spec, one.side, volume, one.price_open, other.price_open)
    gained = round_money(
        to_account_currency(book.market, amount, spec.profit, account.terms.currency),
        account.terms.currency_digits,
    )
    deals = []
    for position, price, result in ((one, other.price_open, gained), (other, other.price_open, ZERO)):
        deal = Deal(
            ticket=book.new_deal_ticket(),
            order=order.ticket,
            time_ms=book.broker_ms,
            type=_deal_type(position.side.opposite),
            entry=Entry.OUT_BY,
            symbol=position.symbol,
            volume=volume,
            price=price,
            magic=order.magic,
            position_id=position.identifier,
            reason=order.reason,
            swap=_swap_share(account, position, volume),
            profit=result,
            comment=order.comment,
            serial=order.serial,
        )
        book.record(DealMade(account.terms.login, deal, Cause.REQUEST))
        _shrink(book, account, position, volume)
        deals.append(deal)
    _end_order(
        book,
        account,
        replace(
            order,
            state=OrderState.FILLED,
            volume_initial=volume,
            volume_current=ZERO,
            position_id=one.identifier,
            position_by_id=other.identifier,
            time_done_ms=book.broker_ms,
        ),
    )
    return deals[0]


def _open(book: Book, account: Account, fill: Fill, side: Side) -> Deal:
    order = fill.order
    deal = _make_deal(book, account, fill, Entry.IN, order.ticket, side)
    position = Position(
        ticket=order.ticket,
        identifier=order.ticket,
        symbol=order.symbol,
        side=side,
        volume=fill.volume,
        price_open=fill.price,
        margin_rate=margin_rate(book.market, book.spec(order.symbol), account, side, fill.price),
        time_ms=book.broker_ms,
        time_update_ms=book.broker_ms,
        sl=order.sl,
        tp=order.tp,
        magic=order.magic,
        reason=order.reason if order.reason <= Reason.EXPERT else Reason.EXPERT,
        comment=order.comment,
        serial=order.serial,
    )
    book.record(PositionSet(account.terms.login, position))
    return deal


def _increase(book: Book, account: Account, fill: Fill, held: Position) -> Deal:
    deal = _make_deal(book, account, fill, Entry.IN, held.identifier, held.side)
    spec = book.spec(held.symbol)
    volume = held.volume + fill.volume
    rate = margin_rate(book.market, spec, account, held.side, fill.price)
    average = (held.price_open * held.volume + fill.price * fill.volume) / volume
    book.record(
        PositionSet(
            account.terms.login,
            replace(
                held,
                volume=volume,
                # Averages are kept finer than the quotes, as MetaTrader does.
                price_open=average.quantize(spec.point.scaleb(-3)).normalize(),
                margin_rate=(held.margin_rate * held.volume + rate * fill.volume) / volume,
                sl=fill.order.sl or held.sl,
                tp=fill.order.tp or held.tp,
                time_update_ms=book.broker_ms,
            ),
        )
    )
    return deal


def _reduce(book: Book, account: Account, fill: Fill, held: Position) -> Deal:
    deal = _make_deal(
        book, account, fill, Entry.OUT, held.identifier, held.side.opposite, closed=held, share=fill.volume
    )
    _shrink(book, account, held, fill.volume)
    return deal


def _reverse(book: Book, account: Account, fill: Fill, held: Position, side: Side) -> Deal:
    """Netting: one deal closes the position and opens the rest the other way; the identifier stays."""
    order = fill.order
    deal = _make_deal(book, account, fill, Entry.INOUT, held.identifier, side, closed=held, share=held.volume)
    login = account.terms.login
    book.record(PositionGone(login, held.ticket))
    book.record(
        PositionSet(
            login,
            Position(
                ticket=order.ticket,
                identifier=held.identifier,
                symbol=held.symbol,
                side=side,
                volume=fill.volume - held.volume,
                price_open=fill.price,
                margin_rate=margin_rate(book.market, book.spec(held.symbol), account, side, fill.price),
                time_ms=book.broker_ms,
                time_update_ms=book.broker_ms,
                sl=order.sl,
                tp=order.tp,
                magic=order.magic,
                reason=order.reason if order.reason <= Reason.EXPERT else Reason.EXPERT,
                comment=order.comment,
                serial=order.serial,
            ),
        )
    )
    return deal


def _make_deal(
    book: Book,
    account: Account,
    fill: Fill,
    entry: Entry,
    identifier: int,
    side: Side,
    *,
    closed: Position | None = None,
    share: Decimal = ZERO,
) -> Deal:
    order = fill.order
    spec = book.spec(order.symbol)
    gained, swap = ZERO, ZERO
    if closed is not None:
        gained = profit(book.market, spec, account, closed.side, share, closed.price_open, fill.price)
        swap = _swap_share(account, closed, share)
    deal = Deal(
        ticket=book.new_deal_ticket(),
        order=order.ticket,
        time_ms=book.broker_ms,
        type=_deal_type(side),
        entry=entry,
        symbol=order.symbol,
        volume=fill.volume,
        price=fill.price,
        magic=order.magic,
        position_id=identifier,
        reason=order.reason,
        commission=book.commission(account, spec, fill.volume),
        swap=swap,
        profit=gained,
        comment=order.comment if fill.comment is None else fill.comment,
        serial=fill.serial,
    )
    book.record(DealMade(account.terms.login, deal, fill.cause))
    return deal


def _shrink(book: Book, account: Account, held: Position, volume: Decimal) -> None:
    login = account.terms.login
    if volume == held.volume:
        book.record(PositionGone(login, held.ticket))
        return
    swap = held.swap - _swap_share(account, held, volume)
    book.record(
        PositionSet(
            login,
            replace(held, volume=held.volume - volume, swap=swap, time_update_ms=book.broker_ms),
        )
    )


def _swap_share(account: Account, held: Position, volume: Decimal) -> Decimal:
    if held.swap == 0 or volume == held.volume:
        return held.swap
    return round_money(held.swap * volume / held.volume, account.terms.currency_digits)


def _end_order(book: Book, account: Account, order: Order) -> None:
    book.record(OrderSet(account.terms.login, order))


def _deal_type(side: Side) -> DealType:
    return DealType.BUY if side is Side.BUY else DealType.SELL
