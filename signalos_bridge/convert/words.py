"""The contract's enumerations and the bridge's. Every word of ours has one of the contract's."""

from __future__ import annotations

from signalos.v1 import account_pb2, alert_pb2, command_pb2, control_pb2, order_pb2, trade_pb2
from signalos_bridge.convert.numbers import Malformed
from signalos_bridge.domain import facts, market, values

SIDES: dict[market.Side, trade_pb2.Side.ValueType] = {
    market.Side.BUY: trade_pb2.SIDE_BUY,
    market.Side.SELL: trade_pb2.SIDE_SELL,
}
TRADE_MODES: dict[market.TradeMode, account_pb2.AccountTradeMode.ValueType] = {
    market.TradeMode.DEMO: account_pb2.ACCOUNT_TRADE_MODE_DEMO,
    market.TradeMode.CONTEST: account_pb2.ACCOUNT_TRADE_MODE_CONTEST,
    market.TradeMode.REAL: account_pb2.ACCOUNT_TRADE_MODE_REAL,
}
MARGIN_MODES: dict[market.MarginMode, account_pb2.MarginMode.ValueType] = {
    market.MarginMode.RETAIL_NETTING: account_pb2.MARGIN_MODE_NETTING,
    market.MarginMode.EXCHANGE: account_pb2.MARGIN_MODE_EXCHANGE,
    market.MarginMode.RETAIL_HEDGING: account_pb2.MARGIN_MODE_HEDGING,
}
SYMBOL_TRADE_MODES: dict[market.SymbolTradeMode, account_pb2.SymbolTradeMode.ValueType] = {
    market.SymbolTradeMode.DISABLED: account_pb2.SYMBOL_TRADE_MODE_DISABLED,
    market.SymbolTradeMode.LONG_ONLY: account_pb2.SYMBOL_TRADE_MODE_LONG_ONLY,
    market.SymbolTradeMode.SHORT_ONLY: account_pb2.SYMBOL_TRADE_MODE_SHORT_ONLY,
    market.SymbolTradeMode.CLOSE_ONLY: account_pb2.SYMBOL_TRADE_MODE_CLOSE_ONLY,
    market.SymbolTradeMode.FULL: account_pb2.SYMBOL_TRADE_MODE_FULL,
}
TERMINAL_STATES: dict[market.TerminalState, account_pb2.TerminalState.ValueType] = {
    market.TerminalState.NO_PIPE: account_pb2.TERMINAL_STATE_UNREACHABLE,
    market.TerminalState.NOT_LOGGED_IN: account_pb2.TERMINAL_STATE_NOT_LOGGED_IN,
    market.TerminalState.TRADING_OFF: account_pb2.TERMINAL_STATE_TRADING_OFF,
    market.TerminalState.READY: account_pb2.TERMINAL_STATE_READY,
}
DEAL_ENTRIES: dict[market.DealEntry, trade_pb2.DealEntry.ValueType] = {
    market.DealEntry.IN: trade_pb2.DEAL_ENTRY_IN,
    market.DealEntry.OUT: trade_pb2.DEAL_ENTRY_OUT,
    market.DealEntry.INOUT: trade_pb2.DEAL_ENTRY_INOUT,
    market.DealEntry.OUT_BY: trade_pb2.DEAL_ENTRY_OUT_BY,
}
OPEN_KINDS: dict[values.OpenKind, order_pb2.OrderType.ValueType] = {
    values.OpenKind.MARKET: order_pb2.ORDER_TYPE_MARKET,
    values.OpenKind.LIMIT: order_pb2.ORDER_TYPE_LIMIT,
    values.OpenKind.STOP: order_pb2.ORDER_TYPE_STOP,
}
ORDER_TYPES: dict[market.OrderType, order_pb2.OrderType.ValueType] = {
    market.OrderType.BUY: order_pb2.ORDER_TYPE_MARKET,
    market.OrderType.SELL: order_pb2.ORDER_TYPE_MARKET,
    market.OrderType.BUY_LIMIT: order_pb2.ORDER_TYPE_LIMIT,
    market.OrderType.SELL_LIMIT: order_pb2.ORDER_TYPE_LIMIT,
    market.OrderType.BUY_STOP: order_pb2.ORDER_TYPE_STOP,
    market.OrderType.SELL_STOP: order_pb2.ORDER_TYPE_STOP,
    market.OrderType.BUY_STOP_LIMIT: order_pb2.ORDER_TYPE_STOP_LIMIT,
    market.OrderType.SELL_STOP_LIMIT: order_pb2.ORDER_TYPE_STOP_LIMIT,
    market.OrderType.CLOSE_BY: order_pb2.ORDER_TYPE_MARKET,
}
_PENDING_TYPES: dict[tuple[int, market.Side], market.OrderType] = {
    (order_pb2.ORDER_TYPE_LIMIT, market.Side.BUY): market.OrderType.BUY_LIMIT,
    (order_pb2.ORDER_TYPE_LIMIT, market.Side.SELL): market.OrderType.SELL_LIMIT,
    (order_pb2.ORDER_TYPE_STOP, market.Side.BUY): market.OrderType.BUY_STOP,
    (order_pb2.ORDER_TYPE_STOP, market.Side.SELL): market.OrderType.SELL_STOP,
    (order_pb2.ORDER_TYPE_STOP_LIMIT, market.Side.BUY): market.OrderType.BUY_STOP_LIMIT,
    (order_pb2.ORDER_TYPE_STOP_LIMIT, market.Side.SELL): market.OrderType.SELL_STOP_LIMIT,
    (order_pb2.ORDER_TYPE_MARKET, market.Side.BUY): market.OrderType.BUY,
    (order_pb2.ORDER_TYPE_MARKET, market.Side.SELL): market.OrderType.SELL,
}

_SIDES_BACK = {word: ours for ours, word in SIDES.items()}
_TRADE_MODES_BACK = {word: ours for ours, word in TRADE_MODES.items()}
_OPEN_KINDS_BACK = {word: ours for ours, word in OPEN_KINDS.items()}


def command_state(state: values.CommandState) -> command_pb2.CommandState.ValueType:
    """Return the contract's word."""
    return command_pb2.CommandState.Value(f"COMMAND_STATE_{state.value}")


def leg_state(state: values.LegState) -> command_pb2.LegState.ValueType:
    """Return the contract's word."""
    return command_pb2.LegState.Value(f"LEG_STATE_{state.value}")


def command_origin(origin: values.CommandOrigin) -> command_pb2.CommandOrigin.ValueType:
    """Return the contract's word."""
    return command_pb2.CommandOrigin.Value(f"COMMAND_ORIGIN_{origin.value}")


def alert_severity(severity: values.AlertSeverity) -> alert_pb2.AlertSeverity.ValueType:
    """Return the contract's word."""
    return alert_pb2.AlertSeverity.Value(f"ALERT_SEVERITY_{severity.value}")


def lapse_policy(policy: values.LapsePolicy) -> control_pb2.LapsePolicy.ValueType:
    """Return the contract's word."""
    return control_pb2.LapsePolicy.Value(f"LAPSE_POLICY_{policy.value}")


def floor_action(action: values.FloorAction) -> control_pb2.EquityFloorAction.ValueType:
    """Return the contract's word."""
    return control_pb2.EquityFloorAction.Value(f"EQUITY_FLOOR_ACTION_{action.value}")


def distance_unit(unit: values.DistanceUnit) -> trade_pb2.DistanceUnit.ValueType:
    """Return the contract's word."""
    return trade_pb2.DistanceUnit.Value(f"DISTANCE_UNIT_{unit.value}")


def trade_origin(origin: facts.TradeOrigin) -> trade_pb2.TradeOrigin.ValueType:
    """Return the contract's word."""
    return trade_pb2.TradeOrigin.Value(f"TRADE_ORIGIN_{origin.value}")


def close_cause(cause: facts.CloseCause | None) -> trade_pb2.CloseCause.ValueType:
    """Return the contract's word; UNSPECIFIED where the cause is not known."""
    if cause is None:
        return trade_pb2.CLOSE_CAUSE_UNSPECIFIED
    return trade_pb2.CloseCause.Value(f"CLOSE_CAUSE_{cause.value}")


def guard_state(state: facts.GuardState | None) -> trade_pb2.GuardState.ValueType:
    """Return the contract's word; UNSPECIFIED where nothing is guarded."""
    if state is None:
        return trade_pb2.GUARD_STATE_UNSPECIFIED
    return trade_pb2.GuardState.Value(f"GUARD_STATE_{state.value}")


def order_standing(standing: facts.OrderStanding) -> order_pb2.OrderState.ValueType:
    """Return the contract's word."""
    return order_pb2.OrderState.Value(f"ORDER_STATE_{standing.value}")


def stop_ticket_state(state: facts.StopTicketState) -> control_pb2.StopTicketState.ValueType:
    """Return the contract's word."""
    return control_pb2.StopTicketState.Value(f"STOP_TICKET_STATE_{state.value}")


def sync_trigger(trigger: facts.SyncTrigger) -> control_pb2.SyncTrigger.ValueType:
    """Return the contract's word."""
    return control_pb2.SyncTrigger.Value(f"SYNC_TRIGGER_{trigger.value}")


def difference_kind(kind: facts.SyncDifferenceKind) -> control_pb2.SyncDifferenceKind.ValueType:
    """Return the contract's word."""
    return control_pb2.SyncDifferenceKind.Value(f"SYNC_DIFFERENCE_KIND_{kind.value}")


def side_of(word: trade_pb2.Side.ValueType) -> market.Side:
    """Return our side; raises `Malformed` for anything but buy and sell."""
    if (side := _SIDES_BACK.get(word)) is None:
        raise Malformed(f"side {word} is neither buy nor sell")
    return side


def trade_mode_of(word: account_pb2.AccountTradeMode.ValueType) -> market.TradeMode:
    """Return our trade mode; raises `Malformed` for an unknown one."""
    if (mode := _TRADE_MODES_BACK.get(word)) is None:
        raise Malformed(f"trade mode {word} is not known")
    return mode


def open_kind_of(word: order_pb2.OrderType.ValueType) -> values.OpenKind:
    """Return how an open executes; unset is a market order."""
    if word == order_pb2.ORDER_TYPE_UNSPECIFIED:
        return values.OpenKind.MARKET
    if (kind := _OPEN_KINDS_BACK.get(word)) is None:
        raise Malformed(f"order type {word} cannot be opened")
    return kind


def order_type_of(word: order_pb2.OrderType.ValueType, side: market.Side) -> market.OrderType:
    """Return MetaTrader's order type; raises `Malformed` for an unknown one."""
    if (kind := _PENDING_TYPES.get((word, side))) is None:
        raise Malformed(f"order type {word} is not known")
    return kind


def _name(name: str, prefix: str) -> str:
    return name.removeprefix(prefix)


def command_origin_of(word: command_pb2.CommandOrigin.ValueType) -> values.CommandOrigin:
    """Return our origin; raises `Malformed` for an unknown one."""
    try:
        return values.CommandOrigin(_name(command_pb2.CommandOrigin.Name(word), "COMMAND_ORIGIN_"))
    except ValueError:
        raise Malformed(f"command origin {word} is not known") from None


def lapse_policy_of(word: control_pb2.LapsePolicy.ValueType) -> values.LapsePolicy:
    """Return our lapse policy; unset cancels pending orders."""
    if word == control_pb2.LAPSE_POLICY_UNSPECIFIED:
        return values.LapsePolicy.CANCEL_PENDINGS
    try:
        return values.LapsePolicy(_name(control_pb2.LapsePolicy.Name(word), "LAPSE_POLICY_"))
    except ValueError:
        raise Malformed(f"lapse policy {word} is not known") from None


def floor_action_of(word: control_pb2.EquityFloorAction.ValueType) -> values.FloorAction:
    """Return our action; unset blocks."""
    if word == control_pb2.EQUITY_FLOOR_ACTION_UNSPECIFIED:
        return values.FloorAction.BLOCK
    try:
        return values.FloorAction(_name(control_pb2.EquityFloorAction.Name(word), "EQUITY_FLOOR_ACTION_"))
    except ValueError:
        raise Malformed(f"equity floor action {word} is not known") from None


def distance_unit_of(word: trade_pb2.DistanceUnit.ValueType) -> values.DistanceUnit:
    """Return our unit; unset is a difference of prices."""
    if word == trade_pb2.DISTANCE_UNIT_UNSPECIFIED:
        return values.DistanceUnit.PRICE
    try:
        return values.DistanceUnit(_name(trade_pb2.DistanceUnit.Name(word), "DISTANCE_UNIT_"))
    except ValueError:
        raise Malformed(f"distance unit {word} is not known") from None


def sync_trigger_of(word: control_pb2.SyncTrigger.ValueType) -> facts.SyncTrigger:
    """Return what started a sync; unset is a person's request."""
    if word == control_pb2.SYNC_TRIGGER_UNSPECIFIED:
        return facts.SyncTrigger.REQUEST
    try:
        return facts.SyncTrigger(_name(control_pb2.SyncTrigger.Name(word), "SYNC_TRIGGER_"))
    except ValueError:
        raise Malformed(f"sync trigger {word} is not known") from None


def trade_origin_of(word: trade_pb2.TradeOrigin.ValueType) -> facts.TradeOrigin:
    """Return whose a position is; raises `Malformed` for an unknown word."""
    try:
        return facts.TradeOrigin(_name(trade_pb2.TradeOrigin.Name(word), "TRADE_ORIGIN_"))
    except ValueError:
        raise Malformed(f"trade origin {word} is not known") from None


def guard_state_of(word: trade_pb2.GuardState.ValueType) -> facts.GuardState | None:
    """Return the guard's state, None where nothing is guarded."""
    if word == trade_pb2.GUARD_STATE_UNSPECIFIED:
        return None
    try:
        return facts.GuardState(_name(trade_pb2.GuardState.Name(word), "GUARD_STATE_"))
    except ValueError:
        raise Malformed(f"guard state {word} is not known") from None
