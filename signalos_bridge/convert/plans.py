"""Trailing stops, ladders and moves to break-even between the contract and the bridge's own values."""

from __future__ import annotations

from decimal import Decimal

from signalos.v1 import protection_pb2, trade_pb2
from signalos_bridge.convert import words
from signalos_bridge.convert.numbers import Malformed, decimal_of, duration_of, number, seconds_of
from signalos_bridge.domain.protection import (
    BreakEven,
    BreakEvenPlan,
    LadderStep,
    LadderTarget,
    PlanStart,
    Protection,
    ProtectionPlan,
    StartKind,
    StepState,
    StopMove,
)
from signalos_bridge.domain.values import TrailingPlan, TrailingStop

_FIELD_OF_KIND = {
    StartKind.PRICE: "price",
    StartKind.DISTANCE: "distance",
    StartKind.POINTS: "points",
    StartKind.PIPS: "pips",
    StartKind.RISK: "risk_multiple",
    StartKind.MONEY: "money",
    StartKind.TARGET: "target",
}
_KIND_OF_FIELD = {field: kind for kind, field in _FIELD_OF_KIND.items()}
_MOVES = {
    StopMove.STAY: protection_pb2.LADDER_STOP_MOVE_UNSPECIFIED,
    StopMove.BREAK_EVEN: protection_pb2.LADDER_STOP_MOVE_BREAK_EVEN,
    StopMove.PREVIOUS_TARGET: protection_pb2.LADDER_STOP_MOVE_PREVIOUS_TARGET,
}
_MOVE_OF = {word: move for move, word in _MOVES.items()}
_STATES = {
    StepState.WAITING: protection_pb2.LADDER_STEP_STATE_WAITING,
    StepState.TRIGGERED: protection_pb2.LADDER_STEP_STATE_TRIGGERED,
    StepState.DONE: protection_pb2.LADDER_STEP_STATE_DONE,
    StepState.SKIPPED: protection_pb2.LADDER_STEP_STATE_SKIPPED,
}
_STATE_OF = {word: state for state, word in _STATES.items()}


def trailing_stop(trailing: TrailingStop | None) -> trade_pb2.TrailingStop | None:
    """Return a trailing stop as it is kept."""
    if trailing is None:
        return None
    plan = trailing.plan
    return trade_pb2.TrailingStop(
        distance=float(plan.distance),
        unit=words.distance_unit(plan.unit),
        step=float(plan.step),
        activation=number(plan.activation),
        high_water_price=number(trailing.high_water_price),
        activated=trailing.activated,
        suspended=trailing.suspended,
        start=None if plan.start is None else _start(plan.start),
        min_interval=duration_of(plan.min_interval_seconds),
    )


def trailing_plan_of(stop: trade_pb2.TrailingStop) -> TrailingPlan:
    """Return a trailing stop as it is wanted."""
    distance = decimal_of(stop.distance, "trailing distance")
    if distance <= 0:
        raise Malformed(f"trailing distance {distance} is not positive")
    return TrailingPlan(
        distance=distance,
        unit=words.distance_unit_of(stop.unit),
        step=decimal_of(stop.step, "trailing step"),
        activation=decimal_of(stop.activation, "activation") if stop.HasField("activation") else None,
        start=_start_of(stop.start) if stop.HasField("start") else None,
        min_interval_seconds=max(1.0, seconds_of(stop.min_interval)),
    )


def trailing_stop_of(stop: trade_pb2.TrailingStop) -> TrailingStop:
    """Return a trailing stop as the server remembers it."""
    mark = decimal_of(stop.high_water_price, "price") if stop.HasField("high_water_price") else None
    return TrailingStop(
        plan=trailing_plan_of(stop),
        high_water_price=mark,
        activated=stop.activated,
        suspended=stop.suspended,
    )


def protection_plan(plan: ProtectionPlan | None) -> protection_pb2.ProtectionPlan | None:
    """Return what is wanted of a trade."""
    if plan is None:
        return None
    return protection_pb2.ProtectionPlan(
        targets=[_target(target) for target in plan.targets],
        break_even=None if plan.break_even is None else _break_even(plan.break_even),
    )


def protection_plan_of(message: protection_pb2.ProtectionPlan) -> ProtectionPlan:
    """Return what is wanted of a trade."""
    return ProtectionPlan(
        tuple(_target_of(target) for target in message.targets),
        _break_even_of(message.break_even) if message.HasField("break_even") else None,
    )


def protection(kept: Protection | None) -> protection_pb2.Protection | None:
    """Return what the bridge keeps of a plan."""
    if kept is None:
        return None
    break_even = None
    if kept.break_even is not None:
        break_even = protection_pb2.BreakEven(
            plan=_break_even(kept.break_even.plan), done=kept.break_even.done
        )
    return protection_pb2.Protection(
        steps=[
            protection_pb2.LadderStep(
                target=_target(step.target),
                state=_STATES[step.state],
                volume_lots=number(step.volume_lots),
                closed_volume_lots=float(step.closed_lots),
                stop_moved=step.stop_moved,
            )
            for step in kept.steps
        ],
        break_even=break_even,
    )


def protection_of(message: protection_pb2.Protection) -> Protection:
    """Return what the server remembers of a plan."""
    steps: list[LadderStep] = []
    for step in message.steps:
        state = _STATE_OF.get(step.state)
        if state is None:
            raise Malformed(f"a target in state {step.state}, which is not known")
        volume = decimal_of(step.volume_lots, "volume") if step.HasField("volume_lots") else None
        closed = decimal_of(step.closed_volume_lots, "volume")
        steps.append(LadderStep(_target_of(step.target), state, volume, closed, step.stop_moved))
    break_even = None
    if message.HasField("break_even"):
        break_even = BreakEven(_break_even_of(message.break_even.plan), message.break_even.done)
    return Protection(tuple(steps), break_even)


def _target(target: LadderTarget) -> protection_pb2.LadderTarget:
    return protection_pb2.LadderTarget(
        price=float(target.price), share=float(target.share), stop_move=_MOVES[target.stop_move]
    )


def _target_of(message: protection_pb2.LadderTarget) -> LadderTarget:
    price, share = decimal_of(message.price, "target"), decimal_of(message.share, "share")
    if price <= 0 or not 0 < share <= 1:
        raise Malformed(f"a target at {price} with a share of {share}")
    move = _MOVE_OF.get(message.stop_move)
    if move is None:
        raise Malformed(f"stop move {message.stop_move} is not known")
    return LadderTarget(price, share, move)


def _break_even(plan: BreakEvenPlan) -> protection_pb2.BreakEvenPlan:
    return protection_pb2.BreakEvenPlan(start=_start(plan.start), offset=float(plan.offset))


def _break_even_of(message: protection_pb2.BreakEvenPlan) -> BreakEvenPlan:
    offset = decimal_of(message.offset, "offset")
    if offset < 0:
        raise Malformed(f"offset {offset} is negative")
    return BreakEvenPlan(_start_of(message.start), offset)


def _start(start: PlanStart) -> protection_pb2.PlanStart:
    if start.kind is StartKind.TARGET:
        return protection_pb2.PlanStart(target=int(start.value))
    message = protection_pb2.PlanStart()
    setattr(message, _FIELD_OF_KIND[start.kind], float(start.value))
    return message


def _start_of(message: protection_pb2.PlanStart) -> PlanStart:
    field = message.WhichOneof("when")
    if field is None:
        raise Malformed("a plan that does not say when it begins")
    kind = _KIND_OF_FIELD[field]
    if kind is StartKind.TARGET:
        return PlanStart(kind, Decimal(message.target))
    return PlanStart(kind, decimal_of(getattr(message, field), "start"))
