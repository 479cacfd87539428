"""Profit, margin and what follows from them. Money is in the account's currency unless said otherwise."""

from dataclasses import dataclass
from decimal import Decimal

from signalos_bridge.emulator.domain.codes import CalcMode, Side
from signalos_bridge.emulator.domain.entities import ZERO, Account, Basis, Position, Total, Valued
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


def value(market: Market, account: Account) -> None:
    """Bring what positions are worth up to date, computing again only what has moved."""
    valued, totals = account.valued, account.totals
    if account.unvalued:
        for ticket in account.unvalued:
            before = valued.pop(ticket, None)
            if before is not None:
                _count(totals, before, -1)
            position = account.positions.get(ticket)
            if position is not None:
                basis = _basis(market, account, position.symbol)
                total = totals.get(position.symbol)
                if total is None:
                    totals[position.symbol] = Total(basis)
                _add(market, account, position, basis)
        account.unvalued.clear()
    for name, total in totals.items():
        basis = _basis(market, account, name)
        if total.basis is not basis:
            total.basis = basis
            total.floating = total.margin_buy = total.margin_sell = ZERO
            for ticket in total.tickets:
                _add(market, account, account.positions[ticket], basis)


def _add(market: Market, account: Account, position: Position, basis: Basis) -> None:
    valued = account.valued[position.ticket] = Valued(
        position,
        basis,
        position_profit(market, account, position),
        margin_amount(basis.spec, account, position.volume, position.price_open, position.margin_rate),
    )
    _count(account.totals, valued, 1)


def _count(totals: dict[str, Total], valued: Valued, sign: int) -> None:
    position = valued.position
    total = totals[position.symbol]
    if sign > 0:
        total.tickets.add(position.ticket)
    else:
        total.tickets.discard(position.ticket)
        if not total.tickets:
            del totals[position.symbol]
            return
    total.floating += (valued.profit + position.swap) * sign
    if position.side is Side.BUY:
        total.margin_buy += valued.margin * sign
    else:
        total.margin_sell += valued.margin * sign


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
    value(market, account)
    larger = (max(total.margin_buy, total.margin_sell) for total in account.totals.values())
    return round_money(sum(larger, ZERO), account.terms.currency_digits)


def figures(market: Market, account: Account) -> Figures:
    margin = used_margin(market, account)
    floating = sum((total.floating for total in account.totals.values()), ZERO)
    equity = account.balance + account.credit + floating
    level = equity / margin * 100 if margin else ZERO
    return Figures(account.balance, account.credit, floating, equity, margin, equity - margin, level)
