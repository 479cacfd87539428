"""Which of a broker's instruments a canonical symbol is: configured, exact and tradable, then unique.

Never a guess between two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from signalos_server.domain.dealing.denial import Denial, deny
from signalos_server.domain.order_rules import Market
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.signals.machine_build import symbol_of
from signalos_server.domain.signals.symbols import CURRENCIES
from signalos_server.domain.words import Side, SymbolTradeMode

# A signal's price further from the live one than this is of another instrument, or of another time.
_FURTHEST = Decimal("0.25")
_FURTHEST_CURRENCIES = Decimal("0.08")


def takes(spec: SymbolSpec, side: Side) -> bool:
    """Return whether the broker opens positions of this side in the instrument."""
    if spec.trade_mode in (SymbolTradeMode.DISABLED, SymbolTradeMode.CLOSE_ONLY):
        return False
    if spec.trade_mode is SymbolTradeMode.LONG_ONLY:
        return side is Side.BUY
    return spec.trade_mode is not SymbolTradeMode.SHORT_ONLY or side is Side.SELL


def resolve(
    symbol: str, side: Side, specs: Sequence[SymbolSpec], mapped: Mapping[str, str] | None = None
) -> SymbolSpec | Denial:
    """Return the broker's instrument for a canonical symbol, or why there is none.

    A name that the source's map gives is binding: where the broker has no such instrument nothing else is
    taken. An exact name that does not take this side does not win over its tradable twin.
    """
    by_name = {spec.symbol: spec for spec in specs}
    if mapped and symbol in mapped:
        return _configured(symbol, mapped[symbol], side, by_name)
    alike = [spec for spec in specs if spec.symbol.upper() == symbol or symbol_of(spec.symbol) == symbol]
    alike = [spec for spec in alike if _is_what_it_says(spec, symbol)]
    if not alike:
        return deny("SYMBOL_UNKNOWN", f"the broker has no {symbol}", symbol=symbol)
    open_ones = [spec for spec in alike if takes(spec, side)]
    if not open_ones:
        names = ", ".join(spec.symbol for spec in alike)
        return deny("SYMBOL_CLOSED", f"{names} does not take a {side.name.lower()} now", symbol=symbol)
    exact = [spec for spec in open_ones if spec.symbol.upper() == symbol]
    if len(exact) == 1:
        return exact[0]
    if len(open_ones) == 1:
        return open_ones[0]
    names = ", ".join(sorted(spec.symbol for spec in open_ones))
    return deny("SYMBOL_AMBIGUOUS", f"{names}: map one of them for this source", symbol=symbol)


def _configured(symbol: str, name: str, side: Side, by_name: Mapping[str, SymbolSpec]) -> SymbolSpec | Denial:
    spec = by_name.get(name)
    if spec is None:
        return deny(
            "SYMBOL_MAP_UNKNOWN", f"{symbol} is mapped to {name}, which the broker has not", symbol=symbol
        )
    if not takes(spec, side):
        return deny("SYMBOL_CLOSED", f"{name} does not take a {side.name.lower()} now", symbol=symbol)
    return spec


def _is_what_it_says(spec: SymbolSpec, symbol: str) -> bool:
    """Return whether the contract's currencies, where the broker tells them, are those of the symbol."""
    if len(symbol) != 6 or symbol[3:].lower() not in CURRENCIES:
        return True
    base, profit = spec.base_currency.upper(), spec.profit_currency.upper()
    return (not profit or profit == symbol[3:]) and (
        not base or symbol[:3].lower() not in CURRENCIES or base == symbol[:3]
    )


def check_prices(symbol: str, prices: Sequence[Decimal], market: Market) -> Denial | None:
    """Return a denial where a signal's prices cannot belong to the live one."""
    middle = (market.bid + market.ask) / 2
    currencies = symbol[:3].lower() in CURRENCIES and symbol[3:].lower() in CURRENCIES
    furthest = _FURTHEST_CURRENCIES if currencies else _FURTHEST
    for price in prices:
        if abs(price - middle) > middle * furthest:
            return deny(
                "PRICE_MISMATCH",
                f"{price} cannot be a price of {symbol}, which stands at {middle}",
                price=price,
                market=middle,
                furthest_percent=furthest * 100,
            )
    return None
