"""Signals and decisions as the contract says them."""

from __future__ import annotations

from signalos.v1 import signal_pb2 as pb
from signalos_server.domain.dealing.decide import Step
from signalos_server.domain.pipeline.record import SignalDecision, SignalPlan, SignalView
from signalos_server.domain.signals.model import Kind
from signalos_server.rpc.convert import number, timestamp
from signalos_server.rpc.convert_signals import parsed_message


def signal_to_proto(view: SignalView) -> pb.Signal:
    """Return a signal with its decisions."""
    signal = view.signal
    return pb.Signal(
        signal_id=signal.signal_id,
        source_id=signal.source_id,
        source_name=signal.source_name,
        external_id=signal.external_id,
        sender=signal.sender,
        text=signal.text,
        create_time=timestamp(signal.create_time),
        say_time=timestamp(signal.say_time),
        reply_to_external_id=signal.reply_to_external_id,
        reply_to_signal_id=signal.reply_to_signal_id,
        revises_signal_id=signal.revises_signal_id,
        edited=signal.edited,
        deleted=signal.deleted,
        parsed=None if signal.parsed is None else parsed_message(signal.parsed),
        state=int(signal.state),  # type: ignore[arg-type]
        steps=map(_step_to_proto, signal.steps),
        decisions=map(decision_to_proto, view.decisions),
        update_time=timestamp(signal.update_time),
    )


def decision_to_proto(decision: SignalDecision) -> pb.SignalDecision:
    """Return a decision."""
    return pb.SignalDecision(
        decision_id=decision.decision_id,
        account_id=decision.account_id,
        action_index=decision.action_index,
        attempt=decision.attempt,
        kind=pb.SignalKind.Value(f"SIGNAL_KIND_{decision.kind.name}"),
        outcome=int(decision.outcome),  # type: ignore[arg-type]
        code=decision.code,
        message=decision.message,
        steps=map(_step_to_proto, decision.steps),
        plan=None if decision.plan is None else _plan_to_proto(decision.plan),
        command_ids=decision.command_ids,
        trade_ids=decision.trade_ids,
        candidate_trade_ids=decision.candidate_trade_ids,
        decide_time=timestamp(decision.decide_time),
        expire_time=timestamp(decision.expire_time),
        user_id=decision.user_id,
    )


def kind_of(value: int) -> Kind | None:
    """Return the kind that a filter asks for; None: it asks for none."""
    return Kind[pb.SignalKind.Name(value).removeprefix("SIGNAL_KIND_")] if value else None  # type: ignore[arg-type]


def _step_to_proto(step: Step) -> pb.SignalStep:
    return pb.SignalStep(
        name=step.name,
        passed=step.passed,
        code=step.code,
        message=step.text,
        numbers=[pb.SignalNumber(name=name, value=value) for name, value in step.numbers],
        time=timestamp(step.time),
    )


def _plan_to_proto(plan: SignalPlan) -> pb.SignalPlan:
    return pb.SignalPlan(
        symbol=plan.symbol,
        side=int(plan.side),  # type: ignore[arg-type]
        order_type=int(plan.order_type),  # type: ignore[arg-type]
        price=number(plan.price),
        stop_loss=number(plan.stop_loss),
        volume_lots=float(plan.volume_lots),
        risk_money=float(plan.risk_money),
        worst_case_money=number(plan.worst_case_money),
        legs=[
            pb.SignalLeg(volume_lots=float(leg.volume_lots), take_profit=number(leg.take_profit))
            for leg in plan.legs
        ],
    )
