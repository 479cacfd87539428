"""Profit, margin and what follows from them. Money is in the account's currency unless said otherwise."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from signalos_bridge.emulator.domain.codes import CalcMode, Side
from signalos_bridge.emulator.domain.entities import ZERO, Account, Basis, Position, Valued
from signalos_bridge.emulator.domain.market import Market, round_money
from signalos_bridge.emulator.domain.symbols import SymbolSpec


@dataclass(frozen=True, slots=True)
class Figures:
    """An account's state at current prices. `level` is equity in percent of margin; 0 without margin."""

    balance: Decimal
    credit: Decimal
    profit: Decimal
    equity: Decimal
    margin: Decimal
    free: Decimal
    level: Decimal


def raw_profit(spec: SymbolSpec, side: Side, volume: Decimal, opened: Decimal, closed: Decimal) -> Decimal:
    """Return the profit in the symbol's profit currency, not rounded."""
    return (closed - opened) * side.sign * spec.contract_size * volume


def to_account_currency(market: Market, amount: Decimal, source: str, currency: str) -> Decimal:
    """Convert a profit at the price at which it is sold, a loss at the one at which it is bought."""
    return amount * market.rate(source, currency, selling=amount >= 0)


def profit(
    market: Market,
    spec: SymbolSpec,
    account: Account,
    side: Side,
    volume: Decimal,
    opened: Decimal,
    closed: Decimal,
) -> Decimal:
    """Return the profit, rounded to the currency's digits."""
    amount = raw_profit(spec, side, volume, opened, closed)
    converted = to_account_currency(market, amount, spec.profit, account.terms.currency)
    return round_money(converted, account.terms.currency_digits)


def tick_values(market: Market, spec: SymbolSpec, currency: str) -> tuple[Decimal, Decimal]:
    """Return what one tick is worth per lot, of a profit and of a loss."""
    amount = spec.tick_size * spec.contract_size
    gain = market.rate(spec.profit, currency, selling=True)
    loss = market.rate(spec.profit, currency, selling=False)
    return amount * gain, amount * loss


def margin_rate(market: Market, spec: SymbolSpec, account: Account, side: Side, price: Decimal) -> Decimal:
    """Return units of account currency per unit of the symbol's margin currency, for a deal at `price`."""
    currency = account.terms.currency
    if spec.calc_mode is CalcMode.FOREX and spec.profit == currency:
        return price
    return market.rate(spec.margin_currency, currency, selling=side is Side.SELL)


def margin_amount(
    spec: SymbolSpec, account: Account, volume: Decimal, price: Decimal, rate: Decimal
) -> Decimal:
    """Return the margin of a volume, not rounded."""
    lots = volume * spec.contract_size / account.terms.leverage
    if spec.calc_mode is CalcMode.FOREX:
        return lots * rate
    return lots * price * rate


def order_margin(
    market: Market, spec: SymbolSpec, account: Account, side: Side, volume: Decimal, price: Decimal
) -> Decimal:
    """Return the margin that an order alone would need, rounded."""
    rate = margin_rate(market, spec, account, side, price)
    return round_money(margin_amount(spec, account, volume, price, rate), account.terms.currency_digits)


def position_profit(market: Market, account: Account, position: Position) -> Decimal:
    """Return the floating profit without swap."""
    symbol = market.symbols[position.symbol]
    close = symbol.quote.exit(position.side)
    return profit(market, symbol.spec, account, position.side, position.volume, position.price_open, close)


def _valued(market: Market, account: Account) -> Iterator[Valued]:
    """Yield what each position is worth now, computing again only what has moved."""
    bases = {
        one: _basis(market, account, one) for one in {held.symbol for held in account.positions.values()}
    }
    known = account.valued
    if len(known) > len(account.positions):
        known = account.valued = {ticket: known[ticket] for ticket in account.positions if ticket in known}
    for ticket, position in account.positions.items():
        basis = bases[position.symbol]
        valued = known.get(ticket)
        if valued is None or valued.position is not position or valued.basis is not basis:
            spec, volume, rate = basis.spec, position.volume, position.margin_rate
            valued = known[ticket] = Valued(
                position,
                basis,
                position_profit(market, account, position),
                margin_amount(spec, account, volume, position.price_open, rate),
            )
        yield valued


def _basis(market: Market, account: Account, name: str) -> Basis:
    symbol, terms = market.symbols[name], account.terms
    currency = terms.currency
    gain = market.rate(symbol.spec.profit, currency, selling=True)
    loss = market.rate(symbol.spec.profit, currency, selling=False)
    known = account.bases.get(name)
    if (
        known is None
        or known.quote is not symbol.quote
        or known.spec is not symbol.spec
        or known.terms is not terms
        or known.gain_rate != gain
        or known.loss_rate != loss
    ):
        known = account.bases[name] = Basis(symbol.quote, symbol.spec, terms, gain, loss)
    return known


def used_margin(market: Market, account: Account) -> Decimal:
    """Return the margin of all positions. Of two opposite volumes the larger is charged, once."""
    return _margin(account, _valued(market, account))


def _margin(account: Account, held: Iterable[Valued]) -> Decimal:
    legs: dict[str, list[Decimal]] = {}
    for one in held:
        position = one.position
        leg = legs.get(position.symbol)
        if leg is None:
            leg = legs[position.symbol] = [ZERO, ZERO]
        leg[0 if position.side is Side.BUY else 1] += one.margin
    return round_money(sum((max(leg) for leg in legs.values()), ZERO), account.terms.currency_digits)


def figures(market: Market, account: Account) -> Figures:
    held = list(_valued(market, account))
    floating = sum((one.profit + one.position.swap for one in held), ZERO)
    margin = _margin(account, held)
    equity = account.balance + account.credit + floating
    level = equity / margin * 100 if margin else ZERO
    return Figures(account.balance, account.credit, floating, equity, margin, equity - margin, level)
