"""Hidden levels: where the disaster stop at the broker stands behind the level that the bridge guards.

The broker's stop only ever moves towards the market, but for the one step in which levels are hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from signalos_bridge.domain.market import Side, SymbolSpec, Tick
from signalos_bridge.domain.normalise import minimum_distance, round_stop_loss

# The disaster stop is this many times as far from the market as the hidden stop.
DISASTER_MULTIPLE = Decimal(2)
_SPREADS = 3
_BUFFER_POINTS = 10
_EQUITY_SHARE = Decimal("0.02")
_PRICE_SHARE = Decimal("0.03")


@dataclass(frozen=True, slots=True)
class Money:
    """What is needed to count a loss: equity and the worth of one tick of one lot, account currency."""

    equity: Decimal | None
    tick_value: Decimal


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
    """Return the stop that the broker gets. None: no distance can be counted, so nothing may be hidden.

    With a hidden stop it lies `DISASTER_MULTIPLE` times as far from the market; without one, where the loss
    is 2 % of equity, at most 3 % of the price away.
    """
    market = tick.closing_price(side)
    if market is None:
        return None
    least = max(
        minimum_distance(spec, tick) + _BUFFER_POINTS * spec.point,
        _SPREADS * (tick.spread or Decimal(0)),
    )
    if hidden_stop is not None:
        wanted = DISASTER_MULTIPLE * abs(market - hidden_stop)
    else:
        worth = money.tick_value / spec.tick_size * volume_lots if spec.tick_size else Decimal(0)
        if money.equity is None or money.equity <= 0 or worth <= 0:
            return None
        wanted = min(money.equity * _EQUITY_SHARE / worth, market * _PRICE_SHARE)
    stop = round_stop_loss(market - side.value * max(wanted, least), side, spec)
    return stop if stop > 0 else None


def ratchet(side: Side, held: Decimal | None, wanted: Decimal | None, step: Decimal) -> Decimal | None:
    """Return the disaster stop to move to, None to leave it: only towards the market, by at least `step`."""
    if wanted is None:
        return None
    if held is None:
        return wanted
    return wanted if (wanted - held) * side.value >= max(step, Decimal(0)) and wanted != held else None
