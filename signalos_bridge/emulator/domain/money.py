"""Profit, margin and what follows from them. Money is in the account's currency unless said otherwise."""

from dataclasses import dataclass
from decimal import Decimal

from signalos_bridge.emulator.domain.codes import CalcMode, Side
from signalos_bridge.emulator.domain.entities import ZERO, Account, Position
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


def used_margin(market: Market, account: Account) -> Decimal:
    """Return the margin of all positions. Of two opposite volumes the larger is charged, once."""
    digits = account.terms.currency_digits
    if not account.positions:
        return round_money(ZERO, digits)
    legs: dict[str, tuple[Decimal, Decimal]] = {}
    for position in account.positions.values():
        spec = market.symbols[position.symbol].spec
        amount = margin_amount(spec, account, position.volume, position.price_open, position.margin_rate)
        long, short = legs.get(position.symbol, (ZERO, ZERO))
        if position.side is Side.BUY:
            legs[position.symbol] = (long + amount, short)
        else:
            legs[position.symbol] = (long, short + amount)
    return round_money(sum((max(leg) for leg in legs.values()), ZERO), digits)


def figures(market: Market, account: Account) -> Figures:
    floating = sum(
        (position_profit(market, account, one) + one.swap for one in account.positions.values()), ZERO
    )
    margin = used_margin(market, account)
    equity = account.balance + account.credit + floating
    level = equity / margin * 100 if margin else ZERO
    return Figures(account.balance, account.credit, floating, equity, margin, equity - margin, level)
