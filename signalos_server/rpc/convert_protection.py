"""Ladders, moves to break-even and when plans begin, between the wire and the inside."""

from __future__ import annotations

from decimal import Decimal

from signalos.v1 import protection_pb2
from signalos_server.domain.protection import (
    BreakEvenKept,
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
from signalos_server.rpc.convert import decimal_of, enum_of, number, optional_decimal

_FIELD_OF_KIND = {
    StartKind(field.number): field.name for field in protection_pb2.PlanStart.DESCRIPTOR.oneofs[0].fields
}
_KIND_OF_FIELD = {name: kind for kind, name in _FIELD_OF_KIND.items()}


def start_to_proto(start: PlanStart | None) -> protection_pb2.PlanStart | None:
    """Return when a plan begins."""
    if start is None:
        return None
    message = protection_pb2.PlanStart()
    value = int(start.value) if start.kind is StartKind.TARGET else float(start.value)
    setattr(message, _FIELD_OF_KIND[start.kind], value)
    return message


def start_of(message: protection_pb2.PlanStart) -> PlanStart:
    """Return when a plan begins. Raises `ValueError` where it does not say."""
    name = message.WhichOneof("when")
    if name is None:
        raise ValueError("a plan that does not say when it begins")
    kind = _KIND_OF_FIELD[name]
    if kind is StartKind.TARGET:
        return PlanStart(kind, Decimal(message.target))
    return PlanStart(kind, decimal_of(getattr(message, name)))


def plan_to_proto(plan: ProtectionPlan | None) -> protection_pb2.ProtectionPlan | None:
    """Return what is wanted of a trade."""
    if plan is None:
        return None
    return protection_pb2.ProtectionPlan(
        targets=[_target_to_proto(target) for target in plan.targets],
        break_even=None if plan.break_even is None else _break_even_to_proto(plan.break_even),
    )


def plan_of(message: protection_pb2.ProtectionPlan) -> ProtectionPlan:
    """Return what is wanted of a trade. Raises `ValueError` for what is not known."""
    return ProtectionPlan(
        tuple(_target_of(target) for target in message.targets),
        _break_even_of(message.break_even) if message.HasField("break_even") else None,
    )


def protection_to_proto(kept: Protection | None) -> protection_pb2.Protection | None:
    """Return what the bridge keeps of a plan."""
    if kept is None:
        return None
    wish = kept.break_even
    return protection_pb2.Protection(
        steps=[
            protection_pb2.LadderStep(
                target=_target_to_proto(step.target),
                state=int(step.state),  # type: ignore[arg-type]
                volume_lots=number(step.volume_lots),
                closed_volume_lots=float(step.closed_lots),
                stop_moved=step.stop_moved,
            )
            for step in kept.steps
        ],
        break_even=None
        if wish is None
        else protection_pb2.BreakEven(plan=_break_even_to_proto(wish.plan), done=wish.done),
    )


def protection_of(message: protection_pb2.Protection, revision: int) -> Protection:
    """Return what a bridge says that it keeps. Raises `ValueError` for what is not known."""
    wish = message.break_even
    return Protection(
        tuple(
            LadderStep(
                _target_of(step.target),
                enum_of(StepState, step.state, StepState.UNSPECIFIED),
                optional_decimal(step, "volume_lots"),
                decimal_of(step.closed_volume_lots),
                step.stop_moved,
            )
            for step in message.steps
        ),
        BreakEvenKept(_break_even_of(wish.plan), wish.done) if message.HasField("break_even") else None,
        revision,
    )


def _target_to_proto(target: LadderTarget) -> protection_pb2.LadderTarget:
    return protection_pb2.LadderTarget(
        price=float(target.price),
        share=float(target.share),
        stop_move=int(target.stop_move),  # type: ignore[arg-type]
    )


def _target_of(message: protection_pb2.LadderTarget) -> LadderTarget:
    return LadderTarget(decimal_of(message.price), decimal_of(message.share), StopMove(message.stop_move))


def _break_even_to_proto(plan: BreakEvenPlan) -> protection_pb2.BreakEvenPlan:
    return protection_pb2.BreakEvenPlan(start=start_to_proto(plan.start), offset=float(plan.offset))


def _break_even_of(message: protection_pb2.BreakEvenPlan) -> BreakEvenPlan:
    return BreakEvenPlan(start_of(message.start), decimal_of(message.offset))
