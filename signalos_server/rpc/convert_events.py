"""What happened, as the events of a stream."""

from __future__ import annotations

from signalos.v1 import event_pb2
from signalos_server.domain import happenings
from signalos_server.domain.happenings import Happening, SignalChange
from signalos_server.rpc.convert_accounts import account_to_proto
from signalos_server.rpc.convert_commands import command_to_proto
from signalos_server.rpc.convert_control import standing_to_proto, stop_to_proto, sync_to_proto
from signalos_server.rpc.convert_limits import use_to_proto
from signalos_server.rpc.convert_records import order_to_proto, trade_to_proto, trailing_to_proto
from signalos_server.rpc.convert_signal_records import signal_to_proto


def event_of(happening: Happening) -> event_pb2.Event:
    """Return the event that tells of it, without id, time and place in a stream."""
    match happening:
        case happenings.TradeOpened():
            return event_pb2.Event(trade_opened=event_pb2.TradeOpened(trade=trade_to_proto(happening.trade)))
        case happenings.TradeChanged():
            return event_pb2.Event(
                trade_update=event_pb2.TradeUpdate(
                    trade=trade_to_proto(happening.trade), change=happening.change
                )
            )
        case happenings.TradeClosed():
            return event_pb2.Event(trade_closed=event_pb2.TradeClosed(trade=trade_to_proto(happening.trade)))
        case happenings.OrderChanged():
            return event_pb2.Event(
                order_update=event_pb2.OrderUpdate(
                    order=order_to_proto(happening.order), change=happening.change
                )
            )
        case happenings.CommandChanged():
            return event_pb2.Event(
                command_update=event_pb2.CommandUpdate(command=command_to_proto(happening.command))
            )
        case happenings.LinkChanged():
            return event_pb2.Event(
                mt5_status_update=event_pb2.TerminalStatusUpdate(
                    account=account_to_proto(happening.account), change=happening.change
                )
            )
        case happenings.TrailingChanged():
            return event_pb2.Event(
                trailing_stop_update=event_pb2.TrailingStopUpdate(
                    trade=trade_to_proto(happening.trade),
                    wanted=trailing_to_proto(happening.wanted),
                    applied=happening.applied,
                    change=happening.change,
                )
            )
        case happenings.SyncDone():
            return event_pb2.Event(
                desktop_sync_complete=event_pb2.SyncComplete(
                    report=sync_to_proto(happening.account_id, happening.report)
                )
            )
        case happenings.SignalTold():
            return _signal_event(happening)
        case _:
            return _control_event(happening)


def _signal_event(told: happenings.SignalTold) -> event_pb2.Event:
    signal = signal_to_proto(told.view)
    match told.change:
        case SignalChange.CREATED:
            return event_pb2.Event(signal_created=event_pb2.SignalCreated(signal=signal))
        case SignalChange.UPDATED:
            return event_pb2.Event(signal_updated=event_pb2.SignalUpdated(signal=signal))
        case SignalChange.REPLAYED:
            return event_pb2.Event(signal_replay=event_pb2.SignalReplayed(signal=signal))


def _control_event(happening: Happening) -> event_pb2.Event:
    match happening:
        case happenings.StopCalled():
            return event_pb2.Event(
                emergency_stop=event_pb2.EmergencyStopRaised(
                    report=stop_to_proto(happening.stop), state=standing_to_proto(happening.standing)
                )
            )
        case happenings.StopMoved():
            return event_pb2.Event(stop_progress=event_pb2.StopProgress(report=stop_to_proto(happening.stop)))
        case happenings.Paused():
            state = standing_to_proto(happening.standing)
            if happening.paused:
                return event_pb2.Event(trading_paused=event_pb2.TradingPaused(state=state))
            return event_pb2.Event(trading_resumed=event_pb2.TradingResumed(state=state))
        case happenings.Rearmed():
            return event_pb2.Event(
                trading_rearmed=event_pb2.TradingRearmed(
                    state=standing_to_proto(happening.standing),
                    stop_ids=happening.stop_ids,
                    reason=happening.reason,
                )
            )
        case happenings.StealthChanged():
            return event_pb2.Event(
                stealth_changed=event_pb2.StealthChanged(state=standing_to_proto(happening.standing))
            )
        case happenings.LimitsChanged():
            return event_pb2.Event(
                limits_update=event_pb2.LimitsChanged(
                    uses=[use_to_proto(use) for use in happening.uses], change=happening.change
                )
            )
        case _:
            raise TypeError(f"{type(happening).__name__} is no event")
