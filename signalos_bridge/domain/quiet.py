"""Between which prices nothing can happen to a guarded position, so that most quotes need not be looked at.

Cautious: where it cannot be said, every quote is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from signalos_bridge.domain import ladder
from signalos_bridge.domain.facts import GuardState
from signalos_bridge.domain.market import Position, Side, SymbolSpec
from signalos_bridge.domain.protection import (
    PlanStart,
    Protection,
    StartKind,
    StepState,
    pips_as_price,
)
from signalos_bridge.domain.record import KnownPosition
from signalos_bridge.domain.trailing import as_price, wants_to_move
from signalos_bridge.domain.values import TrailingStop


@dataclass(frozen=True, slots=True)
class Band:
    """Nothing happens while low < closing price < high; None: no bound."""

    low: Decimal | None = None
    high: Decimal | None = None

    def holds(self, lowest: Decimal, highest: Decimal) -> bool:
        """Return whether prices from `lowest` to `highest` all lie within."""
        return (self.low is None or lowest > self.low) and (self.high is None or highest < self.high)


def narrowest(bands: Iterable[Band]) -> Band:
    """Return the band in which nothing happens to any of them."""
    lows: list[Decimal] = []
    highs: list[Decimal] = []
    for band in bands:
        if band.low is not None:
            lows.append(band.low)
        if band.high is not None:
            highs.append(band.high)
    return Band(max(lows, default=None), min(highs, default=None))


def quiet_band(known: KnownPosition, spec: SymbolSpec | None) -> Band | None:
    """Return the band of one position; None: each quote has to be looked at."""
    record, side = known.record, known.position.side
    if spec is None or known.missing:
        return None
    against: Decimal | None = None
    ahead: list[Decimal] = []
    if record.guard_state is GuardState.ARMED:
        against = record.virtual_stop_loss
        if record.virtual_take_profit is not None:
            ahead.append(record.virtual_take_profit)
    if record.protection is not None and record.protection.active:
        found = _of_protection(record.protection, known.position, record.initial_stop, spec)
        if found is None:
            return None
        ahead += found
    if record.trailing is not None and not record.trailing.suspended:
        mark = _of_trailing(record.trailing, known, spec)
        if mark is None:
            return None
        ahead.append(mark)
    if side is Side.BUY:
        return Band(against, min(ahead, default=None))
    return Band(max(ahead, default=None), against)


def _of_protection(
    protection: Protection, position: Position, initial_stop: Decimal | None, spec: SymbolSpec
) -> list[Decimal] | None:
    if ladder.due(protection) is not None or ladder.owed_move(protection) is not None:
        return None
    ahead = [step.target.price for step in protection.steps if step.state is StepState.WAITING]
    wish = protection.break_even
    if wish is None or wish.done:
        return ahead
    start = wish.plan.start
    if start.kind is StartKind.TARGET:
        return None if protection.targets_done >= start.value else ahead
    price = _start_price(start, position, initial_stop, spec)
    return None if price is None else [*ahead, price]


def _of_trailing(trailing: TrailingStop, known: KnownPosition, spec: SymbolSpec) -> Decimal | None:
    """Return the price beyond which a trailing stop has something to do."""
    plan, position = trailing.plan, known.position
    if trailing.activated:
        if trailing.high_water_price is None or wants_to_move(trailing, position, known.effective_stop, spec):
            return None
        return trailing.high_water_price
    if plan.activation is not None:
        return position.open_price + position.side.value * as_price(plan.activation, plan.unit, spec)
    if plan.start is None or plan.start.kind is StartKind.TARGET:
        return None
    return _start_price(plan.start, position, known.record.initial_stop, spec)


def _start_price(
    start: PlanStart, position: Position, initial_stop: Decimal | None, spec: SymbolSpec
) -> Decimal | None:
    """Return the price at which a plan begins; None: it cannot be said as a price."""
    side = position.side.value
    if start.kind is StartKind.PRICE:
        return start.value
    distance = start.value
    if start.kind is StartKind.POINTS:
        distance = start.value * spec.point
    elif start.kind is StartKind.PIPS:
        distance = pips_as_price(start.value, spec)
    elif start.kind is StartKind.RISK:
        if initial_stop is None:
            return None
        distance = (position.open_price - initial_stop) * side * start.value
        if distance <= 0:
            return None
    elif start.kind is not StartKind.DISTANCE:
        return None
    return position.open_price + side * distance
