"""Hidden levels: where the disaster stop at the broker stands behind the level that the bridge guards.

The broker's stop only ever moves towards the market, but for the one step in which levels are hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from signalos_bridge.domain.market import Side, SymbolSpec, Tick
from signalos_bridge.domain.normalise import minimum_distance, round_stop_loss

# The disaster stop is this many times as far from the market as the hidden stop.
DISASTER_MULTIPLE = Decimal(2)
_SPREADS = 3
_BUFFER_POINTS = 10
_EQUITY_SHARE = Decimal("0.02")
_PRICE_SHARE = Decimal("0.03")


class Concealment(Enum):
    """What of a position's levels is hidden from the broker."""

    NOTHING = "nothing"
    TARGET = "take profit"
    BOTH = "both levels"


@dataclass(frozen=True, slots=True)
class Money:
    """What is needed to count a loss: equity, and the worth of one tick of one lot, account currency.

    `headroom`: what may be lost before the account's equity is below its floor, less what everything else
    would lose at its stop; None: there is no floor.
    """

    equity: Decimal | None
    tick_value: Decimal
    headroom: Decimal | None = None


def tighter(side: Side, one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Return the stop that lets the position lose less; None is no stop."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other) if side is Side.BUY else min(one, other)


def nearer_target(side: Side, one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Return the take profit that is reached first; None is no take profit."""
    return tighter(side.opposite, one, other)


def disaster_stop(
    side: Side,
    volume_lots: Decimal,
    hidden_stop: Decimal | None,
    spec: SymbolSpec,
    tick: Tick,
    money: Money,
) -> Decimal | None:
    """Return the stop that the broker gets. None: none can be counted or fits, so nothing may be hidden.

    With a hidden stop it lies `DISASTER_MULTIPLE` times as far from the market, nearer where the headroom
    wants it, and always behind the hidden one; without one, where the loss is 2 % of equity, or the headroom
    where that is less, at most 3 % of the price away.
    """
    market = tick.closing_price(side)
    if market is None:
        return None
    worth = money.tick_value / spec.tick_size * volume_lots if spec.tick_size else Decimal(0)
    least = _least_distance(spec, tick, market, hidden_stop)
    if hidden_stop is not None:
        wanted = max(DISASTER_MULTIPLE * abs(market - hidden_stop), least)
        if money.headroom is not None:
            if worth <= 0:
                return None
            # A price of the symbol, away from the market: at most one tick more.
            wanted = min(wanted, money.headroom / worth - spec.tick_size)
    else:
        if money.equity is None or money.equity <= 0 or worth <= 0:
            return None
        loss = money.equity * _EQUITY_SHARE
        if money.headroom is not None:
            loss = min(loss, money.headroom)
        wanted = min(loss / worth, market * _PRICE_SHARE)
    if wanted < least:
        return None
    stop = round_stop_loss(market - side.value * wanted, side, spec)
    return stop if stop > 0 else None


def _least_distance(spec: SymbolSpec, tick: Tick, market: Decimal, hidden_stop: Decimal | None) -> Decimal:
    """Return how near to the market a disaster stop may be: as the broker wants, and behind a hidden one."""
    buffer = _BUFFER_POINTS * spec.point
    least = max(minimum_distance(spec, tick) + buffer, _SPREADS * (tick.spread or Decimal(0)))
    return least if hidden_stop is None else max(least, abs(market - hidden_stop) + buffer)


def loss_at_stop(
    side: Side, volume_lots: Decimal, price: Decimal | None, stop: Decimal | None, spec: SymbolSpec | None
) -> Decimal | None:
    """Return what a position or order would lose from a price to its stop, never below 0; account currency.

    None: that cannot be counted. 0 where there is no stop: nothing bounds its loss, and no headroom would do.
    """
    if stop is None:
        return Decimal(0)
    if price is None or spec is None or not spec.tick_size:
        return None
    worth = (spec.tick_value_loss or spec.tick_value) / spec.tick_size * volume_lots
    if worth <= 0:
        return None
    return max((price - stop) * side.value * worth, Decimal(0))


def least_loss_per_lot(
    side: Side, hidden_stop: Decimal, spec: SymbolSpec, tick: Tick, money: Money
) -> Decimal | None:
    """Return what a lot opened now loses at the nearest disaster stop that this hidden stop can have.

    Commission apart. None: that cannot be counted.
    """
    market, spread = tick.closing_price(side), tick.spread
    if market is None or spread is None or not spec.tick_size or money.tick_value <= 0:
        return None
    least = _least_distance(spec, tick, market, hidden_stop) + 2 * spec.tick_size
    return (least + spread) * money.tick_value / spec.tick_size


def ratchet(side: Side, held: Decimal | None, wanted: Decimal | None, step: Decimal) -> Decimal | None:
    """Return the disaster stop to move to, None to leave it: only towards the market, by at least `step`."""
    if wanted is None:
        return None
    if held is None:
        return wanted
    return wanted if (wanted - held) * side.value >= max(step, Decimal(0)) and wanted != held else None
