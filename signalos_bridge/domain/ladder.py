"""A take-profit ladder: which targets were reached, how much is closed at each, and where the stop goes.

Volumes are multiples of the lot step, none is below the smallest lot, and together they are never more than
the position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from signalos_bridge.domain.market import Position, Side, SymbolSpec
from signalos_bridge.domain.normalise import round_take_profit, volume_down
from signalos_bridge.domain.protection import (
    STEP_TRANSITIONS,
    LadderStep,
    Protection,
    ProtectionPlan,
    StepEvent,
    StepState,
    StopMove,
    is_reached,
)
from signalos_bridge.domain.stealth import tighter
from signalos_bridge.domain.values import Refusal

MOST_TARGETS = 10
_NOTHING = Decimal(0)


def problem_of(plan: ProtectionPlan, side: Side, price: Decimal | None) -> Refusal | None:
    """Return why a ladder cannot be kept to; `price` is what closing pays now, None where it is not known."""
    targets = plan.targets
    if len(targets) > MOST_TARGETS:
        return Refusal("OUT_OF_RANGE", f"{len(targets)} targets are more than {MOST_TARGETS}")
    total = sum((target.share for target in targets), _NOTHING)
    if any(not target.share.is_finite() or target.share <= 0 for target in targets) or total > 1:
        return Refusal("OUT_OF_RANGE", f"the shares add up to {total}; each is above 0, all are at most 1")
    for number, (nearer, farther) in enumerate(pairwise(targets), 2):
        if (farther.price - nearer.price) * side.value <= 0:
            return Refusal(
                "OUT_OF_RANGE", f"target {number} at {farther.price} is not beyond the one at {nearer.price}"
            )
    if targets and price is not None and is_reached(side, targets[0], price):
        where = "above" if side is Side.BUY else "below"
        return Refusal("WRONG_SIDE", f"target 1 at {targets[0].price} must be {where} the market at {price}")
    return None


def split(volume_lots: Decimal, shares: Sequence[Decimal], spec: SymbolSpec) -> tuple[Decimal, ...]:
    """Return how much each target closes; 0 where a share is too small for a lot of its own.

    Each is a multiple of the lot step and not below the smallest lot. Where the shares add up to 1 the parts
    add up to the volume: what rounding leaves goes to the nearest targets. Else what is left over is 0 or at
    least the smallest lot.
    """
    parts = [_at_least_a_lot(volume_down(volume_lots * share, spec), spec) for share in shares]
    left = volume_lots - sum(parts, _NOTHING)
    if not parts or left <= 0:
        return tuple(parts)
    if sum(shares, _NOTHING) == 1:
        for index, part in enumerate(parts):
            if not part and left >= spec.volume_min_lots:
                parts[index] = spec.volume_min_lots
                left -= spec.volume_min_lots
        # The smallest lot is open at least, so that one of them has its own.
        parts[next(index for index, part in enumerate(parts) if part)] += left
    elif left < spec.volume_min_lots and any(parts):
        # The rest could never be closed by itself.
        parts[max(index for index, part in enumerate(parts) if part)] += left
    return tuple(parts)


def _at_least_a_lot(part: Decimal, spec: SymbolSpec) -> Decimal:
    return part if part >= spec.volume_min_lots else _NOTHING


def reached(protection: Protection, position: Position, best: Decimal, spec: SymbolSpec) -> Protection:
    """Return the ladder with every target triggered that the best closing price was at or beyond.

    The first of them fixes the volumes.
    """
    side, steps = position.side, protection.steps
    if not any(step.state is StepState.WAITING and is_reached(side, step.target, best) for step in steps):
        return protection
    if all(step.volume_lots is None for step in steps):
        parts = split(position.volume_lots, [step.target.share for step in steps], spec)
        steps = tuple(
            replace(step, volume_lots=part)
            if part
            else replace(step, volume_lots=part, state=_after(step, StepEvent.TOO_SMALL))
            for step, part in zip(steps, parts, strict=True)
        )
    after = tuple(
        replace(step, state=_after(step, StepEvent.REACHED))
        if step.state is StepState.WAITING and is_reached(side, step.target, best)
        else step
        for step in steps
    )
    return replace(protection, steps=after)


def due(protection: Protection) -> int | None:
    """Return the index of the target that is to be closed now; None: none is."""
    for index, step in enumerate(protection.steps):
        if step.state is StepState.TRIGGERED:
            return index
    return None


def close_volume(
    protection: Protection, index: int, closed_lots: Decimal, position_lots: Decimal, spec: SymbolSpec
) -> Decimal | None:
    """Return what is still to be closed at a target, None: all of the position, 0: nothing more.

    `closed_lots` is what its earlier attempts closed. What somebody closed by hand meanwhile is no longer
    there to close; a rest below the smallest lot is not left.
    """
    step = protection.steps[index]
    wanted = (step.volume_lots or _NOTHING) - closed_lots
    if wanted <= 0:
        return _NOTHING
    last = all(other.state in (StepState.DONE, StepState.SKIPPED) for other in _others(protection, index))
    if (last and protection.plan.closes_all) or position_lots - wanted < spec.volume_min_lots:
        return None
    return max(volume_down(wanted, spec), spec.volume_min_lots)


def closed(protection: Protection, index: int, closed_lots: Decimal) -> Protection:
    """Return the ladder after a target's share was closed."""
    step = protection.steps[index]
    done = replace(step, state=_after(step, StepEvent.CLOSED), closed_lots=closed_lots)
    return replace(protection, steps=_with(protection.steps, index, done))


def owed_move(protection: Protection) -> int | None:
    """Return the index of the farthest closed target whose stop move is still to be made; None: none is."""
    for index in range(len(protection.steps) - 1, -1, -1):
        step = protection.steps[index]
        if step.state is StepState.DONE and step.target.stop_move is not StopMove.STAY:
            return None if step.stop_moved else index
    return None


def moved(protection: Protection, index: int) -> Protection:
    """Return the ladder after the stop has followed a target; nearer ones owe nothing any more."""
    steps = tuple(
        replace(step, stop_moved=True) if at <= index and step.state is StepState.DONE else step
        for at, step in enumerate(protection.steps)
    )
    return replace(protection, steps=steps)


def followed_stop(
    protection: Protection, index: int, side: Side, effective: Decimal | None, spec: SymbolSpec
) -> Decimal | None:
    """Return the stop at the target before, None where the stop is there or tighter already."""
    level = round_take_profit(protection.steps[index - 1].target.price, side, spec)
    return None if tighter(side, effective, level) == effective else level


def goes_to_break_even(protection: Protection, index: int) -> bool:
    """Return whether a target's stop move is to where leaving costs nothing."""
    return protection.steps[index].target.stop_move is StopMove.BREAK_EVEN or index == 0


def _others(protection: Protection, index: int) -> list[LadderStep]:
    return [step for at, step in enumerate(protection.steps) if at != index]


def _with(steps: tuple[LadderStep, ...], index: int, step: LadderStep) -> tuple[LadderStep, ...]:
    return (*steps[:index], step, *steps[index + 1 :])


def _after(step: LadderStep, event: StepEvent) -> StepState:
    return STEP_TRANSITIONS[step.state, event]
