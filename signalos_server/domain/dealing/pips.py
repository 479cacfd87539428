"""What a pip is: of gold ten cents, of an index or a coin one whole unit, of a pair as its digits say."""

from __future__ import annotations

from decimal import Decimal

from signalos_server.domain.order_rules import distance_in_price
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.words import DistanceUnit

_PIPS = {
    "XAUUSD": Decimal("0.1"),
    "XAUEUR": Decimal("0.1"),
    "XAGUSD": Decimal("0.01"),
    "USOIL": Decimal("0.01"),
    "UKOIL": Decimal("0.01"),
}
# fmt: off
_WHOLE = frozenset({
    "US30", "NAS100", "SPX500", "US2000", "GER40", "UK100", "FRA40", "EU50", "JP225", "HK50", "AUS200",
    "BTCUSD", "ETHUSD",
})
# fmt: on


def pips_in_price(spec: SymbolSpec, symbol: str | None, pips: Decimal) -> Decimal:
    """Return a distance in pips of a canonical symbol as a difference of prices."""
    if symbol in _PIPS:
        return pips * _PIPS[symbol]
    if symbol in _WHOLE:
        return pips
    return distance_in_price(spec, pips, DistanceUnit.PIPS)
