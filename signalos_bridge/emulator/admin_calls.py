"""What an operator may do to the broker while it runs."""

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from signalos_bridge.emulator.broker import Broker
from signalos_bridge.emulator.domain import matching, triggers
from signalos_bridge.emulator.domain.changes import Cause, OrderSet, PositionSet, TermsSet
from signalos_bridge.emulator.domain.codes import DealType, OrderState, Reason, Retcode
from signalos_bridge.emulator.domain.entities import AccountTerms
from signalos_bridge.emulator.domain.money import figures
from signalos_bridge.emulator.domain.requests import Execution
from signalos_bridge.emulator.errors import CallFailed, LastError
from signalos_bridge.emulator.faults import AnyFault, Reject, TellRetcode
from signalos_bridge.emulator.ledger import FaultRecord
from signalos_bridge.emulator.operator_messages import (
    AccountFigures,
    ClockState,
    PlaceByHand,
    SymbolChange,
    TerminalChange,
    TermsChange,
    changed,
)
from signalos_bridge.emulator.order_calls import parse


def handle(broker: Broker, function: str, args: list[Any]) -> Any:
    """Raises `CallFailed` for what does not exist or makes no sense."""
    call = _CALLS.get(function)
    if call is None:
        raise CallFailed(LastError.UNSUPPORTED)
    try:
        return call(broker, *args)
    except msgspec.ValidationError as error:
        raise CallFailed(LastError.INVALID_PARAMS, str(error)) from error


def clock(broker: Broker) -> Any:
    now = broker.now_ms()
    return _plain(ClockState(broker.stepped, now, broker.market.clock.broker_ms(now)))


def step(broker: Broker, milliseconds: int) -> Any:
    if not broker.stepped:
        raise CallFailed(LastError.UNSUPPORTED, "the clock is real")
    if milliseconds < 0:
        raise CallFailed(LastError.INVALID_PARAMS, "time does not go back")
    broker.advance(broker.market.utc_ms + milliseconds)
    broker.write_prices()
    return clock(broker)


def add_fault(broker: Broker, encoded: Any) -> Any:
    fault: AnyFault = msgspec.convert(encoded, AnyFault, strict=False)
    if isinstance(fault, (Reject, TellRetcode)) and fault.retcode not in tuple(Retcode):
        raise CallFailed(LastError.INVALID_PARAMS, f"no such retcode: {fault.retcode}")
    identifier = broker.faults.add(fault)
    text = msgspec.json.encode(fault).decode()
    broker.commit(FaultRecord(identifier, text, True, time.time_ns()))
    return identifier


def clear_faults(broker: Broker, identifier: int | None) -> Any:
    cleared = broker.faults.clear(identifier)
    broker.commit(*(FaultRecord(one, "", False, time.time_ns()) for one in cleared))
    return cleared


def list_faults(broker: Broker) -> Any:
    return _plain(broker.faults.active())


def set_price(broker: Broker, name: str, bid: str, ask: str) -> Any:
    broker.catch_up()
    symbol = _symbol(broker, name)
    low, high = Decimal(bid), Decimal(ask)
    if not 0 < low < high:
        raise CallFailed(LastError.INVALID_PARAMS, "the bid must lie below the ask, above nothing")
    broker.market.put(name, low, high, broker.market.utc_ms)
    triggers.on_tick(broker.book, name)
    broker.commit()
    broker.write_prices()
    return [str(symbol.quote.bid), str(symbol.quote.ask)]


def jump(broker: Broker, name: str, points: int) -> Any:
    broker.catch_up()
    symbol = _symbol(broker, name)
    shift = points * symbol.spec.point
    return set_price(broker, name, str(symbol.quote.bid + shift), str(symbol.quote.ask + shift))


def quote(broker: Broker, name: str) -> Any:
    now = _symbol(broker, name).quote
    return [str(now.bid), str(now.ask)]


def set_symbol(broker: Broker, name: str, encoded: Any) -> Any:
    symbol = _symbol(broker, name)
    change = msgspec.convert(encoded, SymbolChange, strict=False)
    if not isinstance(change.closed, msgspec.UnsetType):
        symbol.condition = replace(symbol.condition, closed=change.closed)
    if not isinstance(change.spread_factor, msgspec.UnsetType):
        symbol.condition = replace(symbol.condition, spread_factor=change.spread_factor)
    symbol.condition = changed(symbol.condition, change, but=("closed", "spread_factor"))
    symbol.spec = changed(symbol.spec, change)
    broker.note_symbol(name)
    if not isinstance(change.spread_factor, msgspec.UnsetType):
        # The widened spread shows at once, around the price as it stands.
        bid = symbol.quote.bid
        wide = max(1, int(symbol.spec.spread_points * symbol.condition.spread_factor))
        set_price(broker, name, str(bid), str(bid + wide * symbol.spec.point))
    return None


def symbol_specs(broker: Broker) -> Any:
    return _plain([symbol.spec for symbol in broker.market.symbols.values()])


def set_terminal(broker: Broker, name: str, encoded: Any) -> Any:
    terminal = broker.terminal(name)
    change = msgspec.convert(encoded, TerminalChange)
    if not isinstance(change.login, msgspec.UnsetType):
        broker.account(change.login)
    broker.set_terminal(changed(terminal, change))
    return None


def terminals(broker: Broker) -> Any:
    return _plain(list(broker.terminals.values()))


def create_account(broker: Broker, encoded: Any, deposit: str) -> Any:
    terms = msgspec.convert(encoded, AccountTerms, strict=False)
    if terms.login in broker.book.accounts:
        raise CallFailed(LastError.INVALID_PARAMS, f"account {terms.login} exists")
    broker.open_account(terms, Decimal(deposit))
    return None


def set_account(broker: Broker, login: int, encoded: Any) -> Any:
    account = broker.account(login)
    change = msgspec.convert(encoded, TermsChange, strict=False)
    broker.book.record(TermsSet(changed(account.terms, change)))
    broker.commit()
    return None


def deposit(broker: Broker, login: int, amount: str, comment: str, credit: bool) -> Any:
    broker.catch_up()
    broker.account(login)
    kind = DealType.CREDIT if credit else DealType.BALANCE
    deal = matching.change_balance(broker.book, login, Decimal(amount), comment, kind=kind)
    broker.commit()
    return deal.ticket


def account(broker: Broker, login: int) -> Any:
    held = broker.account(login)
    now = figures(broker.market, held)
    return _plain(
        AccountFigures(
            held.terms, now.balance, now.credit, now.profit, now.equity, now.margin, now.free, now.level
        )
    )


def positions(broker: Broker, login: int) -> Any:
    return _plain(list(broker.account(login).positions.values()))


def orders(broker: Broker, login: int) -> Any:
    return _plain(list(broker.account(login).orders.values()))


def order_history(broker: Broker, login: int) -> Any:
    return _plain(list(broker.account(login).order_history.values()))


def deals(broker: Broker, login: int) -> Any:
    return _plain(list(broker.account(login).deals.values()))


def close_by_hand(broker: Broker, login: int, ticket: int, volume: str | None, reason: int) -> Any:
    broker.catch_up()
    held = broker.account(login)
    position = held.positions.get(ticket)
    if position is None:
        raise CallFailed(LastError.NOT_FOUND, f"no position {ticket}")
    amount = None if volume is None else Decimal(volume)
    if amount is not None and not 0 < amount <= position.volume:
        raise CallFailed(LastError.INVALID_PARAMS, f"the position has {position.volume} lots")
    deal = matching.close_by_broker(
        broker.book, held, position, Reason(reason), Cause.HAND, "", volume=amount
    )
    broker.commit()
    return deal.ticket


def modify_by_hand(broker: Broker, login: int, ticket: int, sl: str, tp: str) -> Any:
    broker.catch_up()
    position = broker.account(login).positions.get(ticket)
    if position is None:
        raise CallFailed(LastError.NOT_FOUND, f"no position {ticket}")
    moved = replace(position, sl=Decimal(sl), tp=Decimal(tp), time_update_ms=broker.book.broker_ms)
    broker.book.record(PositionSet(login, moved))
    broker.commit()
    return None


def charge_swap(broker: Broker, login: int, ticket: int, amount: str) -> Any:
    broker.catch_up()
    position = broker.account(login).positions.get(ticket)
    if position is None:
        raise CallFailed(LastError.NOT_FOUND, f"no position {ticket}")
    broker.book.record(PositionSet(login, replace(position, swap=position.swap + Decimal(amount))))
    broker.commit()
    return None


def cancel_by_hand(broker: Broker, login: int, ticket: int) -> Any:
    broker.catch_up()
    order = broker.account(login).orders.get(ticket)
    if order is None:
        raise CallFailed(LastError.NOT_FOUND, f"no order {ticket}")
    ended = replace(order, state=OrderState.CANCELED, time_done_ms=broker.book.broker_ms)
    broker.book.record(OrderSet(login, ended))
    broker.commit()
    return None


def place_by_hand(broker: Broker, login: int, encoded: Any) -> Any:
    """Send an order as a person would from the terminal's window."""
    broker.catch_up()
    broker.account(login)
    asked = msgspec.convert(encoded, PlaceByHand)
    request = parse({field: getattr(asked, field) for field in asked.__struct_fields__ if field != "reason"})
    outcome = matching.send(broker.book, login, request, Execution(reason=asked.reason))
    broker.commit()
    return [int(outcome.retcode), outcome.order, outcome.deal]


def ledger_path(broker: Broker) -> Any:
    return str(broker.ledger.path)


_CALLS: dict[str, Callable[..., Any]] = {
    call.__name__: call
    for call in (
        clock,
        step,
        add_fault,
        clear_faults,
        list_faults,
        set_price,
        jump,
        quote,
        set_symbol,
        symbol_specs,
        set_terminal,
        terminals,
        create_account,
        set_account,
        deposit,
        account,
        positions,
        orders,
        order_history,
        deals,
        close_by_hand,
        modify_by_hand,
        charge_swap,
        cancel_by_hand,
        place_by_hand,
        ledger_path,
    )
}


def _symbol(broker: Broker, name: str) -> Any:
    symbol = broker.market.symbols.get(name)
    if symbol is None:
        raise CallFailed(LastError.NOT_FOUND, f"no symbol {name}")
    return symbol


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
