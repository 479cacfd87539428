"""Parses of signals to messages."""

from __future__ import annotations

from signalos.v1 import signal_pb2
from signalos.v1.trade_pb2 import Side as SideMessage
from signalos_server.domain.signals.model import Parse, Reason


def parsed_message(found: Parse) -> signal_pb2.ParsedSignal:
    """Return a parse as its message; enums have the names of the domain's."""
    message = signal_pb2.ParsedSignal(
        kind=signal_pb2.SignalKind.Value(f"SIGNAL_KIND_{found.kind.name}"),
        symbol=found.symbol or "",
        take_profits=map(float, found.take_profits),
        take_profit_pips=map(float, found.take_profit_pips),
        take_profit_open=found.take_profit_open,
        also=map(parsed_message, found.also),
        gate=signal_pb2.SignalGate.Value(f"SIGNAL_GATE_{found.gate.name}"),
        reasons=map(_reason_message, found.reasons),
    )
    if found.side is not None:
        message.side = SideMessage.Value(f"SIDE_{found.side.name}")
    if found.entry_type is not None:
        message.order_type = signal_pb2.SignalOrderType.Value(f"SIGNAL_ORDER_TYPE_{found.entry_type.name}")
    if found.target is not None:
        message.target = signal_pb2.SignalTarget.Value(f"SIGNAL_TARGET_{found.target.name}")
    if found.event is not None:
        message.event = signal_pb2.SignalAnnouncement.Value(f"SIGNAL_ANNOUNCEMENT_{found.event.name}")
    if found.entry is not None:
        message.entry_low, message.entry_high = map(float, found.entry)
    if found.stop_loss is not None:
        message.stop_loss = float(found.stop_loss)
    if found.stop_loss_pips is not None:
        message.stop_loss_pips = float(found.stop_loss_pips)
    if found.volume_lots is not None:
        message.volume_lots = float(found.volume_lots)
    if found.fraction is not None:
        message.fraction = float(found.fraction)
    if found.take_profit_index is not None:
        message.take_profit_index = found.take_profit_index
    if found.trail_pips is not None:
        message.trail_pips = float(found.trail_pips)
    _add_risk(message, found)
    return message


def _add_risk(message: signal_pb2.ParsedSignal, found: Parse) -> None:
    risk = found.risk
    if risk is None:
        return
    if risk.percent is not None:
        message.risk_percent = float(risk.percent)
    if risk.money is not None:
        message.risk_money = float(risk.money)
        message.risk_currency = risk.currency or ""
    if risk.raw is not None:
        message.risk_raw = float(risk.raw)


def _reason_message(reason: Reason) -> signal_pb2.SignalReason:
    message = signal_pb2.SignalReason(code=reason.code, message=reason.text)
    if reason.span is not None:
        message.start, message.end = reason.span.start, reason.span.end
    return message
