"""The inside's words have the contract's numbers."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest

from signalos.v1 import (
    account_pb2,
    alert_pb2,
    command_pb2,
    control_pb2,
    order_pb2,
    signal_pb2,
    trade_pb2,
)
from signalos_server.domain import words
from signalos_server.domain.pipeline import words as signal_words

PAIRS: list[tuple[type[IntEnum], Any]] = [
    (words.Side, trade_pb2.Side),
    (words.OrderType, order_pb2.OrderType),
    (words.OrderState, order_pb2.OrderState),
    (words.TradeState, trade_pb2.TradeState),
    (words.TradeOrigin, trade_pb2.TradeOrigin),
    (words.CloseCause, trade_pb2.CloseCause),
    (words.DealEntry, trade_pb2.DealEntry),
    (words.DistanceUnit, trade_pb2.DistanceUnit),
    (words.GuardState, trade_pb2.GuardState),
    (words.CommandState, command_pb2.CommandState),
    (words.LegState, command_pb2.LegState),
    (words.CommandOrigin, command_pb2.CommandOrigin),
    (words.LapsePolicy, control_pb2.LapsePolicy),
    (words.StopScope, control_pb2.StopScope),
    (words.StopTicketState, control_pb2.StopTicketState),
    (words.StopTriggerKind, control_pb2.StopTriggerKind),
    (words.EquityFloorAction, control_pb2.EquityFloorAction),
    (words.SyncTrigger, control_pb2.SyncTrigger),
    (words.SyncDifferenceKind, control_pb2.SyncDifferenceKind),
    (words.BridgeState, account_pb2.BridgeState),
    (words.TerminalState, account_pb2.TerminalState),
    (words.SymbolTradeMode, account_pb2.SymbolTradeMode),
    (words.MarginMode, account_pb2.MarginMode),
    (words.TradeMode, account_pb2.AccountTradeMode),
    (words.Severity, alert_pb2.AlertSeverity),
    (signal_words.SignalState, signal_pb2.SignalState),
    (signal_words.SignalOutcome, signal_pb2.SignalOutcome),
    (signal_words.SourceKind, signal_pb2.SourceKind),
    (signal_words.SourceTrust, signal_pb2.SourceTrust),
    (signal_words.OppositeRule, signal_pb2.OppositeRule),
    (signal_words.TargetSplit, signal_pb2.TargetSplit),
    (signal_words.LadderStopPlan, signal_pb2.LadderStopPlan),
]


@pytest.mark.parametrize(("inside", "outside"), PAIRS, ids=lambda kind: getattr(kind, "__name__", ""))
def test_each_word_has_the_number_of_its_namesake(inside: type[IntEnum], outside: Any) -> None:
    names = {name: number for name, number in outside.items() if number != 0}
    for member in inside:
        if member.value:
            (namesake,) = (name for name, number in names.items() if number == member.value)
            assert namesake.endswith(f"_{member.name}")
    assert {member.value for member in inside} - {0} == set(names.values())
