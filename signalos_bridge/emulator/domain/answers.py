"""The broker's answers to requests."""

from decimal import Decimal

from signalos_bridge.emulator.domain.book import Book
from signalos_bridge.emulator.domain.codes import RETCODE_TEXT, Retcode
from signalos_bridge.emulator.domain.entities import ZERO
from signalos_bridge.emulator.domain.requests import Outcome


def refused(book: Book, symbol: str, retcode: Retcode, comment: str = "") -> Outcome:
    """Return the answer of a refusal: zeros, and the quote where it is about the price."""
    text = comment or RETCODE_TEXT[retcode]
    known = book.market.symbols.get(symbol)
    if known is not None and retcode in (Retcode.REQUOTE, Retcode.PRICE_CHANGED):
        return Outcome(retcode, bid=known.quote.bid, ask=known.quote.ask, comment=text)
    return Outcome(retcode, comment=text)


def answered(
    book: Book,
    symbol: str,
    retcode: Retcode,
    *,
    deal: int = 0,
    order: int = 0,
    volume: Decimal = ZERO,
    price: Decimal = ZERO,
) -> Outcome:
    """Return the answer to a request that was carried out, with the quote of now."""
    quote = book.quote(symbol)
    return Outcome(
        retcode,
        deal=deal,
        order=order,
        volume=volume,
        price=price,
        bid=quote.bid,
        ask=quote.ask,
        comment=RETCODE_TEXT[retcode],
    )
