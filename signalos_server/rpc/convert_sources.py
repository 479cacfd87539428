"""Sources between the contract and the inside."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from google.protobuf.duration_pb2 import Duration

from signalos.v1 import signal_pb2 as pb
from signalos_server.domain.dealing.sizing import Sizing, SizingMode
from signalos_server.domain.pipeline.source import Source, SourceRules, Subscription, Window
from signalos_server.domain.pipeline.words import (
    LadderStopPlan,
    OppositeRule,
    SourceTrust,
    TargetSplit,
)
from signalos_server.rpc.convert import decimal_of, duration, optional_decimal, seconds_of, timestamp

_PLAIN = SourceRules()

_SIZING_FIELDS = {
    SizingMode.FIXED_LOTS: "fixed_lots",
    SizingMode.EQUITY_PERCENT: "equity_percent",
    SizingMode.BALANCE_PERCENT: "balance_percent",
    SizingMode.MONEY: "money",
}


def source_to_proto(source: Source) -> pb.Source:
    """Return a source as the contract says it; its token is never part of it."""
    return pb.Source(
        source_id=source.source_id,
        name=source.name,
        kind=int(source.kind),  # type: ignore[arg-type]
        enabled=source.enabled,
        policy=_rules_to_proto(source.rules),
        subscriptions=map(_subscription_to_proto, source.subscriptions),
        create_time=timestamp(source.create_time),
        last_signal_time=timestamp(source.last_signal_time),
        token_hint=source.token_hint,
        revision=source.revision,
    )


def _rules_to_proto(rules: SourceRules) -> pb.SourcePolicy:
    return pb.SourcePolicy(
        trust=int(rules.trust),  # type: ignore[arg-type]
        senders=rules.senders,
        default_symbol=rules.default_symbol,
        maximum_age=duration(rules.maximum_age),
        duplicate_window=duration(rules.duplicate_window),
        duplicates_across_sources=rules.duplicates_across_sources,
        approve_within=duration(rules.approve_within),
        maximum_drift_percent=float(rules.maximum_drift_percent),
        maximum_spread_percent=float(rules.maximum_spread_percent),
        filling_limits=rules.filling_limits,
        symbol_map=_map_to_proto(rules.symbol_map),
        symbols=rules.symbols,
        windows=[
            pb.SourceWindow(days=window.days, start=window.start, end=window.end, time_zone=window.time_zone)
            for window in rules.windows
        ],
        chats=rules.chats,
    )


def _map_to_proto(pairs: Iterable[tuple[str, str]]) -> list[pb.SymbolMapping]:
    return [pb.SymbolMapping(symbol=symbol, broker_symbol=name) for symbol, name in pairs]


def _subscription_to_proto(subscription: Subscription) -> pb.Subscription:
    sizing = pb.SignalSizing()
    field = _SIZING_FIELDS.get(subscription.sizing.mode)
    if field is None:
        sizing.signal_lots = True
    else:
        setattr(sizing, field, float(subscription.sizing.amount))
    return pb.Subscription(
        account_id=subscription.account_id,
        suspended=subscription.suspended,
        sizing=sizing,
        maximum_risk_percent=float(subscription.maximum_risk_percent),
        maximum_positions=subscription.maximum_positions,
        symbol_map=_map_to_proto(subscription.symbol_map),
        opposite=int(subscription.opposite),  # type: ignore[arg-type]
        split=int(subscription.split),  # type: ignore[arg-type]
        stop_plan=int(subscription.stop_plan),  # type: ignore[arg-type]
        commission_per_lot=float(subscription.commission_per_lot),
    )


def rules_of(policy: pb.SourcePolicy) -> SourceRules:
    """Return what the messages of a source may do; what is unset is as the contract says."""
    drift = optional_decimal(policy, "maximum_drift_percent")
    spread = optional_decimal(policy, "maximum_spread_percent")
    return SourceRules(
        trust=SourceTrust(policy.trust) if policy.trust else _PLAIN.trust,
        senders=tuple(policy.senders),
        default_symbol=policy.default_symbol,
        maximum_age=_span(policy, "maximum_age", _PLAIN.maximum_age),
        duplicate_window=_span(policy, "duplicate_window", _PLAIN.duplicate_window),
        duplicates_across_sources=policy.duplicates_across_sources,
        approve_within=_span(policy, "approve_within", _PLAIN.approve_within),
        maximum_drift_percent=_PLAIN.maximum_drift_percent if drift is None else drift,
        maximum_spread_percent=_PLAIN.maximum_spread_percent if spread is None else spread,
        filling_limits=policy.filling_limits,
        symbol_map=_map_of(policy.symbol_map),
        symbols=tuple(policy.symbols),
        windows=tuple(
            Window(tuple(window.days), window.start, window.end, window.time_zone)
            for window in policy.windows
        ),
        chats=tuple(policy.chats),
    )


def _span(policy: pb.SourcePolicy, field: str, default: timedelta) -> timedelta:
    if not policy.HasField(field):  # type: ignore[arg-type]  # a field's name
        return default
    value: Duration = getattr(policy, field)
    return timedelta(seconds=seconds_of(value))


def _map_of(pairs: Iterable[pb.SymbolMapping]) -> tuple[tuple[str, str], ...]:
    return tuple((pair.symbol, pair.broker_symbol) for pair in pairs)


def subscription_of(message: pb.Subscription) -> Subscription:
    """Return how an account follows a source; what is unset is as the contract says."""
    plain = Subscription(message.account_id)
    risk = optional_decimal(message, "maximum_risk_percent")
    commission = optional_decimal(message, "commission_per_lot")
    return Subscription(
        account_id=message.account_id,
        suspended=message.suspended,
        sizing=_sizing_of(message.sizing) if message.HasField("sizing") else plain.sizing,
        maximum_risk_percent=plain.maximum_risk_percent if risk is None else risk,
        maximum_positions=message.maximum_positions
        if message.HasField("maximum_positions")
        else plain.maximum_positions,
        symbol_map=_map_of(message.symbol_map),
        opposite=OppositeRule(message.opposite) if message.opposite else plain.opposite,
        split=TargetSplit(message.split) if message.split else plain.split,
        stop_plan=LadderStopPlan(message.stop_plan) if message.stop_plan else plain.stop_plan,
        commission_per_lot=plain.commission_per_lot if commission is None else commission,
    )


def _sizing_of(message: pb.SignalSizing) -> Sizing:
    which = message.WhichOneof("amount")
    for mode, field in _SIZING_FIELDS.items():
        if which == field:
            return Sizing(mode, decimal_of(getattr(message, field)))
    return Sizing(SizingMode.SIGNAL_LOTS, Decimal(0))
