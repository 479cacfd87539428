"""What of a source's an account holds: its trades and orders, with the signals that caused them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from signalos_server.domain.command import Command
from signalos_server.domain.dealing.matching import Matched, Question, SignalTrade
from signalos_server.domain.pipeline.record import Signal
from signalos_server.domain.records import Order, Trade
from signalos_server.domain.signals.machine_build import symbol_of
from signalos_server.domain.signals.model import Parse
from signalos_server.domain.words import Side
from signalos_server.service.records import Records
from signalos_server.service.signals.facts import Holdings, holdings_of
from signalos_server.service.signals.opening import Case


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a source's an account holds that an update may mean."""

    trades: dict[str, Trade]
    orders: dict[str, Order]
    signals: dict[str, Signal]
    found: tuple[SignalTrade, ...]
    opening: tuple[Command, ...]

    def opening_of(self, signal_ids: Collection[str]) -> bool:
        """Return whether an order of these signals is under way."""
        return any(command.signal_id in signal_ids for command in self.opening)

    def opening_like(self, update: Parse) -> bool:
        """Return whether an order under way is one that an update may mean."""
        for command in self.opening:
            said = self.signals[command.signal_id].parsed
            if update.symbol is None or (said is not None and said.symbol == update.symbol):
                return True
        return False

    def names(self, found: Matched | Question) -> tuple[SignalTrade, ...] | Question:
        """Return what was matched; a question names trades, not the signals that they came of."""
        if isinstance(found, Matched):
            return found.trades
        trades = tuple(sorted(one.identity for one in self.found if one.signal_id in found.candidates))
        return replace(found, candidates=trades)


def reach_of(records: Records, case: Case, now: datetime) -> Reach:
    """Return what of a source's an account holds now."""
    held = holdings_of(records, case.account.account_id, now)
    caused = {trade.trade_id: trade.signal_id for trade in held.trades if trade.signal_id}
    for order in held.orders:
        command_id = order.pending.open_command_id
        command = records.commands.get(command_id) if command_id else None
        if command is not None and command.signal_id:
            caused[order.order_id] = command.signal_id
    ids = {*caused.values(), *(command.signal_id for command in held.opening if command.signal_id)}
    signals = {
        signal_id: signal
        for signal_id, signal in records.signals.many(ids).items()
        if signal.source_id == case.source.source_id
    }
    return Reach(
        {trade.trade_id: trade for trade in held.trades},
        {order.order_id: order for order in held.orders},
        signals,
        tuple(_found(records, held, caused, signals, case)),
        tuple(command for command in held.opening if command.signal_id in signals),
    )


def _found(
    records: Records,
    held: Holdings,
    caused: dict[str, str],
    signals: dict[str, Signal],
    case: Case,
) -> list[SignalTrade]:
    found = []
    for trade in held.trades:
        signal = signals.get(caused.get(trade.trade_id, ""))
        if signal is not None:
            position = trade.position
            command = records.commands.get(position.open_command_id)
            leg = _leg_of(command, position_identifier=position.identifier)
            symbol = _symbol_of(signal, position.symbol)
            found.append(_trade_of(trade.trade_id, signal, case, symbol, position.side, leg, pending=False))
    for order in held.orders:
        signal = signals.get(caused.get(order.order_id, ""))
        if signal is not None:
            pending = order.pending
            command = records.commands.get(pending.open_command_id)
            leg = _leg_of(command, order_ticket=pending.ticket)
            symbol = _symbol_of(signal, pending.symbol)
            found.append(_trade_of(order.order_id, signal, case, symbol, pending.side, leg, pending=True))
    return found


def _trade_of(
    identity: str, signal: Signal, case: Case, symbol: str, side: Side, leg: int, *, pending: bool
) -> SignalTrade:
    return SignalTrade(
        identity=identity,
        signal_id=signal.signal_id,
        source_id=signal.source_id,
        account_id=case.account.account_id,
        symbol=symbol,
        side=side,
        pending=pending,
        leg=leg,
    )


def _symbol_of(signal: Signal, broker_symbol: str) -> str:
    """Return what a signal calls the instrument of its trade; it may have named several."""
    named = [action.symbol for action in signal.actions if action.symbol is not None]
    if len(set(named)) == 1:
        return named[0]
    own = symbol_of(broker_symbol)
    return own if own is not None else broker_symbol


def _leg_of(command: Command | None, *, position_identifier: int = 0, order_ticket: int = 0) -> int:
    """Return which leg of an order a trade is, from 1."""
    for number, leg in enumerate(command.legs if command is not None else (), 1):
        if position_identifier and leg.position_identifier == position_identifier:
            return number
        if order_ticket and leg.order_ticket == order_ticket:
            return number
    return 1
