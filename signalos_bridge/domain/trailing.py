"""A stop that follows the market at a distance, and never loosens.

The best price since activation is the high-water mark. All distances are differences of prices here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_bridge.domain.market import Position, Side, SymbolSpec, Tick
from signalos_bridge.domain.normalise import minimum_distance, round_stop_loss
from signalos_bridge.domain.protection import has_begun, pips_as_price
from signalos_bridge.domain.values import DistanceUnit, Refusal, TrailingPlan, TrailingStop

# Brokers call more than 2,000 requests a day hyperactive.
MOVES_A_DAY = 1500
_LARGEST_SHARE = Decimal("0.2")


@dataclass(frozen=True, slots=True)
class MoveCount:
    """How many requests trailing stops sent within the day that began then (UTC)."""

    since_wall_msc: int = 0
    count: int = 0


def as_price(value: Decimal, unit: DistanceUnit, spec: SymbolSpec) -> Decimal:
    """Return a distance as a difference of prices."""
    if unit is DistanceUnit.PRICE:
        return value
    if unit is DistanceUnit.POINTS:
        return value * spec.point
    return pips_as_price(value, spec)


def problem_of(plan: TrailingPlan, spec: SymbolSpec, price: Decimal | None) -> Refusal | None:
    """Return why a plan cannot be kept to; `price` is the market's, None where it is not known."""
    distance = as_price(plan.distance, plan.unit, spec)
    if distance < spec.tick_size:
        return Refusal("OUT_OF_RANGE", f"the distance {distance} is below the tick size {spec.tick_size}")
    required = Decimal(spec.stops_level_points) * spec.point
    if distance < required:
        return Refusal("OUT_OF_RANGE", f"the distance {distance} is below the broker's minimum {required}")
    if price is not None and distance > price * _LARGEST_SHARE:
        return Refusal("OUT_OF_RANGE", f"the distance {distance} is above 20 % of the price {price}")
    return None


@dataclass(frozen=True, slots=True)
class Trailed:
    """A trailing stop after some quotes; `activated_now`: it was not before."""

    trailing: TrailingStop
    activated_now: bool


def advance(
    trailing: TrailingStop,
    position: Position,
    ticks: Sequence[Tick],
    spec: SymbolSpec,
    *,
    initial_stop: Decimal | None = None,
    targets_done: int = 0,
) -> Trailed:
    """Return the trailing stop after quotes in order: activated at its start, its mark only ever better.

    `initial_stop` counts the first risk, `targets_done` the closed targets of its ladder.
    """
    if trailing.suspended:
        return Trailed(trailing, False)
    side, plan = position.side, trailing.plan
    needed = None if plan.activation is None else as_price(plan.activation, plan.unit, spec)
    activated, mark = trailing.activated, trailing.high_water_price
    for tick in ticks:
        price = tick.closing_price(side)
        if price is None:
            continue
        # Signed: a losing trade never activates anything.
        gain = (price - position.open_price) * side.value
        if not activated and (needed is None or gain >= needed):
            activated = plan.start is None or has_begun(
                plan.start, position, price, initial_stop, spec, targets_done
            )
        if activated:
            mark = price if mark is None else _better(side, mark, price)
    after = trailing
    if activated is not trailing.activated or mark != trailing.high_water_price:
        after = replace(trailing, activated=activated, high_water_price=mark)
    return Trailed(after, activated and not trailing.activated)


def next_stop(
    trailing: TrailingStop,
    position: Position,
    effective_stop: Decimal | None,
    tick: Tick,
    spec: SymbolSpec,
    *,
    hidden: bool,
) -> Decimal | None:
    """Return the stop to move to, None to leave it.

    It is tighter than the effective stop by at least the step. A visible one keeps the broker's distance from
    the market; a hidden one needs none.
    """
    mark, side = trailing.high_water_price, position.side
    if trailing.suspended or not trailing.activated or mark is None:
        return None
    plan = trailing.plan
    candidate = mark - side.value * as_price(plan.distance, plan.unit, spec)
    if not hidden:
        market = tick.closing_price(side)
        if market is None:
            return None
        least = max(minimum_distance(spec, tick), Decimal(spec.freeze_level_points) * spec.point)
        candidate = _worse(side, candidate, market - side.value * least)
    candidate = round_stop_loss(candidate, side, spec)
    return candidate if _is_due(candidate, plan, effective_stop, side, spec) else None


def wants_to_move(
    trailing: TrailingStop, position: Position, effective_stop: Decimal | None, spec: SymbolSpec
) -> bool:
    """Return whether the stop would move, were the market far enough away from it."""
    if trailing.suspended or not trailing.activated or trailing.high_water_price is None:
        return False
    plan, side = trailing.plan, position.side
    candidate = trailing.high_water_price - side.value * as_price(plan.distance, plan.unit, spec)
    return _is_due(round_stop_loss(candidate, side, spec), plan, effective_stop, side, spec)


def _is_due(
    candidate: Decimal, plan: TrailingPlan, effective_stop: Decimal | None, side: Side, spec: SymbolSpec
) -> bool:
    if candidate <= 0:
        return False
    if effective_stop is None:
        return True
    step = max(as_price(plan.step, plan.unit, spec), spec.tick_size)
    return (candidate - effective_stop) * side.value >= step


def _better(side: Side, one: Decimal, other: Decimal) -> Decimal:
    return max(one, other) if side is Side.BUY else min(one, other)


def _worse(side: Side, one: Decimal, other: Decimal) -> Decimal:
    return min(one, other) if side is Side.BUY else max(one, other)
